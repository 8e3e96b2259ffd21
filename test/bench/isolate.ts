/** An isolate with codec, Node's library and every global, against a bare isolate with an empty context. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Figure, median, quantile } from "./figure.ts";

/** Isolates per round, as one takes but a few milliseconds. */
const PER_ROUND = 10;

export async function isolateFigure(rounds: number): Promise<Record<string, Figure>> {
  const child = join(import.meta.dirname, "isolate-child.ts");
  // isolated-vm wants a process without Node's own startup snapshot.
  const output = execFileSync(process.execPath, ["--no-node-snapshot", child, String(rounds * PER_ROUND)]);
  const { bare, complete } = JSON.parse(output.toString()) as { bare: number[]; complete: number[] };
  return {
    "isolate.complete": {
      value: median(complete),
      unit: "ms",
      p50: median(complete) * 1_000,
      p99: quantile(complete, 0.99) * 1_000,
      floor: median(bare),
      ratio: median(complete.map((one, i) => one / (bare[i] as number))),
      goal: "≤ 10 ms",
    },
  };
}

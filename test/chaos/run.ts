/**
 * Chaos for as long as you like:
 *
 *     pnpm test:chaos                          2 minutes, with a seed of its own, which it prints
 *     pnpm test:chaos --minutes 30 --seed 7
 *     pnpm test:chaos --log faults.jsonl       where it writes what it did and when; else below the system's tmp
 *
 * Ends with 1 at the first thing that must not be.
 */
import { randomInt } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { quantile } from "../bench/figure.ts";
import { insideNetworks } from "../harness/networks.ts";
import { chaos } from "./chaos.ts";

const noNetworks = await insideNetworks();
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "2" },
    seed: { type: "string" },
    log: { type: "string" },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new RangeError(`--minutes takes a number above 0, got ${values.minutes}`);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
if (!Number.isInteger(seed)) throw new RangeError(`--seed takes a whole number, got ${values.seed}`);
const logFile = values.log ?? join(tmpdir(), `bonfire-chaos-${seed}.jsonl`);
console.log(`seed ${seed}, ${minutes} minutes; log ${logFile}`);

let told = 0;
const { violations, calls, ran, machines, turns, holders, faults, skipped } = await chaos({
  seconds: minutes * 60,
  seed,
  logFile,
  noNetworks,
  onProgress(seconds, count, violations) {
    if (Math.floor(seconds / 60) === told) return;
    told = Math.floor(seconds / 60);
    console.log(`${told} min: ${count} faults, ${violations} violations`);
  },
});
for (const [name, why] of skipped) console.log(`skipped: ${name}: ${why}`);
const ms = (times: readonly number[], q: number) => (times.length > 0 ? Math.round(quantile(times, q)) : "");
const three = (times: readonly number[]) => [0.5, 0.99, 1].map((q) => ms(times, q)).join(" / ");
console.table(
  Object.fromEntries(
    Array.from(faults, ([name, { count, detections, teardowns }]) => [
      name,
      {
        n: count,
        "detection p50 / p99 / max, ms": detections.length > 0 ? three(detections) : "",
        "teardown p50 / p99 / max, ms": teardowns.length > 0 ? three(teardowns) : "",
      },
    ]),
  ),
);
console.log(
  `${machines} executors; ${calls.started} calls, ${calls.ended} ended, ${calls.failed} of them by failing; ` +
    `${ran} runs of closures; ${turns} turns of ${holders} holders of 2 names`,
);
for (const violation of violations) console.error(`MUST NOT BE: ${violation}`);
console.log(
  violations.length === 0
    ? "0 orphans, 0 false teardowns, 0 calls lost or ended twice, 0 names held twice"
    : `repeat with: pnpm test:chaos --minutes ${minutes} --seed ${seed}`,
);
if (violations.length > 0) process.exitCode = 1;

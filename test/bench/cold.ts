/** The first call of a pool that has no executor yet, against starting and ending Node itself. */
import { spawnSync } from "node:child_process";
import { connect } from "@bonfire/runtime";
import { type Figure, median, quantile } from "./figure.ts";

export async function coldFigure(rounds: number): Promise<Record<string, Figure>> {
  await using fire = await connect();
  const floors: number[] = [];
  const firsts: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    spawnSync(process.execPath, ["-e", "0"]);
    const floor = performance.now() - start;
    await using pool = await fire.pool(`cold-${round}`, { max: 1 });
    const before = performance.now();
    await pool.call(() => {});
    const first = performance.now() - before;
    if (round === 0) continue; // disk caches warm up in it
    floors.push(floor);
    firsts.push(first);
  }
  return {
    "cold.first-call": {
      value: median(firsts),
      unit: "ms",
      p50: median(firsts) * 1_000,
      p99: quantile(firsts, 0.99) * 1_000,
      floor: median(floors),
      ratio: median(firsts.map((first, i) => first / (floors[i] as number))),
      goal: "≤ 5 × node -e 0",
    },
  };
}

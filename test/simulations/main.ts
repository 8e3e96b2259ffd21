/**
 * Runs the real `decide` against a virtual clock under many loads, prints what each policy costs and how long calls
 * wait, and draws docs/pictures/scaling-*.svg.
 *
 *     pnpm simulate
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { picture } from "./picture.ts";
import { HELD_OUT, type Row, SEEDS, type Simulated, simulate } from "./simulate.ts";
import { table } from "./table.ts";

const PICTURES = join(import.meta.dirname, "../../docs/pictures");

await mkdir(PICTURES, { recursive: true });
for (const concurrency of [1, 4]) {
  for (const seeds of [SEEDS, HELD_OUT]) {
    const simulated = simulate(concurrency, seeds);
    console.log(
      `\nconcurrency ${concurrency}, seeds ${seeds.join(", ")}; executor-seconds, waits in seconds`,
    );
    console.table(Object.fromEntries(simulated.flatMap(rows)));
    console.log(table(simulated));
    if (concurrency > 1 || seeds !== SEEDS) continue;
    for (const one of simulated) {
      await writeFile(join(PICTURES, `scaling-${one.load.name}.svg`), picture(one));
    }
  }
}

function rows({ load, bonfire, matched, flame, fixed, oracleCost }: Simulated): [string, object][] {
  const row = ({ cost, timesOracle, p50, p99, mean, flaps }: Row) => ({
    cost: Math.round(cost),
    "× oracle": Number(timesOracle.toFixed(3)),
    "wait p50": Number(p50.toFixed(2)),
    "wait p99": Number(p99.toFixed(2)),
    "wait mean": Number(mean.toFixed(3)),
    flaps,
  });
  return [
    [`${load.name}: Bonfire`, row(bonfire)],
    [`${load.name}: Bonfire, matched`, row(matched)],
    [`${load.name}: FLAME's rule`, row(flame)],
    [
      `${load.name}: fixed ${fixed.size}`,
      { cost: Math.round(fixed.timesOracle * oracleCost), "× oracle": Number(fixed.timesOracle.toFixed(3)) },
    ],
    [`${load.name}: oracle`, { cost: Math.round(oracleCost), "× oracle": 1 }],
  ];
}

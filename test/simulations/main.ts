/**
 * Runs the real `decide` against a virtual clock under many loads, prints what each policy costs and how long calls
 * wait, and draws docs/pictures/scaling-*.svg.
 *
 *     pnpm simulate
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { picture } from "./picture.ts";
import { POLICY, type Row, type Simulated, simulate } from "./simulate.ts";

const PICTURES = join(import.meta.dirname, "../../docs/pictures");
/** Where a load repeats, a part of it shows more. */
const SHOWN: Readonly<Record<string, number>> = { burst: 1_800, sawtooth: 600 };

await mkdir(PICTURES, { recursive: true });
for (const concurrency of [1, 4]) {
  const simulated = simulate({ ...POLICY, concurrency });
  console.log(`\nconcurrency ${concurrency}; cost in executor-seconds, waits in seconds`);
  console.table(Object.fromEntries(simulated.flatMap(rows)));
  if (concurrency > 1) continue;
  for (const one of simulated) {
    const lasts = Math.max(...one.outcomes.flame.lives.map(([, to]) => to));
    await writeFile(
      join(PICTURES, `scaling-${one.load.name}.svg`),
      picture(one, SHOWN[one.load.name] ?? lasts),
    );
  }
}

function rows({ load, bonfire, flame, fixed, oracle }: Simulated): [string, object][] {
  const row = ({ cost, p50, p99, flaps }: Row) => ({
    cost: Math.round(cost),
    "× oracle": Number((cost / oracle.cost).toFixed(3)),
    "wait p50": Number(p50.toFixed(2)),
    "wait p99": Number(p99.toFixed(2)),
    flaps,
  });
  return [
    [`${load.name}: Bonfire`, row(bonfire)],
    [`${load.name}: FLAME's rule`, row(flame)],
    [`${load.name}: fixed ${fixed.size}`, row(fixed)],
    [`${load.name}: oracle`, row(oracle)],
  ];
}

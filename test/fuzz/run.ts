/**
 * The fuzzer by itself.
 *
 *     pnpm test:fuzz                          2,000 programs of a new seed
 *     pnpm test:fuzz --seed 7 --programs 100
 */
import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.ts";

const { values } = parseArgs({
  options: { seed: { type: "string" }, programs: { type: "string", default: "2000" } },
});
const seed = values.seed === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(values.seed);
console.log(`seed ${seed}`);
const start = performance.now();
const { programs, same, refused, reasons, failure } = await fuzz(Number(values.programs), seed);
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(
  `${programs} programs by loader and by inspector in ${seconds} s: ${same} calls the same, ${refused} refused`,
);
for (const [reason, count] of [...reasons].sort(([, left], [, right]) => right - left))
  console.log(`  ${count} × ${reason}`);
if (failure !== undefined) {
  console.error(`The smallest program that differs:\n${failure}`);
  process.exit(1);
}

/**
 * Chaos for as long as you like:
 *
 *     pnpm test:chaos                          2 minutes, with a seed of its own, which it prints
 *     pnpm test:chaos --minutes 30 --seed 7
 *
 * Ends with 1 at the first thing that must not be.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { quantile } from "../bench/figure.ts";
import { chaos } from "./chaos.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "2" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new RangeError(`--minutes takes a number above 0, got ${values.minutes}`);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
if (!Number.isInteger(seed)) throw new RangeError(`--seed takes a whole number, got ${values.seed}`);
console.log(`seed ${seed}, ${minutes} minutes; cuts by a relay: network namespaces are not used`);

const { violations, calls, faults } = await chaos(minutes * 60, seed);
const ms = (times: readonly number[], q: number) => (times.length > 0 ? Math.round(quantile(times, q)) : "");
console.table(
  Object.fromEntries(
    Array.from(faults, ([name, { times, count, ms: took }]) => [
      name,
      { n: count, p50: ms(took, 0.5), p99: ms(took, 0.99), max: ms(took, 1), ms: times },
    ]),
  ),
);
console.log(`${calls.started} calls, ${calls.ended} ended, ${calls.failed} of them by failing`);
for (const violation of violations) console.error(`MUST NOT BE: ${violation}`);
console.log(violations.length === 0 ? "0 orphans, 0 false teardowns, 0 calls lost" : `seed ${seed}`);
if (violations.length > 0) process.exitCode = 1;

// node --import @bonfire/loader main.ts
import { connect } from "@bonfire/runtime";

await using fire = await connect();
await using pool = await fire.pool("map", { max: 2, concurrency: 4 });

// Seeds come from a generator that never ends: items are taken only as fast as results are read.
function* seeds() {
  for (let seed = 1; ; seed++) yield seed;
}

let best = { seed: 0, steps: 0 };
let read = 0;
for await (const result of pool.map(seeds(), (seed) => ({ seed, steps: collatz(seed * 7_919) }))) {
  if (result.steps > best.steps) best = result;
  if (++read === 500) break; // ends the calls that are still under way
}
console.log(`of ${read} seeds, ${best.seed} takes the longest: ${best.steps} steps`);

// Failed items can be left out; progress says how many they were.
const squares = pool.map(
  [1, 2, 3, 4, 5],
  (n) => {
    if (n === 3) throw new RangeError(`${n} is not for squaring`);
    return n * n;
  },
  {
    onError: "skip",
    order: "completion",
    onProgress: ({ done, failed, total }) => console.log(`${done} done, ${failed} failed of ${total}`),
  },
);
console.log((await Array.fromAsync(squares)).sort((a, b) => a - b));

function collatz(start: number): number {
  let n = BigInt(start);
  let steps = 0;
  for (; n !== 1n; steps++) n = n % 2n === 0n ? n / 2n : 3n * n + 1n;
  return steps;
}

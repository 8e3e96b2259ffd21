/** The same sequences each time; `pnpm test:model` takes a new seed, and as many as one likes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { model } from "./model.ts";
import { summary } from "./summary.ts";

const SEQUENCES = 500;
const seed = 1;

test(`${SEQUENCES} sequences of what actors and faults can do leave nothing lost, doubled, out of order or behind (seed ${seed})`, async () => {
  const start = performance.now();
  const result = await model({ sequences: SEQUENCES, seed });
  console.log(summary(result, performance.now() - start));
  assert.is(result.failure, undefined, result.failure);
  assert.ok(result.sequences >= SEQUENCES, `only ${result.sequences} sequences`);
  assert.ok(result.times.lost.length > 0 && result.times.ended.length > SEQUENCES, "hardly any DOWN was due");
});

test.run();

/** The same sequences each time; `pnpm test:model` takes a new seed, and as many as one likes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { model } from "./model.ts";
import { quantile, summary } from "./summary.ts";

const SEQUENCES = 500;
const seed = 1;
/** These tests share two cores with others. */
const LOAD = Number(process.env.BONFIRE_TEST_SLOWNESS ?? 1);

test(`${SEQUENCES} sequences of what actors and faults can do leave nothing lost, doubled, out of order or behind (seed ${seed})`, async () => {
  const start = performance.now();
  const result = await model({ sequences: SEQUENCES, seed });
  console.log(summary(result, performance.now() - start));
  assert.is(result.failure, undefined, result.failure);
  assert.ok(result.sequences >= SEQUENCES, `only ${result.sequences} sequences`);
  assert.ok(result.successions > 10, `only ${result.successions} names passed on`);
  assert.ok(result.strikes > 10, `only ${result.strikes} cells and executors ended`);
  const { lost, ended } = result.times;
  // Most processes are killed while something else is disturbed as well, and such DOWNs are not timed.
  assert.ok(
    lost.length > 2 && ended.length > SEQUENCES,
    `${lost.length} and ${ended.length} DOWNs were timed`,
  );
  assert.ok(
    quantile(lost, 0.5) < 2_000 * LOAD,
    "most processes that are killed with -9 are noticed within 2 s",
  );
  assert.ok(quantile(ended, 0.5) < 100 * LOAD, "most ends are told at once");
});

test.run();

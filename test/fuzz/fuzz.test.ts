/** The same programs each time, and fewer than `pnpm test:fuzz`, which takes a new seed. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fuzz } from "./fuzz.ts";

const PROGRAMS = 500;
const seed = 1905020467;

test(`${PROGRAMS} generated programs do the same in place and on a pool, or are refused (seed ${seed})`, async () => {
  const { same, refused, failure } = await fuzz(PROGRAMS, seed);
  assert.is(
    failure,
    undefined,
    `pnpm test:fuzz --programs ${PROGRAMS} --seed ${seed} fails for:\n${failure}`,
  );
  assert.ok(same > 10 * refused, `${same} calls were the same and ${refused} refused`);
});

test.run();

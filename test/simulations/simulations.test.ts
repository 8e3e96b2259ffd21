import { test } from "uvu";
import * as assert from "uvu/assert";
import { resolvePoolOptions } from "../../runtime/src/pool/options.ts";
import { POLICY, simulate } from "./simulate.ts";

/** Waits that differ by so little are the same. */
const SAME_WAIT = 1.1;
const results = simulate();

test("the policy that is simulated is the one that pools have by default", () => {
  const { max, ...defaults } = resolvePoolOptions("p", {}).policy;
  assert.equal({ ...defaults, max: POLICY.max }, POLICY);
});

for (const { load, bonfire, flame, oracle } of results) {
  test(`${load.name}: every call is served, none waits longer than under FLAME's rule at p99, and it costs less`, () => {
    assert.is(bonfire.unserved, 0);
    assert.ok(bonfire.p99 <= flame.p99 * SAME_WAIT, `p99 ${bonfire.p99} s, FLAME's ${flame.p99} s`);
    assert.ok(bonfire.cost < flame.cost, `cost ${bonfire.cost}, FLAME's ${flame.cost}`);
  });

  test(`${load.name}: at the same waits it costs at most 1.3 times what an oracle would pay`, () => {
    assert.ok(bonfire.cost <= 1.3 * oracle.cost, `${bonfire.cost / oracle.cost} × the oracle`);
    assert.ok(oracle.cost <= bonfire.cost, "nobody beats the oracle");
  });
}

test("concurrency 4 costs at most 1.3 times the oracle and less than FLAME's rule, too", () => {
  for (const { load, bonfire, flame, oracle } of simulate({ ...POLICY, concurrency: 4 })) {
    assert.ok(bonfire.cost <= 1.3 * oracle.cost, `${load.name}: ${bonfire.cost / oracle.cost} × the oracle`);
    assert.ok(bonfire.cost < flame.cost, `${load.name}: ${bonfire.cost}, FLAME's ${flame.cost}`);
  }
});

test("sawtooth: executors flap after the first tooth, and never again", () => {
  const sawtooth = results.find(({ load }) => load.name === "sawtooth");
  assert.ok(
    sawtooth && sawtooth.bonfire.flaps <= 20,
    `${sawtooth?.bonfire.flaps} flaps in 80 teeth of 20 calls`,
  );
});

test("the same seed gives the same figures", () => {
  const again = simulate();
  assert.equal(
    again.map(({ bonfire, flame }) => [bonfire, flame]),
    results.map(({ bonfire, flame }) => [bonfire, flame]),
  );
});

test.run();

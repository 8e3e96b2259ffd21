import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { resolvePoolOptions } from "../../runtime/src/pool/options.ts";
import { picture } from "./picture.ts";
import { HELD_OUT, POLICY, SEEDS, simulate } from "./simulate.ts";
import { table } from "./table.ts";

const DOCS = join(import.meta.dirname, "../../docs");
/** At concurrency 4 the oracle gains most by what nobody can do: it moves running calls together. */
const TIMES_ORACLE: Readonly<Record<number, number>> = { 1: 1.3, 4: 1.35 };

const chosen = [1, 4].map((concurrency) => simulate(concurrency, SEEDS));
const heldOut = [1, 4].map((concurrency) => simulate(concurrency, HELD_OUT));

test("the policy that is simulated is the one that pools have by default", () => {
  const { max, ...defaults } = resolvePoolOptions("p", {}).policy;
  assert.equal({ ...defaults, max: POLICY.max }, POLICY);
});

for (const [seeds, results] of [
  ["chosen", chosen.flat()],
  ["held out", heldOut.flat()],
] as const) {
  for (const { load, concurrency, bonfire, matched, flame } of results) {
    const name = `${load.name} at concurrency ${concurrency}, seeds ${seeds}`;
    const limit = TIMES_ORACLE[concurrency] as number;

    test(`${name}: where calls wait no longer than under FLAME's rule, at p99 and in the mean, it costs less`, () => {
      assert.is(matched.unserved, 0);
      assert.ok(matched.p99 <= flame.p99, `p99 ${matched.p99} s, FLAME's ${flame.p99} s`);
      assert.ok(matched.mean <= flame.mean, `mean ${matched.mean} s, FLAME's ${flame.mean} s`);
      assert.ok(matched.cost < flame.cost, `cost ${matched.cost}, FLAME's ${flame.cost}`);
      assert.ok(matched.timesOracle <= limit, `${matched.timesOracle} × the oracle`);
    });

    test(`${name}: the defaults serve every call, cost less than FLAME's rule, and at most ${limit} × the oracle`, () => {
      assert.is(bonfire.unserved, 0);
      assert.ok(bonfire.cost < flame.cost, `cost ${bonfire.cost}, FLAME's ${flame.cost}`);
      assert.ok(bonfire.timesOracle <= limit, `${bonfire.timesOracle} × the oracle`);
      assert.ok(bonfire.timesOracle >= 1, "nobody beats the oracle");
    });
  }
}

test("sawtooth: executors flap after the first tooth, and never again", () => {
  const [sawtooth] = (chosen[0] ?? []).filter(({ load }) => load.name === "sawtooth");
  assert.ok(sawtooth && sawtooth.bonfire.flaps <= 20 * SEEDS.length, `${sawtooth?.bonfire.flaps} flaps`);
  assert.is(sawtooth.matched.flaps, 0);
});

test("the same seed gives the same figures", () => {
  const [burst] = simulate(1, SEEDS, "burst");
  assert.equal(burst?.matched, chosen[0]?.[0]?.matched);
});

test("the pictures and the tables in docs are of this policy; `pnpm simulate` draws and prints them anew", () => {
  const decision = readFileSync(join(DOCS, "decisions/015-scaling-policy.md"), "utf8");
  for (const results of chosen) assert.ok(decision.includes(table(results)), `not there:\n${table(results)}`);
  for (const one of chosen[0] ?? []) {
    const path = join(DOCS, "pictures", `scaling-${one.load.name}.svg`);
    assert.is(readFileSync(path, "utf8"), picture(one), `${path} is old`);
  }
});

test.run();

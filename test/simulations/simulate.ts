/** Every load under every policy. */
import type { Policy } from "../../runtime/src/supervisor/policy.ts";
import { type Load, loads } from "./load.ts";
import { fixedSize, oracle, quantile } from "./oracle.ts";
import { bonfire, flame } from "./scalers.ts";
import { type Outcome, World } from "./world.ts";

const MAX = 200;
const CONCURRENCY = 1;

/** Bonfire's defaults, but for `max`, which no load here reaches. */
export const POLICY: Policy = {
  min: 0,
  max: MAX,
  concurrency: CONCURRENCY,
  buffer: 0,
  idleAfter: 10_000,
  lifetime: Number.POSITIVE_INFINITY,
  singleUse: false,
  resources: {},
};

export interface Row {
  readonly cost: number;
  readonly p50: number;
  readonly p99: number;
  readonly flaps: number;
  readonly unserved: number;
}

export interface Simulated {
  readonly load: Load;
  readonly bonfire: Row;
  readonly flame: Row;
  readonly fixed: Row & { readonly size: number };
  readonly oracle: Row;
  readonly outcomes: { readonly bonfire: Outcome; readonly flame: Outcome };
  readonly oracleLives: readonly (readonly [number, number])[];
}

export function simulate(policy: Policy = POLICY): Simulated[] {
  return loads()
    .map((load) => ({ ...load, calls: load.calls.toSorted((a, b) => a.at - b.at) }))
    .map((load) => {
      const ours = new World(load, policy.concurrency).run(bonfire(policy));
      const theirs = new World(load, policy.concurrency).run(flame(policy.max));
      const best = oracle(ours.runs, policy.concurrency, load.bootTakes);
      const lasts = Math.max(...ours.lives.map(([, to]) => to));
      const row = rowOf(ours);
      const fixed = fixedSize(load.calls, policy.concurrency, row.p99, lasts);
      return {
        load,
        bonfire: row,
        flame: rowOf(theirs),
        fixed: { cost: fixed.cost, size: fixed.size, p50: 0, p99: row.p99, flaps: 0, unserved: 0 },
        oracle: { cost: best.cost, p50: row.p50, p99: row.p99, flaps: 0, unserved: 0 },
        outcomes: { bonfire: ours, flame: theirs },
        oracleLives: best.lives,
      };
    });
}

function rowOf({ cost, waits, flaps, unserved }: Outcome): Row {
  return { cost, p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), flaps, unserved };
}

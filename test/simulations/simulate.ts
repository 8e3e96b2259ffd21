/** Every load under every policy, each with several seeds, whose calls are looked at together. */
import type { Policy } from "../../runtime/src/supervisor/policy.ts";
import { type Load, loads } from "./load.ts";
import { fixedSize, oracle, quantile } from "./oracle.ts";
import { bonfire, flame } from "./scalers.ts";
import { type Outcome, type Scaler, World } from "./world.ts";

const MAX = 200;

/** Those by which the policy was chosen. */
export const SEEDS = [0, 1_000, 2_000] as const;
/** Those that nobody had looked at when it was chosen. */
export const HELD_OUT = [6_000, 7_000, 8_000] as const;

/** Bonfire's defaults, but for `max`, which no load here reaches. */
export const POLICY: Policy = {
  min: 0,
  max: MAX,
  concurrency: 1,
  buffer: 0,
  idleAfter: 10_000,
  lifetime: Number.POSITIVE_INFINITY,
  singleUse: false,
  resources: {},
};

type Setting = Pick<Policy, "buffer" | "idleAfter">;

/** With which calls wait no longer than under FLAME's rule, at p99 and in the mean: as both differ in what they keep,
 * only so do their costs compare. */
export function matched(load: string, concurrency: number): Setting {
  // All calls come at once and wait for a boot, whatever was kept.
  if (load === "burst") return { buffer: POLICY.buffer, idleAfter: POLICY.idleAfter };
  if (load === "sawtooth") return { buffer: 0, idleAfter: 20_000 };
  return concurrency === 1 ? { buffer: 1, idleAfter: 5_000 } : { buffer: 3, idleAfter: 3_000 };
}

export interface Row {
  /** Executor-seconds. */
  readonly cost: number;
  readonly timesOracle: number;
  /** Seconds of waiting. */
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly flaps: number;
  readonly unserved: number;
}

export interface Simulated {
  readonly load: Load;
  readonly concurrency: number;
  /** With the defaults. */
  readonly bonfire: Row;
  /** With the setting that waits as FLAME's rule does. */
  readonly matched: Row & { readonly setting: Setting };
  readonly flame: Row;
  /** The smallest with which calls wait no longer at p99 than with Bonfire's defaults. */
  readonly fixed: { readonly size: number; readonly timesOracle: number };
  /** Executor-seconds, with the waits of Bonfire's defaults. */
  readonly oracleCost: number;
  /** Of the first seed, for a picture. */
  readonly drawn: { readonly bonfire: Outcome; readonly flame: Outcome };
}

/** `only`: the load of that name alone. */
export function simulate(concurrency: number, seeds: readonly number[] = SEEDS, only?: string): Simulated[] {
  const simulated: Simulated[] = [];
  const names = loads()
    .map(({ name }) => name)
    .filter((name) => only === undefined || name === only);
  for (const name of names) {
    const runs = seeds.map((seed) => loads(seed).find((load) => load.name === name) as Load);
    const under = (scaler: () => Scaler) => runs.map((load) => new World(load, concurrency).run(scaler()));
    const setting = matched(name, concurrency);
    const ours = under(() => bonfire({ ...POLICY, concurrency }));
    const fair = under(() => bonfire({ ...POLICY, concurrency, ...setting }));
    const theirs = under(() => flame(MAX));
    const [load] = runs as [Load];
    const row = (outcomes: readonly Outcome[]) => rowOf(outcomes, concurrency, load.bootTakes);
    const defaults = row(ours);
    const oracleCost = defaults.cost / defaults.timesOracle;
    const lasts = sum(ours.map(({ lives }) => Math.max(...lives.map(([, to]) => to))));
    const size = fixedSize(
      runs.map(({ calls }) => calls),
      concurrency,
      defaults.p99,
    );
    simulated.push({
      load,
      concurrency,
      bonfire: defaults,
      matched: { ...row(fair), setting },
      flame: row(theirs),
      fixed: { size, timesOracle: (size * lasts) / oracleCost },
      oracleCost,
      drawn: { bonfire: ours[0] as Outcome, flame: theirs[0] as Outcome },
    });
  }
  return simulated;
}

function rowOf(outcomes: readonly Outcome[], concurrency: number, bootTakes: number): Row {
  const waits = outcomes.flatMap((outcome) => outcome.waits);
  const cost = sum(outcomes.map((outcome) => outcome.cost));
  return {
    cost,
    timesOracle: cost / sum(outcomes.map(({ runs }) => oracle(runs, concurrency, bootTakes).cost)),
    mean: sum(waits) / waits.length,
    p50: quantile(waits, 0.5),
    p99: quantile(waits, 0.99),
    flaps: sum(outcomes.map(({ flaps }) => flaps)),
    unserved: sum(outcomes.map(({ unserved }) => unserved)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** What is asked of a pool, and of what kind its platform is. Times are in seconds. */
import { exponential, random } from "./random.ts";

export interface SimulatedCall {
  readonly at: number;
  readonly takes: number;
}

export interface Load {
  readonly name: string;
  readonly about: string;
  /** Of what is left to chance while it runs: boots that fail, executors that are taken back. */
  readonly seed: number;
  readonly calls: readonly SimulatedCall[];
  readonly bootTakes: number;
  /** How many boots of a hundred fail, at their end. */
  readonly bootFailures: number;
  /** Mean time until the platform takes an executor back, with 30 s of notice. */
  readonly preemptedAfter?: number;
}

const HOUR = 3_600;

/** Calls at a rate that changes with time, as independent callers make them. */
function arrivals(
  seed: number,
  until: number,
  rate: (at: number) => number,
  takes: (next: () => number) => number,
) {
  const next = random(seed);
  const most = Math.max(...Array.from({ length: 1_000 }, (_, n) => rate((n * until) / 1_000)));
  const calls: SimulatedCall[] = [];
  for (let at = exponential(1 / most, next); at < until; at += exponential(1 / most, next)) {
    // As many as the rate at that time asks for.
    if (next() * most < rate(at)) calls.push({ at, takes: takes(next) });
  }
  return calls;
}

const about = (mean: number) => (next: () => number) => mean * (0.5 + next());

/** From 2 to 40 calls a minute and back, once an hour. */
const day = (at: number) => (2 + 38 * (0.5 - 0.5 * Math.cos((2 * Math.PI * at) / HOUR))) / 60;

/** `seed`: which of the many loads of each kind. Their calls are in the order in which they come. */
export function loads(seed = 0): Load[] {
  return kinds(seed).map((load) => ({ ...load, calls: load.calls.toSorted((a, b) => a.at - b.at) }));
}

function kinds(seed: number): Load[] {
  const burst = random(seed + 1);
  const tooth = random(seed + 2);
  const plain = { seed, bootTakes: 4, bootFailures: 0 };
  return [
    {
      name: "burst",
      about: "nothing, then 60 calls of two minutes at once, every ten minutes",
      calls: Array.from({ length: 6 * 60 }, (_, n) => ({
        at: 30 + 600 * Math.floor(n / 60) + burst(),
        takes: 100 + 40 * burst(),
      })),
      ...plain,
    },
    {
      name: "sawtooth",
      about: "20 calls of a minute, then 15 s of nothing, over and over",
      calls: Array.from({ length: 80 * 20 }, (_, n) => ({
        at: 10 + 75 * Math.floor(n / 20) + 0.1 * tooth(),
        takes: 58 + 2 * tooth(),
      })),
      ...plain,
    },
    {
      name: "diurnal",
      about: "2 to 40 calls a minute of about a minute each, up and down twice",
      calls: arrivals(seed + 3, 2 * HOUR, day, about(60)),
      ...plain,
    },
    {
      name: "heavy-tail",
      about: "15 calls a minute, most of half a minute, some of a quarter of an hour",
      calls: arrivals(
        seed + 4,
        2 * HOUR,
        () => 0.25,
        (next) => Math.min(900, 20 / (1 - next()) ** (1 / 1.5)),
      ),
      ...plain,
    },
    {
      name: "slow-boot",
      about: "the diurnal load where a boot takes a minute",
      calls: arrivals(seed + 5, 2 * HOUR, day, about(180)),
      seed,
      bootTakes: 60,
      bootFailures: 0,
    },
    {
      name: "flaky-boot",
      about: "the diurnal load where three boots of ten fail",
      calls: arrivals(seed + 6, 2 * HOUR, day, about(60)),
      seed,
      bootTakes: 4,
      bootFailures: 30,
    },
    {
      name: "preemption",
      about: "the diurnal load on executors that are taken back after half an hour in the mean",
      // Longer than the others, as few calls meet the end of an executor.
      calls: arrivals(seed + 7, 8 * HOUR, day, about(60)),
      ...plain,
      preemptedAfter: HOUR / 2,
    },
  ];
}

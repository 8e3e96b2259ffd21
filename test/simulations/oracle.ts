/**
 * Who knows the future: the least executor-seconds in which the same calls could have run at the same times, so with
 * the same waits. Its boots never fail and are just in time, nothing is ever taken from it, calls move between
 * executors for free, and between two needs an executor stays only if that is cheaper than another boot. No real
 * policy reaches it.
 */
import type { SimulatedCall } from "./load.ts";
import type { Outcome } from "./world.ts";

type Span = readonly [from: number, to: number];

export function oracle(
  runs: Outcome["runs"],
  concurrency: number,
  bootTakes: number,
): { cost: number; lives: Span[] } {
  const steps = runs.flatMap(([from, to]) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ]);
  // Whoever ends at a time makes room for whoever begins then.
  steps.sort((a, b) => a.at - b.at || a.by - b.by);
  /** Of the n-th executor: since when it is there, and until when it was last needed. */
  const levels: { from: number; neededUntil: number; needed: boolean }[] = [];
  const lives: Span[] = [];
  let running = 0;
  for (const { at, by } of steps) {
    running += by;
    const needed = Math.ceil(running / concurrency);
    for (let n = 0; n < Math.max(needed, levels.length); n++) {
      const level = levels[n];
      if (n < needed && !level) levels[n] = { from: at - bootTakes, neededUntil: at, needed: true };
      else if (n < needed && level && !level.needed) {
        if (at - level.neededUntil > bootTakes) {
          lives.push([level.from, level.neededUntil]);
          level.from = at - bootTakes;
        }
        level.needed = true;
      } else if (n >= needed && level?.needed) {
        level.needed = false;
        level.neededUntil = at;
      }
    }
  }
  for (const { from, neededUntil } of levels) lives.push([from, neededUntil]);
  return { cost: lives.reduce((sum, [from, to]) => sum + to - from, 0), lives };
}

/** The fewest executors, there all the time, with which calls of all `runs` wait no longer at p99. */
export function fixedSize(
  runs: readonly (readonly SimulatedCall[])[],
  concurrency: number,
  p99: number,
): number {
  let size = 1;
  while (
    quantile(
      runs.flatMap((calls) => waitsWith(calls, size * concurrency)),
      0.99,
    ) > p99
  )
    size++;
  return size;
}

function waitsWith(calls: readonly SimulatedCall[], slots: number): number[] {
  const freeAt = new Array<number>(slots).fill(0);
  return calls.map(({ at, takes }) => {
    let first = 0;
    for (let n = 1; n < slots; n++) if ((freeAt[n] as number) < (freeAt[first] as number)) first = n;
    const start = Math.max(at, freeAt[first] as number);
    freeAt[first] = start + takes;
    return start - at;
  });
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}

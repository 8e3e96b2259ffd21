import type { Result } from "./model.ts";

/** The value that `share` of all do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] as number;
}

/** What a run did, in one line. */
export function summary(
  { sequences, faulty, commands, times, successions, strikes }: Result,
  ms: number,
): string {
  const figures = Object.entries(times)
    .filter(([, list]) => list.length > 0)
    .map(([what, list]) => {
      const at = (share: number) => quantile(list, share).toFixed(0);
      return `${list.length} DOWNs of ${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
    });
  return [
    `${sequences} sequences (${faulty} with faults), ${commands} commands in ${(ms / 1_000).toFixed(1)} s`,
    `${successions} names passed on, ${strikes} cells and executors ended`,
    ...figures,
  ].join("; ");
}

import type { Result } from "./model.ts";

/** What a run did, in one line. */
export function summary({ sequences, faulty, commands, times }: Result, ms: number): string {
  const figures = Object.entries(times)
    .filter(([, list]) => list.length > 0)
    .map(([what, list]) => {
      const sorted = list.toSorted((a, b) => a - b);
      const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] as number).toFixed(0);
      return `${sorted.length} DOWNs of ${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
    });
  return [
    `${sequences} sequences (${faulty} with faults), ${commands} commands in ${(ms / 1_000).toFixed(1)} s`,
    ...figures,
  ].join("; ");
}

/** The rules of supervision; no clock and no actors in here. */
import type { Reason } from "../actor/reason.ts";
import type { Restart } from "./child.ts";
import type { ResolvedSupervision, Strategy } from "./options.ts";

/** Whether a child that ended for this reason is to be started again. */
export function isRestarted(restart: Restart, reason: Reason): boolean {
  return restart === "permanent" || (restart === "transient" && reason.kind !== "normal");
}

/** The children, by their place in the list, that are to be stopped (if they run) and started with the one at `failed`. */
export function affected(strategy: Strategy, failed: number, count: number): number[] {
  switch (strategy) {
    case "one-for-one":
      return [failed];
    case "one-for-all":
      return Array.from({ length: count }, (_, index) => index);
    case "rest-for-one":
      return Array.from({ length: count - failed }, (_, index) => failed + index);
  }
}

/** What a restart at `now` is, after those at `earlier`: one too many, or one that waits for so many ms. */
export function admit(
  earlier: readonly number[],
  now: number,
  { intensity, period, backoffFirst, backoffMax }: ResolvedSupervision,
): { times: number[]; delay: number } | undefined {
  const times = [...earlier.filter((time) => now - time < period), now];
  if (times.length > intensity) return undefined;
  const delay = times.length === 1 ? 0 : Math.min(backoffMax, backoffFirst * 2 ** (times.length - 2));
  return { times, delay };
}

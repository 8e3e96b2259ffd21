/**
 * How long an idle executor is kept. The base is `idleAfter`, or half of what a boot takes if that is longer, as to
 * come back costs a boot; twice `idleAfter` once more executors were missed soon after others had gone than chance
 * explains, so that a load that comes and goes does not start and stop machines at each turn. From the base up to
 * three times `idleAfter` for those few that chance will need again: see `keptFor`. Never for longer, as `idleAfter`
 * is the user's word on cost.
 */
import type { Policy } from "./policy.ts";

/** So many times `idleAfter` at most for all. */
const MOST = 2;
/** And so many times for the first to be needed. */
const MOST_NEAR = 3;
/** After as many times `idleAfter` in which nobody missed the last one that went, it is `idleAfter` again. */
const FORGET = 8;

/**
 * For how many ms the `place`-th idle executor is kept, counted in the order in which calls would need them, where
 * `used` others serve. The slots that independent callers need vary by about the square root of their mean, so an
 * executor beyond twice that is hardly needed before others are free.
 */
export function keptFor(
  place: number,
  used: number,
  idleFor: number,
  { idleAfter, concurrency }: Policy,
): number {
  const near = Math.max(0, 1 - place / (2 * Math.sqrt(used / concurrency)));
  return idleFor + near * (MOST_NEAR * idleAfter - idleFor);
}

export class Patience {
  readonly #idleAfter: number;
  #wasMissed = false;
  /** What the last boot took. */
  #boot = 0;
  /** When an executor last went because it was idle. */
  #retiredAt = Number.NEGATIVE_INFINITY;
  /** Executors launched since then, while it could be regretted. */
  #missed = 0;

  constructor(idleAfter: number) {
    this.#idleAfter = idleAfter;
  }

  /** ms: the base. */
  get idleFor(): number {
    const most = MOST * this.#idleAfter;
    return this.#wasMissed ? most : Math.min(most, Math.max(this.#idleAfter, this.#boot / 2));
  }

  /** An executor became ready `took` ms after its launch. */
  booted(took: number): void {
    this.#boot = took;
  }

  /** An executor went because it was idle. */
  retired(now: number): void {
    if (now - this.#retiredAt > FORGET * this.#idleAfter) this.#wasMissed = false;
    this.#retiredAt = now;
    this.#missed = 0;
  }

  /** As many executors are launched, where there are `others`. */
  launched(now: number, count: number, others: number): void {
    if (now - this.#retiredAt > this.idleFor) return;
    this.#missed += count;
    if (this.#missed > Math.sqrt(others)) this.#wasMissed = true;
  }
}

/**
 * How long an idle executor is kept: for `idleAfter`, or for half of what a boot takes if that is longer, as to come
 * back costs a boot; for twice `idleAfter` once an executor that had gone was missed soon afterwards, so that a load
 * that comes and goes does not start and stop machines at each turn. Never for longer, as `idleAfter` is the user's
 * word on cost.
 */

/** So many times `idleAfter` at most. */
const MOST = 2;
/** After as many times `idleAfter` in which nobody missed the last one that went, it is `idleAfter` again. */
const FORGET = 8;

export class Patience {
  readonly #idleAfter: number;
  #wasMissed = false;
  /** What the last boot took. */
  #boot = 0;
  /** When an executor last went because it was idle. */
  #retiredAt = Number.NEGATIVE_INFINITY;

  constructor(idleAfter: number) {
    this.#idleAfter = idleAfter;
  }

  /** ms. */
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
  }

  /** An executor is launched. */
  launched(now: number): void {
    if (now - this.#retiredAt <= this.idleFor) this.#wasMissed = true;
  }
}

/**
 * How long an idle executor is kept: for `idleAfter`, or for half of what a boot takes if that is longer, as to come
 * back costs a boot. It doubles whenever an executor that had gone is missed soon afterwards, so that a load that comes
 * and goes does not start and stop machines at each turn.
 */

/** At most this many times `idleAfter`, which is the user's word on cost. */
const MOST = 4;

export class Patience {
  readonly #idleAfter: number;
  #factor = 1;
  /** What the last boot took. */
  #boot = 0;
  /** When an executor last went because it was idle. */
  #retiredAt = Number.NEGATIVE_INFINITY;

  constructor(idleAfter: number) {
    this.#idleAfter = idleAfter;
  }

  /** ms. */
  get idleFor(): number {
    return Math.min(MOST * this.#idleAfter, Math.max(this.#idleAfter * this.#factor, this.#boot / 2));
  }

  /** An executor became ready `took` ms after its launch. */
  booted(took: number): void {
    this.#boot = took;
  }

  /** An executor went because it was idle. */
  retired(now: number): void {
    // Nobody has missed the one before it for long: half as much will do.
    if (now - this.#retiredAt > 2 * MOST * this.#idleAfter) this.#factor = Math.max(1, this.#factor / 2);
    this.#retiredAt = now;
  }

  /** An executor is launched. */
  launched(now: number): void {
    if (now - this.#retiredAt > this.idleFor) return;
    this.#factor = Math.min(MOST, this.#factor * 2);
    // One retirement is regretted once, however many are launched for it.
    this.#retiredAt = Number.NEGATIVE_INFINITY;
  }
}

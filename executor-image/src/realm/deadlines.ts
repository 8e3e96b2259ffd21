/** One timer for the deadlines of all waiting calls: most calls end long before, so nothing is kept per call. */

/** Longest delay that a timer takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

export class Deadlines {
  readonly #expire: (now: number) => number;
  #timer: NodeJS.Timeout | undefined;
  #next = Number.POSITIVE_INFINITY;

  /** `expire` ends the calls whose deadline is not after `now` and returns the earliest one left, or infinity. */
  constructor(expire: (now: number) => number) {
    this.#expire = expire;
  }

  /** Makes sure that `expire` runs at this time. */
  watch(deadline: number): void {
    if (deadline >= this.#next) return;
    this.#next = deadline;
    clearTimeout(this.#timer);
    const delay = Math.min(Math.max(0, Math.ceil(deadline - performance.now())), LONGEST);
    this.#timer = setTimeout(() => {
      this.#next = Number.POSITIVE_INFINITY;
      this.watch(this.#expire(performance.now()));
    }, delay);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#next = Number.NEGATIVE_INFINITY;
  }
}

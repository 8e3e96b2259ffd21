/** A result that is there, is still to come, or has failed; what follows from it is begun as soon as it is there. */
import { types } from "node:util";

export class Held {
  #state: "pending" | "ready" | "failed" = "pending";
  /** The value, or the error. */
  #result: unknown;
  #done: Promise<void> | undefined;
  #observed = false;

  /** Keeps what `make` returns, or what its promise gives, or its error. */
  constructor(make: () => unknown) {
    try {
      const made = make();
      // Another thenable (a query builder, say) is an object to act on, and awaited only when its value is wanted.
      if (types.isPromise(made)) this.#await(made);
      else this.#settle("ready", made);
    } catch (error) {
      this.#settle("failed", error);
    }
  }

  /** What `work` makes of the value: at once when it is there. */
  use<T>(work: (value: unknown) => T): T | Promise<T> {
    if (this.#state === "pending") return this.#done!.then(() => this.use(work));
    this.#observed = true;
    if (this.#state === "failed") throw this.#result;
    return work(this.#result);
  }

  /** The error that nothing has asked for, in a list. */
  unseen(): unknown[] {
    return this.#state === "failed" && !this.#observed ? [this.#result] : [];
  }

  #await(promise: Promise<unknown>): void {
    this.#done = promise.then(
      (value) => this.#settle("ready", value),
      (error: unknown) => this.#settle("failed", error),
    );
  }

  #settle(state: "ready" | "failed", result: unknown): void {
    this.#state = state;
    this.#result = result;
  }
}

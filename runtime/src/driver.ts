/** The actor that stands for a process that called `connect()`, so that others can look at it. */
import { Actor } from "./actor/actor.ts";

/** Under the name `driver`. */
export class Driver<T extends object> extends Actor {
  static readonly reentrant = ["inspect"] as const;
  readonly #inspect: () => T;

  constructor(inspect: () => T) {
    super();
    this.#inspect = inspect;
  }

  inspect(): T {
    return this.#inspect();
  }
}

import { Wait } from "@bonfire/runtime/internal";

/** A call's deadline on the cell, which ends asynchronous work; the realm's own timeout ends synchronous work. */
export class Deadline extends Wait {
  readonly id: number;
  /** Where the reply goes. */
  readonly answerTo: string;
  readonly budget: number;
  readonly #over: (deadline: Deadline) => void;

  constructor(id: number, answerTo: string, budget: number, over: (deadline: Deadline) => void) {
    super();
    this.id = id;
    this.answerTo = answerTo;
    this.budget = budget;
    this.#over = over;
  }

  override onExpire(): void {
    this.#over(this);
  }
}

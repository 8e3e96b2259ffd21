/** A call that a realm has taken and not answered. */
import { CallScope } from "../grants/call-scope.ts";
import type { IncomingCall } from "./realm.ts";

export class PendingCall<Place = unknown> {
  readonly id: number;
  /** Milliseconds that it was given, 0 = no deadline. */
  readonly budget: number;
  /** On the clock of `performance.now()`; infinite without a deadline. */
  readonly deadline: number;
  /** Where it runs. */
  place: Place | undefined;
  directory: string | undefined;
  #scope: CallScope | undefined;

  constructor({ id, budget }: IncomingCall, now: number) {
    this.id = id;
    this.budget = budget;
    this.deadline = budget > 0 ? now + budget : Number.POSITIVE_INFINITY;
  }

  /** What the call has on the host; made when it first asks for something. */
  get scope(): CallScope {
    this.#scope ??= new CallScope(this.id, this.directory, this.deadline);
    return this.#scope;
  }

  end(): void {
    this.#scope?.end();
  }
}

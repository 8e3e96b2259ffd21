/** A call that a realm has taken and not answered. */
import { CallFlag } from "@bonfire/wire";
import { CallScope } from "../grants/call-scope.ts";
import type { IncomingCall } from "./realm.ts";

export class PendingCall<Place = unknown> {
  readonly id: number;
  readonly flags: number;
  /** Milliseconds that it was given, 0 = no deadline. */
  readonly budget: number;
  /** On the clock of `performance.now()`; infinite without a deadline. */
  deadline: number;
  /** Its value has left, but something in it is alive. */
  answered = false;
  /** Bytes of packets that have left since the other end said something. */
  unheard = 0;
  /** Where it runs. */
  place: Place | undefined;
  directory: string | undefined;
  #scope: CallScope | undefined;

  constructor({ id, flags, budget }: IncomingCall, now: number) {
    this.id = id;
    this.flags = flags;
    this.budget = budget;
    this.deadline = budget > 0 ? now + budget : Number.POSITIVE_INFINITY;
  }

  /** What the call has on the host; made when it first asks for something. */
  get scope(): CallScope {
    this.#scope ??= new CallScope(this.id, this.directory, this.deadline);
    return this.#scope;
  }

  /** The deadline was for the answer, unless it is for the whole stream. */
  answer(): void {
    this.answered = true;
    if (!(this.flags & CallFlag.stream)) this.deadline = Number.POSITIVE_INFINITY;
  }

  end(): void {
    this.#scope?.end();
  }
}

/** A tell to a named actor, which goes elsewhere if the actor turns out not to be where it was sent. */
import { Question } from "../bus/inbox.ts";
import type { Address } from "./address.ts";
import type { Target } from "./target.ts";

/** For so long it follows an actor that moves. */
const FOLLOW_MS = 30_000;

export class NamedTell extends Question {
  /** Within this time it is said if the actor was not there; silence means that it was. */
  static readonly RETURN_MS = 5_000;

  readonly target: Target;
  readonly method: string;
  readonly encoded: Uint8Array;
  /** Where it was sent. */
  place: Address;
  readonly #since = performance.now();
  readonly #again: (tell: NamedTell) => void;

  constructor(target: Target, method: string, encoded: Uint8Array, again: (tell: NamedTell) => void) {
    super();
    this.target = target;
    this.place = target.place;
    this.method = method;
    this.encoded = encoded;
    this.#again = again;
  }

  get isOver(): boolean {
    return performance.now() - this.#since > FOLLOW_MS;
  }

  returned(): void {
    this.#again(this);
  }

  /** Nothing but that the actor is absent is ever said about a tell. */
  onReply(): void {
    this.returned();
  }

  onNobody(): void {
    this.returned();
  }

  onExpire(): void {}
}

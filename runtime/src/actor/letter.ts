/** One message on its way through an actor's mailbox. */
import { BonfireError, type DecodeOptions, decode } from "@bonfire/wire";
import { type Address, gone } from "./address.ts";
import { ANSWER_BYTES, AnswerKind } from "./envelope.ts";

export abstract class Letter {
  /** The node that sent it; the server sees to it that a sender cannot pretend. */
  readonly sender: string;
  readonly method: string;
  readonly args: Uint8Array;
  /** When its asker gives up, by performance.now(); 0 if nobody waits. */
  readonly expiresAt: number;
  /** It has been answered, or nobody waits for the answer any more. */
  settled = false;
  /** @internal a mailbox still has it */
  waiting = false;
  #aborted: { reason: unknown } | undefined;
  #controller: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(sender: string, method: string, args: Uint8Array, budget: number) {
    this.sender = sender;
    this.method = method;
    this.args = args;
    this.expiresAt = budget === 0 ? 0 : performance.now() + budget;
  }

  /** Whether somebody waits for the outcome. */
  abstract readonly asked: boolean;
  /** Takes the answer (see `AnswerKind`) to whoever asked. */
  protected abstract deliver(answer: Uint8Array): void;

  /** The first answer counts. */
  answer(answer: Uint8Array): void {
    if (this.settled) return;
    this.settle();
    this.deliver(answer);
  }

  /** Nothing more will be said about it. */
  protected settle(): void {
    this.settled = true;
    clearTimeout(this.#timer);
  }

  get isExpired(): boolean {
    return this.expiresAt !== 0 && performance.now() >= this.expiresAt;
  }

  /** Aborted when the asker cancels or gives up, or the actor is killed. Made when it is first asked for. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
      else if (this.expiresAt !== 0 && !this.settled) {
        const error = new BonfireError("ASK_TIMEOUT", `Nobody waits for "${this.method}" any more`);
        this.#timer = setTimeout(() => this.cancel(error), Math.max(0, this.expiresAt - performance.now()));
      }
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = { reason };
    clearTimeout(this.#timer);
    this.#controller?.abort(reason);
  }

  /** The asker does not wait any more. */
  cancel(reason: unknown): void {
    this.settle();
    this.abort(reason);
  }
}

/** A tell: nobody hears the outcome, unless the message came to nothing. */
export class Told extends Letter {
  readonly #unheard: (answer: Uint8Array) => void;

  constructor(sender: string, method: string, args: Uint8Array, unheard: (answer: Uint8Array) => void) {
    super(sender, method, args, 0);
    this.#unheard = unheard;
  }

  get asked(): boolean {
    return false;
  }

  protected deliver(answer: Uint8Array): void {
    if (answer[0] !== AnswerKind.value) this.#unheard(answer);
  }
}

/** The error in an answer that is not a value. */
export function answerError(answer: Uint8Array, place: Address, decoding: DecodeOptions): unknown {
  return answer[0] === AnswerKind.absent ? gone(place) : decode(answer.subarray(ANSWER_BYTES), decoding);
}

/** One ask under way, from the call to its outcome. */
import { BonfireError, decode } from "@bonfire/wire";
import { Question } from "../bus/inbox.ts";
import type { Address } from "./address.ts";
import { ANSWER_BYTES, AnswerKind, answerNumber } from "./envelope.ts";
import { Letter } from "./letter.ts";
import type { Outbox } from "./outbox.ts";
import type { Peer } from "./peers.ts";
import type { ResolvedSendOptions } from "./send-options.ts";
import type { Target } from "./target.ts";

export class Ask extends Question {
  readonly target: Target;
  readonly method: string;
  readonly options: ResolvedSendOptions;
  /** The encoded arguments, or the whole message if it was packed for `place`. */
  readonly bytes: Uint8Array;
  readonly isPacked: boolean;
  /** The place that is in the packed message. */
  readonly packedFor: Address | undefined;
  readonly expiresAt: number;
  /** Where it was sent. */
  place: Address;
  peer: Peer | undefined;
  letter: Letter | undefined;
  isSettled = false;
  readonly #outbox: Outbox;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #onAbort: (() => void) | undefined;

  constructor(
    outbox: Outbox,
    target: Target,
    method: string,
    options: ResolvedSendOptions,
    bytes: Uint8Array,
    isPacked: boolean,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    super();
    this.#outbox = outbox;
    this.target = target;
    this.place = target.place;
    this.method = method;
    this.options = options;
    this.bytes = bytes;
    this.isPacked = isPacked;
    this.packedFor = isPacked ? target.place : undefined;
    this.expiresAt = performance.now() + options.deadline;
    this.#resolve = resolve;
    this.#reject = reject;
    if (options.signal) this.#follow(options.signal);
  }

  /** Milliseconds that are left, at least 1. */
  get budget(): number {
    return Math.max(1, Math.ceil(this.expiresAt - performance.now()));
  }

  resolve(value: unknown): void {
    if (this.#settle()) this.#resolve(value);
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error);
  }

  onReply(answer: Uint8Array): void {
    const { decoding, streams } = this.#outbox;
    try {
      switch (answer[0]) {
        case AnswerKind.value:
          return this.resolve(
            answer.length === ANSWER_BYTES ? undefined : decode(answer.subarray(ANSWER_BYTES), decoding),
          );
        case AnswerKind.error:
        case AnswerKind.refused:
          return this.reject(decode(answer.subarray(ANSWER_BYTES), decoding));
        case AnswerKind.absent:
          return this.#outbox.absent(this, answerNumber(answer));
        case AnswerKind.stream: {
          const stream = streams.accept(this.place.node, answerNumber(answer));
          const { signal, isLimit } = this.options;
          // The reader has given up while the answer was on its way.
          if (this.isSettled) return stream.abandon(signal?.reason);
          const abandon = () => stream.abandon(signal?.reason);
          signal?.addEventListener("abort", abandon, { once: true });
          const limit = isLimit ? setTimeout(() => stream.abandon(this.#late()), this.budget) : undefined;
          stream.onOver = () => {
            signal?.removeEventListener("abort", abandon);
            clearTimeout(limit);
          };
          return this.resolve(stream);
        }
        default:
          throw new BonfireError("PROTOCOL", `An actor's answer is of unknown kind ${answer[0]}`);
      }
    } catch (error) {
      this.reject(error);
    }
  }

  onNobody(): void {
    this.#outbox.absent(this, 0);
  }

  onExpire(): void {
    const error = this.#late();
    // Elsewhere the actor's own clock sees to that.
    this.letter?.cancel(error);
    this.reject(error);
  }

  #late(): BonfireError {
    return new BonfireError(
      "ASK_TIMEOUT",
      `Actor ${this.place.actor} on ${this.place.node} did not answer "${this.method}" within ${this.options.deadline} ms`,
    );
  }

  #follow(signal: AbortSignal): void {
    this.#onAbort = () => {
      this.#outbox.cancel(this, signal.reason);
      this.reject(signal.reason);
    };
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** False if it was settled before. */
  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.peer?.asks.delete(this);
    this.#outbox.forget(this);
    if (this.#onAbort) this.options.signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }
}

/** An ask of this node's own, as the actor sees it. */
export class LocalLetter extends Letter {
  readonly #ask: Ask;

  constructor(ask: Ask, sender: string, budget: number, args: Uint8Array) {
    super(sender, ask.method, args, budget);
    this.#ask = ask;
  }

  get asked(): boolean {
    return true;
  }

  protected deliver(answer: Uint8Array): void {
    this.#ask.onReply(answer);
  }
}

/** Replies that could not be sent as the link was down: kept, the newest of them, until it is up again. */
const MOST_REPLIES = 1_000;
const MOST_BYTES = 64 * 1024 * 1024;

export interface Reply {
  /** The number of the call. */
  readonly id: number;
  readonly answerTo: string;
  readonly kind: number;
  readonly bytes: Uint8Array;
}

export class Outbox {
  #replies: Reply[] = [];
  #bytes = 0;

  get size(): number {
    return this.#replies.length;
  }

  /** The oldest go first when it is full: their callers have waited longest and have given up soonest. */
  keep(reply: Reply): void {
    this.#replies.push(reply);
    this.#bytes += reply.bytes.length;
    while (this.#replies.length > MOST_REPLIES || this.#bytes > MOST_BYTES) {
      this.#bytes -= (this.#replies.shift() as Reply).bytes.length;
    }
  }

  /** Takes everything out, oldest first. */
  take(): Reply[] {
    const replies = this.#replies;
    this.#replies = [];
    this.#bytes = 0;
    return replies;
  }
}

/** The newest replies, as they were sent: a link that has just broken takes what is sent over it without a word. */
const MOST_REPLIES = 1_000;
const MOST_BYTES = 4 * 1024 * 1024;

export interface SentReply {
  readonly answerTo: string;
  readonly frame: Uint8Array;
}

export class SentReplies {
  /** By the number of the call, oldest first. */
  readonly #replies = new Map<number, SentReply>();
  #bytes = 0;

  /** `frame` is kept as it is. */
  add(id: number, answerTo: string, frame: Uint8Array): void {
    this.#drop(id);
    this.#replies.set(id, { answerTo, frame });
    this.#bytes += frame.length;
    while (this.#replies.size > MOST_REPLIES || this.#bytes > MOST_BYTES) {
      this.#drop(this.#replies.keys().next().value as number);
    }
  }

  get(id: number): SentReply | undefined {
    return this.#replies.get(id);
  }

  #drop(id: number): void {
    const reply = this.#replies.get(id);
    if (!reply) return;
    this.#replies.delete(id);
    this.#bytes -= reply.frame.length;
  }
}

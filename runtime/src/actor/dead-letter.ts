/** What becomes of a message that nobody got, and for whose failure nobody waits. */
import { channel } from "node:diagnostics_channel";

export interface DeadLetter {
  /** Whom it was for: the actor's name and node. */
  readonly to: string;
  readonly method: string;
  /** The node that sent it. */
  readonly sender: string;
  /** Why it was not handled. */
  readonly error: unknown;
}

const published = channel("bonfire:dead-letter");

/** Takes dead letters to whoever listens on this node, and to the channel `bonfire:dead-letter`. */
export class DeadLetters {
  readonly #listeners = new Set<(letter: DeadLetter) => void>();

  /** Returns the way to stop listening. */
  listen(listener: (letter: DeadLetter) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(letter: DeadLetter): void {
    published.publish(letter);
    for (const listener of this.#listeners) listener(letter);
  }
}

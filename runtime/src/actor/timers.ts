/** An actor's timers, whose work runs as messages of the actor. */
import { type Duration, milliseconds } from "../duration.ts";

type Work = () => void | Promise<void>;

export class Timers {
  readonly #enqueue: (work: Work) => void;
  readonly #running = new Set<NodeJS.Timeout>();

  constructor(enqueue: (work: Work) => void) {
    this.#enqueue = enqueue;
  }

  /** Returns the way to cancel it, also while its turn waits. Throws `INVALID_OPTION`. */
  after(delay: Duration, work: Work): () => void {
    let isWanted = true;
    const due = () => {
      this.#running.delete(timer);
      this.#enqueue(() => (isWanted ? work() : undefined));
    };
    const timer = setTimeout(due, milliseconds("delay", delay));
    this.#running.add(timer);
    return () => {
      isWanted = false;
      this.#cancel(timer);
    };
  }

  /** As `after`, again and again; a turn that waits or runs is not added to. */
  every(period: Duration, work: Work): () => void {
    let isWanted = true;
    let isQueued = false;
    const turn = async () => {
      try {
        if (isWanted) await work();
      } finally {
        isQueued = false;
      }
    };
    const due = () => {
      if (isQueued) return;
      isQueued = true;
      this.#enqueue(turn);
    };
    const timer = setInterval(due, Math.max(1, milliseconds("period", period)));
    this.#running.add(timer);
    return () => {
      isWanted = false;
      this.#cancel(timer);
    };
  }

  #cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.#running.delete(timer);
  }

  close(): void {
    for (const timer of this.#running) clearTimeout(timer);
    this.#running.clear();
  }
}

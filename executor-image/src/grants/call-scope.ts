/** Everything on the host that belongs to one call and must end with it: directory, children, open files, requests. */

/** Ends one thing; runs when the call ends, at once and without waiting. */
type Ending = () => void;

export class CallScope {
  readonly id: number;
  /** The call's private directory; `undefined` where the realm gives none. */
  readonly directory: string | undefined;
  /** On the clock of `performance.now()`; infinite without a deadline. */
  readonly deadline: number;
  readonly #endings = new Set<Ending>();
  readonly #values = new Map<symbol, unknown>();
  #ended = false;

  constructor(id: number, directory: string | undefined, deadline: number) {
    this.id = id;
    this.directory = directory;
    this.deadline = deadline;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Milliseconds until the deadline, at least 1. */
  remaining(): number {
    return Math.max(1, this.deadline - performance.now());
  }

  /** Has `ending` run when the call ends, at once if it has ended already; returns how to forget it. */
  onEnd(ending: Ending): () => void {
    if (this.#ended) {
      ending();
      return () => {};
    }
    this.#endings.add(ending);
    return () => this.#endings.delete(ending);
  }

  /** The value that an ability keeps for this call. */
  own<T>(key: symbol, make: () => T): T {
    if (!this.#values.has(key)) this.#values.set(key, make());
    return this.#values.get(key) as T;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const ending of this.#endings) ending();
    this.#endings.clear();
  }
}

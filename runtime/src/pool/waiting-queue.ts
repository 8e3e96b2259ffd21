/** Calls that wait for a slot: first come, first served, with O(1) removal from the middle. */
export class WaitingQueue<T> {
  readonly #waiting = new Line<T>();
  /** Had their turn already and could not be served: all of them come before those that wait. */
  readonly #returned = new Line<T>();

  get size(): number {
    return this.#waiting.size + this.#returned.size;
  }

  /** The one that has waited longest. */
  get first(): T | undefined {
    return this.#returned.first ?? this.#waiting.first;
  }

  *[Symbol.iterator](): Generator<T, void> {
    yield* this.#returned;
    yield* this.#waiting;
  }

  push(item: T): void {
    this.#waiting.push(item);
  }

  /**
   * Puts back one that had its turn already and could not be served: before all that wait, behind those put back
   * earlier. The calls of a lost cell come back in the order in which they were sent, so the oldest stays first.
   */
  unshift(item: T): void {
    this.#returned.push(item);
  }

  shift(): T | undefined {
    return this.#returned.size > 0 ? this.#returned.shift() : this.#waiting.shift();
  }

  remove(item: T): void {
    if (!this.#waiting.remove(item)) this.#returned.remove(item);
  }

  /** Takes out everything, in the order in which it would have been served. */
  drain(): T[] {
    return [...this.#returned.drain(), ...this.#waiting.drain()];
  }
}

class Line<T> {
  readonly #items = new Set<T>();
  // Kept between shifts: a fresh iterator steps over every entry deleted before, which makes n shifts cost n².
  #turn: Iterator<T> = this.#items.values();
  /** What the iterator has given already, though it is still in line. */
  #head: T | undefined;

  get size(): number {
    return this.#items.size;
  }

  get first(): T | undefined {
    if (this.#items.size === 0) return undefined;
    if (this.#head !== undefined) return this.#head;
    let next = this.#turn.next();
    if (next.done) {
      // One that has come to the end stays there, whatever is added later.
      this.#turn = this.#items.values();
      next = this.#turn.next();
    }
    this.#head = next.value as T;
    return this.#head;
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.values();
  }

  push(item: T): void {
    this.#items.add(item);
  }

  shift(): T | undefined {
    const first = this.first;
    if (first !== undefined) this.remove(first);
    return first;
  }

  remove(item: T): boolean {
    if (this.#head === item) this.#head = undefined;
    return this.#items.delete(item);
  }

  drain(): T[] {
    const all = [...this.#items];
    this.#items.clear();
    this.#head = undefined;
    return all;
  }
}

/** Calls that wait for a slot: first come, first served, with O(1) removal from the middle. */
export class WaitingQueue<T> {
  readonly #waiting = new Set<T>();
  readonly #front: T[] = [];

  get size(): number {
    return this.#waiting.size + this.#front.length;
  }

  push(item: T): void {
    this.#waiting.add(item);
  }

  /** Puts back one that had its turn already and could not be served. */
  unshift(item: T): void {
    this.#front.push(item);
  }

  shift(): T | undefined {
    const returned = this.#front.pop();
    if (returned !== undefined) return returned;
    for (const item of this.#waiting) {
      this.#waiting.delete(item);
      return item;
    }
    return undefined;
  }

  remove(item: T): void {
    if (this.#waiting.delete(item)) return;
    const at = this.#front.indexOf(item);
    if (at >= 0) this.#front.splice(at, 1);
  }

  /** Takes out everything. */
  drain(): T[] {
    const all = [...this.#front.reverse(), ...this.#waiting];
    this.#front.length = 0;
    this.#waiting.clear();
    return all;
  }
}

/** Those who wait for a slot: higher priority first, and first come, first served within one. A binary heap. */
export interface Waiting {
  readonly priority: number;
  /** Its turn; given when it first waits, and kept when it is put back, so that it loses nothing by that. */
  turn: number;
  /** @internal its place in the heap; -1 while it is in none */
  place: number;
}

let turns = 0;

/** Whether `a` is to be served before `b`. */
export function comesBefore(a: Waiting, b: Waiting): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.turn < b.turn);
}

/** An item may be in one queue at a time. Everything is O(log n); adding the last in order is O(1). */
export class WaitingQueue<T extends Waiting> {
  #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** In no particular order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#heap.values();
  }

  has(item: T): boolean {
    return this.#heap[item.place] === item;
  }

  push(item: T): void {
    if (item.turn === 0) item.turn = ++turns;
    this.#heap.push(item);
    this.#rise(item, this.#heap.length - 1);
  }

  /** Whose turn it is. */
  peek(): T | undefined {
    return this.#heap[0];
  }

  shift(): T | undefined {
    const first = this.#heap[0];
    if (first) this.remove(first);
    return first;
  }

  /** False if it does not wait here. */
  remove(item: T): boolean {
    const at = item.place;
    if (this.#heap[at] !== item) return false;
    const last = this.#heap.pop() as T;
    item.place = -1;
    if (last === item) return true;
    this.#rise(last, at);
    if (last.place === at) this.#sink(last, at);
    return true;
  }

  /** Takes out everything, in the order in which it would have been served. */
  drain(): T[] {
    const all = this.#heap.sort((a, b) => (comesBefore(a, b) ? -1 : 1));
    this.#heap = [];
    for (const item of all) item.place = -1;
    return all;
  }

  #rise(item: T, from: number): void {
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = this.#heap[up] as T;
      if (!comesBefore(item, parent)) break;
      this.#put(parent, at);
      at = up;
    }
    this.#put(item, at);
  }

  #sink(item: T, from: number): void {
    const size = this.#heap.length;
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= size) break;
      const [a, b] = [this.#heap[left] as T, this.#heap[left + 1]];
      const child = b && comesBefore(b, a) ? b : a;
      if (!comesBefore(child, item)) break;
      const down = child.place;
      this.#put(child, at);
      at = down;
    }
    this.#put(item, at);
  }

  #put(item: T, at: number): void {
    this.#heap[at] = item;
    item.place = at;
  }
}

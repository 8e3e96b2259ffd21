/** Messages in order of arrival, one at a time: the next one starts when the last one's promise has settled. */
export class Mailbox {
  readonly #waiting: (() => unknown)[] = [];
  #busy = false;
  #handled = 0;

  get depth(): number {
    return this.#waiting.length;
  }

  get handled(): number {
    return this.#handled;
  }

  /** `work` must not throw or reject: whoever puts it in turns failures into answers. */
  put(work: () => unknown): void {
    this.#waiting.push(work);
    if (!this.#busy) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    for (let work = this.#waiting.shift(); work; work = this.#waiting.shift()) {
      await work();
      this.#handled++;
    }
    this.#busy = false;
  }
}

/** A progress bar, and a record of how many executors there were when. */
const WIDTH = 30;

export class Progress {
  readonly #total: number;
  readonly #start = performance.now();
  readonly #changes: { at: number; ready: number }[] = [];
  readonly #empty = Promise.withResolvers<void>();
  #done = 0;
  #executors = { ready: 0, booting: 0 };
  #finishedAt: number | undefined;
  most = 0;

  constructor(total: number) {
    this.#total = total;
    this.#draw();
  }

  fleet(executors: { ready: number; booting: number }): void {
    this.#executors = executors;
    this.most = Math.max(this.most, executors.ready);
    if (this.#changes.at(-1)?.ready !== executors.ready) {
      this.#changes.push({ at: performance.now() - this.#start, ready: executors.ready });
    }
    if (this.#finishedAt === undefined) this.#draw();
    else if (executors.ready + executors.booting === 0) this.#empty.resolve();
  }

  done(parts: number): void {
    this.#done = parts;
    this.#draw();
  }

  /** Seconds since the start. */
  finish(): number {
    this.#finishedAt = performance.now();
    if (process.stdout.isTTY) process.stdout.write("\n");
    if (this.#executors.ready + this.#executors.booting === 0) this.#empty.resolve();
    return (this.#finishedAt - this.#start) / 1_000;
  }

  /** Resolves when the pool has no executor any more. */
  untilEmpty(): Promise<void> {
    return this.#empty.promise;
  }

  timeline(): string {
    return this.#changes.map(({ at, ready }) => `${ready} at ${(at / 1_000).toFixed(1)} s`).join(", ");
  }

  #draw(): void {
    const filled = Math.round((this.#done / this.#total) * WIDTH);
    const { ready, booting } = this.#executors;
    const line = `[${"█".repeat(filled)}${"·".repeat(WIDTH - filled)}] ${this.#done}/${this.#total} parts, ${ready} executors${booting > 0 ? ` (+${booting} booting)` : ""}`;
    // A terminal shows one line that changes; a log gets a line for each step.
    if (process.stdout.isTTY) process.stdout.write(`\r${line}\x1b[K`);
    else console.log(line);
  }
}

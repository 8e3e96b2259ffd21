/** All cells of an executor. */
import type { Bootstrap } from "@bonfire/runtime/internal";
import { CellProcess } from "./cell-process.ts";

export class Cells {
  readonly #bootstrap: Bootstrap;
  readonly #running = new Set<CellProcess>();
  #started = 0;

  constructor(bootstrap: Bootstrap) {
    this.#bootstrap = bootstrap;
  }

  /** Starts a cell as the executor's bootstrap says; it serves nobody yet. */
  start(): CellProcess {
    const { executor, nats, realm, grants, timing, concurrency, memoryMb } = this.#bootstrap;
    const node = `c-${executor.slice(2)}-${++this.#started}`;
    // Each call and each actor may have an isolate of its own, beside the process's, a shared one and a spare one.
    const isolates = realm === "isolate" ? concurrency + 3 : 2;
    const start = { node, nats, realm, grants, timing, memoryMb, directory: process.cwd() };
    const cell = new CellProcess(start, isolates);
    this.#running.add(cell);
    void cell.ended.then(() => this.#running.delete(cell));
    return cell;
  }

  /** Lets the calls that run finish, for at most `ms`; a cell ends when its last call has. */
  async drain(ms: number): Promise<void> {
    await Promise.all([...this.#running].map((cell) => cell.drain(ms)));
  }
}

/** The cells on which a driver holds slots, and which of them serves the next call. */
import type { Call } from "./call.ts";
import type { CellLink } from "./cell-link.ts";

export class Slots {
  readonly #cells = new Map<string, CellLink>();

  /** Slots that the driver can use, taken or free. */
  get usable(): number {
    let slots = 0;
    for (const cell of this.#cells.values()) slots += cell.slots;
    return slots;
  }

  get busy(): number {
    let busy = 0;
    for (const cell of this.#cells.values()) busy += cell.busy;
    return busy;
  }

  [Symbol.iterator](): IterableIterator<CellLink> {
    return this.#cells.values();
  }

  of(executor: string): CellLink | undefined {
    return this.#cells.get(executor);
  }

  put(cell: CellLink): void {
    this.#cells.set(cell.executor, cell);
  }

  /** Forgets a cell that is no more; false if it is another one by now. */
  drop(cell: CellLink): boolean {
    return this.#cells.get(cell.executor) === cell && this.#cells.delete(cell.executor);
  }

  /** The least loaded cell that has a slot for the call, and what else it needs. */
  bestFor(call: Call): CellLink | undefined {
    let best: CellLink | undefined;
    for (const cell of this.#cells.values()) {
      if (cell.canTake(call) && (!best || cell.busy < best.busy)) best = cell;
    }
    return best;
  }
}

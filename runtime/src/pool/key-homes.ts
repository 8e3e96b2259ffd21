/** Which cell the calls of a key go to, so that they find there what those before them have left. */
import type { CellLink } from "./cell-link.ts";

/** Keys that are remembered; those used longest ago are forgotten first. */
const MOST_KEYS = 10_000;

export class KeyHomes {
  readonly #homes = new Map<string, CellLink>();

  of(key: string): CellLink | undefined {
    return this.#homes.get(key);
  }

  /** A call of the key runs in `cell`: those after it follow. */
  settle(key: string, cell: CellLink): void {
    // Put last, as the one used last.
    this.#homes.delete(key);
    this.#homes.set(key, cell);
    if (this.#homes.size <= MOST_KEYS) return;
    const [oldest] = this.#homes.keys();
    this.#homes.delete(oldest as string);
  }

  /** The cell is no more. */
  leave(cell: CellLink): void {
    for (const [key, home] of this.#homes) if (home === cell) this.#homes.delete(key);
  }
}

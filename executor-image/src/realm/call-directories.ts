/** The private directory of each call: fresh, inside the realm's own, and removed when the call has ended. */
import { mkdtempSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";

/** A program that was just killed may still be writing for a moment. */
const RETRIES = { maxRetries: 10, retryDelay: 50 };

export class CallDirectories {
  readonly #parent: string;
  readonly #made = new Set<string>();
  readonly #removals = new Set<Promise<void>>();
  readonly #report: (message: string) => void;

  /** `report` is told of a directory that could not be removed. */
  constructor(parent: string, report: (message: string) => void) {
    this.#parent = realpathSync(parent);
    this.#report = report;
  }

  make(): string {
    const directory = mkdtempSync(join(this.#parent, "call-"));
    this.#made.add(directory);
    return directory;
  }

  /** Removes a directory that `make` gave, in the background. */
  remove(directory: string): void {
    if (!this.#made.delete(directory)) return;
    const removal = rm(directory, { recursive: true, force: true, ...RETRIES }).catch((error: Error) =>
      this.#report(`The directory of an ended call could not be removed: ${error.message}`),
    );
    this.#removals.add(removal);
    void removal.finally(() => this.#removals.delete(removal));
  }

  /** Removes what is left and waits until all is gone. */
  async close(): Promise<void> {
    for (const directory of this.#made) this.remove(directory);
    await Promise.all(this.#removals);
  }
}

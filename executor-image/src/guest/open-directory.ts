/** `fs.Dir`: a directory's entries one by one, from a list that was read when it was opened. */
import { requireInternal } from "./library.ts";

type Callback = (error: unknown, entry?: unknown) => void;

export class Dir {
  readonly path: string;
  readonly #entries: unknown[];
  #closed = false;

  constructor(path: string, entries: readonly unknown[]) {
    this.path = path;
    this.#entries = [...entries];
  }

  readSync(): unknown {
    this.#check();
    return this.#entries.shift() ?? null;
  }

  closeSync(): void {
    this.#check();
    this.#closed = true;
  }

  read(callback?: Callback): unknown {
    return answer(() => this.readSync(), callback);
  }

  close(callback?: Callback): unknown {
    return answer(() => this.closeSync(), callback);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    try {
      for (let entry = this.readSync(); entry !== null; entry = this.readSync()) yield entry;
    } finally {
      if (!this.#closed) this.closeSync();
    }
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }

  #check(): void {
    if (this.#closed) throw new (requireInternal("internal/errors").codes.ERR_DIR_CLOSED)();
  }
}

function answer(work: () => unknown, callback: Callback | undefined): unknown {
  if (callback === undefined) return new Promise((resolve) => resolve(work()));
  const { setImmediate } = requireInternal("timers");
  try {
    setImmediate(callback, null, work());
  } catch (error) {
    setImmediate(callback, error);
  }
  return undefined;
}

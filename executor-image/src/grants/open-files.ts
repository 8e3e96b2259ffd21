/**
 * The open files of a call, by numbers of our own: real descriptors are the process's, not the tenant's. A file that
 * is closed while an operation on it is under way is closed after it, because its number would be given to the next.
 */
import { closeSync } from "node:fs";
import type { CallScope } from "./call-scope.ts";

const OPEN_FILES = Symbol("open files");
const MOST_OPEN = 256;
/** 0 to 2 are the standard streams everywhere. */
const FIRST_HANDLE = 3;

interface OpenFile {
  readonly descriptor: number;
  busy: number;
  closing: boolean;
}

type Settle<T> = (error: Error | null, result: () => T) => void;

class OpenFiles {
  readonly #files = new Map<number, OpenFile>();
  #next = FIRST_HANDLE;

  /** Opens a file and gives its number. */
  add(open: () => number): number {
    if (this.#files.size >= MOST_OPEN) {
      throw Object.assign(new Error("EMFILE: too many open files in this call"), {
        code: "EMFILE",
        errno: -24,
      });
    }
    const handle = this.#next++;
    this.#files.set(handle, { descriptor: open(), busy: 0, closing: false });
    return handle;
  }

  descriptor(handle: unknown): number {
    return this.#file(handle).descriptor;
  }

  /** Performs an asynchronous operation on a file, which stays open until `settle` is called. */
  use<T>(handle: unknown, operate: (descriptor: number, settle: Settle<T>) => void): Promise<T> {
    const file = this.#file(handle);
    file.busy++;
    return new Promise((resolve, reject) => {
      operate(file.descriptor, (error, result) => {
        file.busy--;
        if (file.closing && file.busy === 0) closeSync(file.descriptor);
        if (error) reject(error);
        else resolve(result());
      });
    });
  }

  close(handle: unknown): void {
    const file = this.#file(handle);
    this.#files.delete(handle as number);
    if (file.busy > 0) file.closing = true;
    else closeSync(file.descriptor);
  }

  closeAll(): void {
    for (const handle of [...this.#files.keys()]) this.close(handle);
  }

  #file(handle: unknown): OpenFile {
    const file = this.#files.get(handle as number);
    if (file !== undefined) return file;
    throw Object.assign(new Error("EBADF: bad file descriptor"), { code: "EBADF", errno: -9 });
  }
}

export function openFiles(scope: CallScope): OpenFiles {
  return scope.own(OPEN_FILES, () => {
    const files = new OpenFiles();
    scope.onEnd(() => files.closeAll());
    return files;
  });
}

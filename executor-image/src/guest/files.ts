/** `node:fs` and `node:fs/promises` over the host's confined operations, in all three forms. */

import { asBuffer, dataOf, fileConstants, operations } from "./file-operations.ts";
import { refusedFunctions, refusedPromises } from "./file-refusals.ts";
import { BigIntStats, Dirent, Stats } from "./file-stats.ts";
import { createReadStream, createWriteStream } from "./file-streams.ts";
import { askFor, request } from "./host.ts";
import { requireInternal } from "./library.ts";
import { Dir } from "./open-directory.ts";

type Callback = (error: unknown, ...results: unknown[]) => void;

/** Operations that `fs/promises` does not have: they are methods of FileHandle there. */
const BY_HANDLE = new Set(["close", "fstat", "ftruncate", "fsync", "open"]);

async function perform(name: string, args: unknown[]): Promise<unknown> {
  const prepared = operations[name]!(...args);
  const reply = await request(`files.${name}`, prepared.args, prepared);
  return prepared.finish(reply);
}

function performSync(name: string, args: unknown[]): unknown {
  const prepared = operations[name]!(...args);
  return prepared.finish(askFor(`files.${name}`, prepared.args, prepared.bytes));
}

function performThen(name: string, args: unknown[]): void {
  const callback = args.pop() as Callback;
  requireInternal("internal/validators").validateFunction(callback, "cb");
  perform(name, args).then(
    (result) => defer(callback, null, result),
    (error) => defer(callback, error),
  );
}

/** Out of the promise's reaction, so that what a callback throws is uncaught and not a rejection. */
function defer(callback: Callback, ...results: unknown[]): void {
  requireInternal("timers").setImmediate(callback, ...results);
}

/** Bytes of the target view that `read` may fill: `(buffer, offset, length, position)` or `(buffer, { … })`. */
function readRange(args: unknown[]): { target: Uint8Array; position: number | null } {
  const [first, ...rest] = args as [Uint8Array | { buffer: Uint8Array } | undefined, ...unknown[]];
  const options = ArrayBuffer.isView(first) ? (typeof rest[0] === "object" ? rest[0] : undefined) : first;
  const buffer = ArrayBuffer.isView(first)
    ? first
    : ((first as { buffer?: Uint8Array } | undefined)?.buffer ??
      (asBuffer(new Uint8Array(16384)) as Uint8Array));
  const named = (options ?? {}) as { offset?: number; length?: number; position?: number | null };
  const offset = named.offset ?? (options ? 0 : ((rest[0] as number | undefined) ?? 0));
  const length =
    named.length ?? (options ? undefined : (rest[1] as number | undefined)) ?? buffer.byteLength - offset;
  const position = named.position ?? (options ? null : ((rest[2] as number | null | undefined) ?? null));
  return { target: new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length), position };
}

function writeRange(args: unknown[]): { bytes: Uint8Array; position: number | null } {
  const [data, ...rest] = args;
  if (typeof data === "string") {
    return {
      bytes: dataOf(data, rest[1] as string | undefined),
      position: (rest[0] as number | null | undefined) ?? null,
    };
  }
  const view = dataOf(data, null);
  const offset = (rest[0] as number | undefined) ?? 0;
  const length = (rest[1] as number | undefined) ?? view.length - offset;
  return {
    bytes: view.subarray(offset, offset + length),
    position: (rest[2] as number | null | undefined) ?? null,
  };
}

async function read(handle: number, args: unknown[]): Promise<number> {
  const { target, position } = readRange(args);
  const { bytes } = await request("files.read", [handle, target.length, position]);
  if (bytes !== undefined) target.set(bytes);
  return bytes?.length ?? 0;
}

async function write(handle: number, args: unknown[]): Promise<number> {
  const { bytes, position } = writeRange(args);
  const { value } = await request("files.write", [handle, position], { bytes });
  return value as number;
}

class FileHandle {
  readonly fd: number;
  constructor(fd: number) {
    this.fd = fd;
  }
  async read(...args: unknown[]): Promise<{ bytesRead: number; buffer: unknown }> {
    const buffer = ArrayBuffer.isView(args[0]) ? args[0] : asBuffer(new Uint8Array(16384));
    const rest = ArrayBuffer.isView(args[0]) ? args.slice(1) : args.length > 0 ? [args[0]] : [];
    return { bytesRead: await read(this.fd, [buffer, ...rest]), buffer };
  }
  async write(...args: unknown[]): Promise<{ bytesWritten: number; buffer: unknown }> {
    return { bytesWritten: await write(this.fd, args), buffer: args[0] };
  }
  readFile(options?: unknown): Promise<unknown> {
    return perform("readFile", [this.fd, options]);
  }
  writeFile(data: unknown, options?: unknown): Promise<unknown> {
    return perform("writeFile", [this.fd, data, options]);
  }
  appendFile(data: unknown, options?: unknown): Promise<unknown> {
    return perform("appendFile", [this.fd, data, options]);
  }
  stat(options?: unknown): Promise<unknown> {
    return perform("fstat", [this.fd, options]);
  }
  truncate(length?: number): Promise<unknown> {
    return perform("ftruncate", [this.fd, length]);
  }
  sync(): Promise<unknown> {
    return perform("fsync", [this.fd]);
  }
  datasync(): Promise<unknown> {
    return perform("fsync", [this.fd]);
  }
  createReadStream(options?: object): unknown {
    return createReadStream("", { ...options, fd: this.fd });
  }
  createWriteStream(options?: object): unknown {
    return createWriteStream("", { ...options, fd: this.fd });
  }
  async close(): Promise<void> {
    await perform("close", [this.fd]);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

let promises: Record<string, unknown> | undefined;
let files: Record<string, unknown> | undefined;

export function filesPromises(): Record<string, unknown> {
  if (promises !== undefined) return promises;
  promises = { constants: fileConstants, ...refusedPromises() };
  for (const name of Object.keys(operations)) {
    if (!BY_HANDLE.has(name)) promises[name] = (...args: unknown[]) => perform(name, args);
  }
  promises.opendir = async (path: unknown, options?: object) =>
    new Dir(
      String(path),
      (await perform("readdir", [path, { ...options, withFileTypes: true }])) as unknown[],
    );
  promises.open = async (...args: unknown[]) => new FileHandle((await perform("open", args)) as number);
  return promises;
}

export function filesModule(): Record<string, unknown> {
  if (files !== undefined) return files;
  const module: Record<string, unknown> = {
    constants: fileConstants,
    Stats,
    BigIntStats,
    Dirent,
    promises: filesPromises(),
    createReadStream,
    createWriteStream,
    Dir,
    ...refusedFunctions(),
  };
  for (const key of ["F_OK", "R_OK", "W_OK", "X_OK"]) module[key] = fileConstants[key];
  for (const name of Object.keys(operations)) {
    module[name] = (...args: unknown[]) => performThen(name, args);
    module[`${name}Sync`] = (...args: unknown[]) => performSync(name, args);
  }
  module.fdatasync = module.fsync;
  module.fdatasyncSync = module.fsyncSync;
  module.opendirSync = (path: unknown, options?: object) =>
    new Dir(String(path), performSync("readdir", [path, { ...options, withFileTypes: true }]) as unknown[]);
  module.opendir = (path: unknown, ...rest: unknown[]) => {
    const callback = rest.pop() as Callback;
    (promises!.opendir as (...args: unknown[]) => Promise<unknown>)(path, ...rest).then(
      (opened) => defer(callback, null, opened),
      (error) => defer(callback, error),
    );
  };
  module.exists = (path: unknown, callback: (exists: boolean) => void) => {
    perform("access", [path]).then(
      () => callback(true),
      () => callback(false),
    );
  };
  module.existsSync = (path: unknown) => {
    try {
      performSync("access", [path]);
      return true;
    } catch {
      // Whatever the reason, it cannot be reached, which is what existsSync answers.
      return false;
    }
  };
  module.read = (handle: number, ...args: unknown[]) => {
    const callback = args.pop() as Callback;
    read(handle, args).then((count) => defer(callback, null, count, args[0]), callback);
  };
  module.write = (handle: number, ...args: unknown[]) => {
    const callback = args.pop() as Callback;
    write(handle, args).then((count) => defer(callback, null, count, args[0]), callback);
  };
  module.readSync = (handle: number, ...args: unknown[]) => {
    const { target, position } = readRange(args);
    const { bytes } = askFor("files.read", [handle, target.length, position]);
    if (bytes !== undefined) target.set(bytes);
    return bytes?.length ?? 0;
  };
  module.writeSync = (handle: number, ...args: unknown[]) => {
    const { bytes, position } = writeRange(args);
    return askFor("files.write", [handle, position], bytes).value;
  };
  files = module;
  return module;
}

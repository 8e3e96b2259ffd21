/**
 * Each `node:fs` operation once: how its arguments become a request and its reply becomes a result. The callback,
 * promise and synchronous forms in files.ts are all made from this table.
 */

import { BigIntStats, Dirent, type DirentFacts, type StatFacts, Stats } from "./file-stats.ts";
import type { Reply } from "./host.ts";
import { facts, requireInternal, workdir } from "./library.ts";
import { encodeUtf8 } from "./text.ts";

/** A request ready to be sent. */
export interface Prepared {
  readonly args: readonly unknown[];
  readonly bytes?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
  finish(reply: Reply): unknown;
}

interface FileOptions {
  readonly encoding?: string | null;
  readonly flag?: string | number;
  readonly mode?: number;
  readonly signal?: AbortSignal;
  readonly recursive?: boolean;
  readonly force?: boolean;
  readonly bigint?: boolean;
  readonly withFileTypes?: boolean;
  readonly throwIfNoEntry?: boolean;
}

type OptionsOrEncoding = FileOptions | string | null | undefined;

/** A path as the host takes it: a string, or a file URL's path, against the call's directory. */
export function pathOf(path: unknown): string {
  const { getValidatedPath, toPathIfFileURL } = pathRules();
  return getValidatedPath(toPathIfFileURL(path));
}

function pathRules(): { getValidatedPath(path: unknown): string; toPathIfFileURL(path: unknown): unknown } {
  const { codes } = requireInternal("internal/errors");
  return {
    toPathIfFileURL: requireInternal("internal/url").toPathIfFileURL,
    getValidatedPath(path) {
      const text = path instanceof Uint8Array ? requireInternal("buffer").Buffer.from(path).toString() : path;
      if (typeof text !== "string") {
        throw new codes.ERR_INVALID_ARG_TYPE("path", ["string", "Buffer", "URL"], path);
      }
      if (text.includes("\0"))
        throw new codes.ERR_INVALID_ARG_VALUE("path", path, "must be without null bytes");
      return requireInternal("path").resolve(workdir(), text);
    },
  };
}

export function optionsOf(options: OptionsOrEncoding): FileOptions {
  return typeof options === "string" ? { encoding: options } : (options ?? {});
}

/** Bytes as a Buffer of the same memory. */
export function asBuffer(bytes: Uint8Array<ArrayBuffer> | undefined): Uint8Array {
  const { Buffer } = requireInternal("buffer");
  return bytes === undefined ? Buffer.alloc(0) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function decoded(reply: Reply, encoding: string | null | undefined): unknown {
  const buffer = asBuffer(reply.bytes);
  return encoding == null || encoding === "buffer"
    ? buffer
    : (buffer as unknown as { toString(encoding: string): string }).toString(encoding);
}

/** What may be written to a file, as bytes. */
export function dataOf(data: unknown, encoding: string | null | undefined): Uint8Array {
  if (typeof data === "string") {
    return encoding == null || encoding === "utf8" || encoding === "utf-8"
      ? encodeUtf8(data)
      : requireInternal("buffer").Buffer.from(data, encoding);
  }
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const { ERR_INVALID_ARG_TYPE } = requireInternal("internal/errors").codes;
  throw new ERR_INVALID_ARG_TYPE("data", ["string", "Buffer", "TypedArray", "DataView"], data);
}

const nothing = (): undefined => undefined;
const value = (reply: Reply): unknown => reply.value ?? undefined;

function onPath(path: unknown, ...rest: unknown[]): Prepared {
  return { args: [pathOf(path), ...rest], finish: nothing };
}

function stats(reply: Reply, options: FileOptions): unknown {
  if (reply.value === null) return undefined;
  const Kind = options.bigint ? BigIntStats : Stats;
  return new Kind(reply.value as StatFacts);
}

function target(file: unknown): unknown {
  return typeof file === "number" ? file : pathOf(file);
}

function write(file: unknown, data: unknown, given: OptionsOrEncoding, flag: string): Prepared {
  const options = optionsOf(given);
  return {
    args: [target(file), options.flag ?? flag, options.mode ?? 0o666],
    bytes: dataOf(data, options.encoding),
    signal: options.signal,
    finish: nothing,
  };
}

export const operations: Readonly<Record<string, (...args: any[]) => Prepared>> = {
  readFile(file: unknown, given?: OptionsOrEncoding) {
    const options = optionsOf(given);
    return {
      args: [target(file), options.flag ?? "r"],
      signal: options.signal,
      finish: (reply) => decoded(reply, options.encoding),
    };
  },
  writeFile: (file: unknown, data: unknown, options?: OptionsOrEncoding) => write(file, data, options, "w"),
  appendFile: (file: unknown, data: unknown, options?: OptionsOrEncoding) => write(file, data, options, "a"),
  readdir(path: unknown, given?: OptionsOrEncoding) {
    const options = optionsOf(given);
    return {
      args: [pathOf(path), options.recursive === true],
      finish({ value }) {
        const entries = value as DirentFacts[];
        if (options.withFileTypes) return entries.map((entry) => new Dirent(entry));
        const { relative, join } = requireInternal("path");
        const root = pathOf(path);
        return entries.map(([name, parent]) => relative(root, join(parent, name)) as string);
      },
    };
  },
  stat: (path: unknown, options: FileOptions = {}) => ({
    args: [pathOf(path), options.throwIfNoEntry !== false],
    finish: (reply) => stats(reply, options),
  }),
  lstat: (path: unknown, options: FileOptions = {}) => ({
    args: [pathOf(path), options.throwIfNoEntry !== false],
    finish: (reply) => stats(reply, options),
  }),
  fstat: (handle: number, options: FileOptions = {}) => ({
    args: [handle],
    finish: (reply) => stats(reply, options),
  }),
  mkdir(path: unknown, given?: FileOptions | number) {
    const options = typeof given === "number" ? { mode: given } : (given ?? {});
    return { args: [pathOf(path), options.recursive === true, options.mode ?? 0o777], finish: value };
  },
  mkdtemp: (prefix: unknown) => ({ args: [pathOf(prefix), String(prefix).endsWith("/")], finish: value }),
  rm: (path: unknown, options: FileOptions = {}) =>
    onPath(path, options.recursive === true, options.force === true),
  rmdir: (path: unknown, options: FileOptions = {}) => onPath(path, options.recursive === true),
  unlink: (path: unknown) => onPath(path),
  truncate: (path: unknown, length = 0) => onPath(path, length),
  chmod: (path: unknown, mode: number | string) => onPath(path, mode),
  utimes: (path: unknown, atime: number | Date, mtime: number | Date) =>
    onPath(path, Number(atime) / scale(atime), Number(mtime) / scale(mtime)),
  rename: (from: unknown, to: unknown) => onPath(from, pathOf(to)),
  copyFile: (from: unknown, to: unknown, mode = 0) => onPath(from, pathOf(to), mode),
  cp: (from: unknown, to: unknown, options: FileOptions = {}) =>
    onPath(from, pathOf(to), options.recursive === true, options.force !== false),
  access: (path: unknown, mode = 0) => onPath(path, mode),
  realpath: (path: unknown) => ({ args: [pathOf(path)], finish: value }),
  readlink: (path: unknown) => ({ args: [pathOf(path)], finish: value }),
  open: (path: unknown, flags: string | number = "r", mode = 0o666) => ({
    args: [pathOf(path), flags, mode],
    finish: value,
  }),
  close: (handle: number) => ({ args: [handle], finish: nothing }),
  ftruncate: (handle: number, length = 0) => ({ args: [handle, length], finish: nothing }),
  fsync: (handle: number) => ({ args: [handle], finish: nothing }),
};

/** Dates are in milliseconds, plain numbers in seconds. */
function scale(time: number | Date): number {
  return time instanceof Date ? 1000 : 1;
}

export const fileConstants = facts.constants.fs;

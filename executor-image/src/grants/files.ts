/** The ability behind `node:fs`: the file operations of one call, confined to its directory. */
import * as fs from "node:fs";
import { join, relative, resolve } from "node:path";
import type { Ability, Operation, Outcome } from "./ability.ts";
import { count } from "./ability.ts";
import type { CallScope } from "./call-scope.ts";
import { confine, confinePrefix } from "./confine.ts";
import { openFiles } from "./open-files.ts";

/** Most bytes that one `read` gives; streams ask for 64 KiB. */
const MOST_READ = 1 << 24;

function flagsOf(flags: unknown): string | number {
  return typeof flags === "number" ? flags : String(flags);
}

function modeOf(mode: unknown): number {
  return typeof mode === "string" ? Number.parseInt(mode, 8) : count(mode, "the mode");
}

function open(scope: CallScope, [path, flags, mode]: readonly any[]): Outcome {
  return {
    value: openFiles(scope).add(() => fs.openSync(confine(scope, path), flagsOf(flags), modeOf(mode))),
  };
}

function descriptor(scope: CallScope, handle: unknown): number {
  return openFiles(scope).descriptor(handle);
}

function facts(stats: fs.Stats | undefined): Outcome {
  if (stats === undefined) return { value: null };
  const { dev, ino, mode, nlink, uid, gid, rdev, size, blksize, blocks } = stats;
  const times = [stats.atimeMs, stats.mtimeMs, stats.ctimeMs, stats.birthtimeMs];
  return { value: [dev, ino, mode, nlink, uid, gid, rdev, size, blksize, blocks, ...times] };
}

function entries(path: string, list: readonly fs.Dirent[]): Outcome {
  const kind = (entry: fs.Dirent) =>
    entry.isFile() ? "f" : entry.isDirectory() ? "d" : entry.isSymbolicLink() ? "l" : "?";
  return { value: list.map((entry) => [entry.name, entry.parentPath ?? path, kind(entry)]) };
}

function readBuffer(size: unknown): Uint8Array {
  return new Uint8Array(Math.min(count(size, "the length"), MOST_READ));
}

function position(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

/** A file by path, or by the number of an open one. */
function target(scope: CallScope, file: unknown): string | number {
  return typeof file === "number" ? descriptor(scope, file) : confine(scope, file);
}

const NO_BYTES = new Uint8Array(0);
const read = (given: Uint8Array, size: number): Outcome =>
  size === 0 ? {} : { bytes: given.subarray(0, size) };

const sync: Readonly<Record<string, (scope: CallScope, args: readonly any[], bytes: Uint8Array) => Outcome>> =
  {
    readFile: (scope, [file, flag]) => ({
      bytes: fs.readFileSync(target(scope, file), { flag: flagsOf(flag) as string }),
    }),
    writeFile: (scope, [file, flag, mode], bytes) => {
      fs.writeFileSync(target(scope, file), bytes, { flag: flagsOf(flag) as string, mode: modeOf(mode) });
      return {};
    },
    appendFile: (scope, args, bytes) => sync.writeFile!(scope, args, bytes),
    readdir: (scope, [path, recursive]) => {
      const real = confine(scope, path);
      return entries(real, fs.readdirSync(real, { withFileTypes: true, recursive: recursive === true }));
    },
    stat: (scope, [path, throws]) => facts(absentAs(throws, () => fs.statSync(confine(scope, path)))),
    lstat: (scope, [path, throws]) =>
      facts(absentAs(throws, () => fs.lstatSync(confine(scope, path, "itself")))),
    fstat: (scope, [handle]) => facts(fs.fstatSync(descriptor(scope, handle))),
    mkdir: (scope, [path, recursive, mode]) => ({
      value: makeDirectory(scope, path, recursive === true, modeOf(mode)),
    }),
    mkdtemp: (scope, [prefix, inside]) => ({
      value: fs.mkdtempSync(inside ? `${confine(scope, prefix, "itself")}/` : confinePrefix(scope, prefix)),
    }),
    rm: (scope, [path, recursive, force]) =>
      remove(scope, path, force === true, (real) => fs.rmSync(real, { recursive, force })),
    rmdir: (scope, [path]) => done(fs.rmdirSync(confine(scope, path, "itself"))),
    unlink: (scope, [path]) => done(fs.unlinkSync(confine(scope, path, "itself"))),
    truncate: (scope, [path, length]) =>
      done(fs.truncateSync(confine(scope, path), count(length, "the length"))),
    chmod: (scope, [path, mode]) => done(fs.chmodSync(confine(scope, path), modeOf(mode))),
    utimes: (scope, [path, atime, mtime]) =>
      done(fs.utimesSync(confine(scope, path), Number(atime), Number(mtime))),
    rename: (scope, [from, to]) =>
      done(fs.renameSync(confine(scope, from, "itself"), confine(scope, to, "itself"))),
    copyFile: (scope, [from, to, mode]) =>
      done(fs.copyFileSync(confine(scope, from), confine(scope, to), count(mode, "the mode"))),
    cp: (scope, [from, to, recursive, force]) =>
      done(
        fs.cpSync(confine(scope, from), confine(scope, to), {
          recursive: recursive === true,
          force: force === true,
        }),
      ),
    access: (scope, [path, mode]) => done(fs.accessSync(confine(scope, path), count(mode, "the mode"))),
    realpath: (scope, [path]) => ({ value: fs.realpathSync(confine(scope, path)) }),
    readlink: (scope, [path]) => ({ value: fs.readlinkSync(confine(scope, path, "itself")) }),
    open,
    close: (scope, [handle]) => done(openFiles(scope).close(handle)),
    ftruncate: (scope, [handle, length]) =>
      done(fs.ftruncateSync(descriptor(scope, handle), count(length, "the length"))),
    fsync: (scope, [handle]) => done(fs.fsyncSync(descriptor(scope, handle))),
    read: (scope, [handle, size, at]) => {
      const buffer = readBuffer(size);
      return read(buffer, fs.readSync(descriptor(scope, handle), buffer, 0, buffer.length, position(at)));
    },
    write: (scope, [handle, at], bytes) => ({
      value: fs.writeSync(descriptor(scope, handle), bytes, 0, bytes.length, position(at)),
    }),
  };

function done(_: void): Outcome {
  return {};
}

function absentAs<T>(throws: unknown, look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (throws === false && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Missing parents are made one by one, each confined: a link half way must not lead the rest elsewhere. */
function makeDirectory(scope: CallScope, path: string, recursive: boolean, mode: number): string | null {
  if (!recursive) {
    fs.mkdirSync(confine(scope, path, "itself"), mode);
    return null;
  }
  const root = confine(scope, ".");
  let first: string | null = null;
  let at = root;
  for (const part of relative(root, resolve(root, path)).split("/")) {
    if (part === "") continue;
    at = confine(scope, join(at, part), "itself");
    if (fs.existsSync(at)) continue;
    fs.mkdirSync(at, mode);
    first ??= at;
  }
  return first;
}

function remove(scope: CallScope, path: unknown, force: boolean, act: (real: string) => void): Outcome {
  try {
    act(confine(scope, path, "itself"));
  } catch (error) {
    // `force` also covers a parent that is not there.
    if (!force || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return {};
}

/** What takes time on real data goes through libuv's threads; the rest is over sooner than it would be scheduled. */
const async: Readonly<
  Record<string, (scope: CallScope, args: readonly any[], bytes: Uint8Array) => Promise<Outcome>>
> = {
  readFile: async (scope, [file, flag]) => {
    const opened = target(scope, file);
    if (typeof opened === "number") return sync.readFile!(scope, [file, flag], NO_BYTES);
    return { bytes: await fs.promises.readFile(opened, { flag: flagsOf(flag) as string }) };
  },
  writeFile: async (scope, args, bytes) => {
    const opened = target(scope, args[0]);
    if (typeof opened === "number") return sync.writeFile!(scope, args, bytes);
    await fs.promises.writeFile(opened, bytes, { flag: flagsOf(args[1]) as string, mode: modeOf(args[2]) });
    return {};
  },
  appendFile: (scope, args, bytes) => async.writeFile!(scope, args, bytes),
  readdir: async (scope, [path, recursive]) => {
    const real = confine(scope, path);
    return entries(
      real,
      await fs.promises.readdir(real, { withFileTypes: true, recursive: recursive === true }),
    );
  },
  rm: async (scope, [path, recursive, force]) => {
    const options = { recursive: recursive === true, force: force === true };
    let removal: Promise<void> | undefined;
    remove(scope, path, options.force, (real) => {
      removal = fs.promises.rm(real, options);
    });
    await removal;
    return {};
  },
  copyFile: async (scope, [from, to, mode]) => {
    await fs.promises.copyFile(confine(scope, from), confine(scope, to), count(mode, "the mode"));
    return {};
  },
  read: (scope, [handle, size, at]) => {
    const buffer = readBuffer(size);
    return openFiles(scope).use(handle, (opened, settle) => {
      fs.read(opened, buffer, 0, buffer.length, position(at), (error, length) =>
        settle(error, () => read(buffer, length)),
      );
    });
  },
  write: (scope, [handle, at], bytes) => {
    return openFiles(scope).use(handle, (opened, settle) => {
      fs.write(opened, bytes, 0, bytes.length, position(at), (error, length) =>
        settle(error, () => ({ value: length })),
      );
    });
  },
};

export function filesAbility(): Ability {
  const named = <T>(table: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(table).map(([name, operation]) => [`files.${name}`, operation]));
  const withBytes =
    <T>(operation: (scope: CallScope, args: readonly any[], bytes: Uint8Array) => T) =>
    (...[scope, args, bytes]: Parameters<Operation>): T =>
      operation(scope, args, bytes ?? NO_BYTES);
  const later: Ability["async"] = Object.fromEntries(
    Object.keys(sync).map((name) => {
      const operation =
        async[name] ??
        (async (...parameters: [CallScope, readonly any[], Uint8Array]) => sync[name]!(...parameters));
      return [name, withBytes(operation)];
    }),
  );
  const now: Ability["sync"] = Object.fromEntries(
    Object.keys(sync).map((name) => [name, withBytes(sync[name]!)]),
  );
  return { sync: named(now), async: named(later) };
}

/**
 * Bundles on disk, so that a program that starts again has them at once. An entry holds as long as none of the files
 * that went into it has changed. What was used longest ago goes when there is too much.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { debuglog } from "node:util";
import type { Bundle } from "./bundle.ts";
import type { ShipSource } from "./ship-module.ts";

/** Raised when bundles of an older build must not be used. */
const FORMAT = "13";
/** What the folder may hold, in MB, when `BONFIRE_CACHE_MB` does not say. */
const DEFAULT_MB = 256;
/** The folder is looked through after each so many parts of the limit that were written. */
const PRUNED_PER_LIMIT = 16;
/** Bytes since it was looked through. */
let written = 0;
const debug = debuglog("bonfire");

interface Entry {
  bundle: Bundle;
  /** Each file with its size and time of change. */
  inputs: [path: string, size: number, changed: number][];
}

export function readCache(source: ShipSource): Bundle | undefined {
  const path = entryPath(source);
  if (!path) return undefined;
  try {
    const { bundle, inputs } = JSON.parse(readFileSync(path, "utf8")) as Entry;
    if (!inputs.every(([file, size, changed]) => isUnchanged(file, size, changed))) return undefined;
    const now = new Date();
    utimesSync(path, now, now);
    return bundle;
  } catch (error) {
    // Not there, or half written by a program that was killed: it is built again.
    debug("no cached bundle for %s: %s", source.file, error);
    return undefined;
  }
}

export function writeCache(source: ShipSource, bundle: Bundle, files: readonly string[]): void {
  const path = entryPath(source);
  if (!path) return;
  try {
    const inputs = files
      .filter((file) => existsSync(file) && statSync(file).isFile())
      .map((file): Entry["inputs"][number] => {
        const { size, mtimeMs } = statSync(file);
        return [file, size, mtimeMs];
      });
    const partial = `${path}.${process.pid}`;
    writeFileSync(partial, JSON.stringify({ bundle, inputs } satisfies Entry), { mode: 0o600 });
    renameSync(partial, path);
    if (written === 0 || written > limitBytes() / PRUNED_PER_LIMIT) {
      prune(dirname(path));
      written = 0;
    }
    written += statSync(path).size;
  } catch (error) {
    // A full or read-only disk costs a rebuild next time and nothing else.
    debug("cannot keep the bundle of %s: %s", source.file, error);
  }
}

/** Removes entries, those first that were used longest ago, until the rest is within the limit. */
function prune(folder: string): void {
  const entries = readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    // Another program may have removed it by now.
    const facts = statSync(path, { throwIfNoEntry: false });
    return facts ? [{ path, size: facts.size, used: facts.mtimeMs }] : [];
  });
  let excess = entries.reduce((sum, { size }) => sum + size, 0) - limitBytes();
  for (const { path, size } of entries.sort((left, right) => left.used - right.used)) {
    if (excess <= 0) return;
    rmSync(path, { force: true });
    excess -= size;
  }
}

function limitBytes(): number {
  const given = process.env.BONFIRE_CACHE_MB;
  let mb = given ? Number(given) : DEFAULT_MB;
  if (!(mb >= 0)) {
    process.emitWarning(`BONFIRE_CACHE_MB=${given} is no number of megabytes: ${DEFAULT_MB} holds`);
    mb = DEFAULT_MB;
  }
  return mb * 1024 * 1024;
}

function isUnchanged(file: string, size: number, changed: number): boolean {
  const now = statSync(file, { throwIfNoEntry: false });
  return now !== undefined && now.size === size && now.mtimeMs === changed;
}

function entryPath(source: ShipSource): string | undefined {
  const folder = cacheFolder(source.file);
  if (!folder) return undefined;
  const digest = createHash("sha256");
  const facts = [
    FORMAT,
    process.cwd(),
    source.file,
    source.code,
    ...(source.hostModules ?? []),
    // The same code may have moved in its file.
    source.map,
    process.env.NODE_ENV ?? "",
    process.versions.node,
  ];
  for (const fact of facts) digest.update(fact).update("\0");
  return join(folder, `${digest.digest("hex").slice(0, 32)}.json`);
}

let folder: string | undefined | null = null;

/** `node_modules/.cache/bonfire` beside the program, or a folder of this user's under the temporary one. */
function cacheFolder(file: string): string | undefined {
  if (folder !== null) return folder;
  for (let above = dirname(file); ; above = dirname(above)) {
    const modules = join(above, "node_modules");
    if (existsSync(modules)) folder = usable(join(modules, ".cache", "bonfire"));
    if (folder) return folder;
    if (above === dirname(above)) break;
  }
  folder = usable(join(tmpdir(), `bonfire-${userInfo().uid}`));
  return folder;
}

/** The folder, if it is ours alone to write: code from it will be run. */
function usable(path: string): string | undefined {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(path);
    const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
    return isOurs ? path : undefined;
  } catch (error) {
    debug("cannot cache bundles in %s: %s", path, error);
    return undefined;
  }
}

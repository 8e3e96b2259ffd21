/**
 * Where transformed files and the driver meet. A transformed file tags each closure with its file, its number there,
 * and a function that reads its captures; it finds this registry on the global object, because it must not import
 * anything that would move its lines.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Callable } from "@bonfire/wire";
import type { Bundle } from "./bundle.ts";
import { changedAt } from "./known-source.ts";
import { classKey, type ShipSource } from "./ship-module.ts";

/** A file whose closures can be shipped. */
export interface ShipFile {
  readonly url: string;
  readonly source: ShipSource;
  /** Stands for the bundle's hash in encoded values until the bundle is built: 16 hex digits. */
  readonly key: string;
  /** Set when it is built. */
  bundle?: Bundle;
  /** Set when the build has begun; it rejects with BUNDLE_FAILED. */
  building?: Promise<Bundle>;
  /** It came with its bundle, so the files behind it need not be on this machine. Its path is as it was at the build. */
  readonly isBuilt?: boolean;
  /** When it was made known, by `Date.now()`. */
  readonly at?: number;
  /** Its bundles without some packages, by the names of those. */
  variants?: Map<string, ShipFile>;
}

export interface Tag {
  readonly file: ShipFile;
  readonly site: number;
  /** Reads the captures in the order of `SiteInfo.names`. */
  readonly captures: (() => unknown[]) | undefined;
}

export interface ClassHome {
  url: string;
  /** Path of the file. */
  path: string;
  name: string;
  /** Names it in bundles; see `classKey`. */
  key: string;
  /** The version of the file that declared it, if that has closures. */
  file: ShipFile | undefined;
  /** When the file had last been changed as the class was made: see `changedAt`. */
  changed: number;
}

const TAG = Symbol("bonfire.tag");
/** By URL, the latest of a file that was loaded again after an edit. */
const files = new Map<string, ShipFile>();
/** Every version of every file. */
const filesByKey = new Map<string, ShipFile>();
/** By the hash of a bundle, the version of the file that it was made of. */
const filesByBundle = new Map<string, ShipFile>();
/** The latest of each key. */
const classesByKey = new Map<string, Callable>();
/** Those of every version of a file; see `versionedKey`. */
const classesByVersion = new Map<string, Callable>();
const classHomes = new WeakMap<object, ClassHome>();

/** @param file undefined when modules import each other and the file has not begun to run */
function tag<Kind>(value: Kind, file: ShipFile | undefined, site: number, captures?: () => unknown[]): Kind {
  if (typeof value === "function" && file && Object.isExtensible(value)) {
    (value as { [TAG]?: Tag })[TAG] = { file, site, captures };
  }
  return value;
}

function registerClasses(from: string | ShipFile, classes: Record<string, unknown>): void {
  const url = typeof from === "string" ? from : from.url;
  const path = typeof from === "string" ? fileURLToPath(from) : from.source.file;
  const changed = changedAt(path);
  for (const [name, value] of Object.entries(classes)) {
    if (typeof value !== "function") continue;
    const key = typeof from === "string" ? classKey(path, name) : keyOf(from, name);
    const file = typeof from === "string" ? undefined : from;
    classHomes.set(value, { url, path, name, key, file, changed });
    addClass(typeof from === "string" ? undefined : from, key, value as Callable);
  }
}

export function addClass(file: ShipFile | undefined, key: string, value: Callable): void {
  classesByKey.set(key, value);
  if (file) classesByVersion.set(versionedKey(file, key), value);
}

function versionedKey(file: ShipFile, key: string): string {
  return `${file.key} ${key}`;
}

/** The tag that a transformed file put on this very function; a subclass does not inherit it. */
export function tagOf(value: object): Tag | undefined {
  return Object.hasOwn(value, TAG) ? (value as { [TAG]?: Tag })[TAG] : undefined;
}

/** The key of a class of the file. That of a built file was made where it was built: its path is not made relative again. */
export function keyOf({ isBuilt, source }: ShipFile, name: string): string {
  return isBuilt ? `${source.file}#${name}` : classKey(source.file, name);
}

/** Functions and classes of a file, by its own and their values, once they have been declared. */
class SharedNames {
  readonly #file: ShipFile;
  readonly #names = new Map<object, string>();
  #waiting: [name: string, read: () => unknown][];

  constructor(file: ShipFile, shared: Record<string, () => unknown>) {
    this.#file = file;
    this.#waiting = Object.entries(shared);
  }

  nameOf(value: object): string | undefined {
    if (this.#waiting.length > 0) this.resolve();
    return this.#names.get(value);
  }

  functions(): Iterable<object> {
    return this.#names.keys();
  }

  resolve(): void {
    this.#waiting = this.#waiting.filter(([name, read]) => {
      try {
        const value = read();
        if (typeof value !== "function") return false;
        this.#names.set(value, name);
        addClass(this.#file, keyOf(this.#file, name), value as Callable);
        return false;
      } catch {
        // The file has not come to its declaration yet.
        return true;
      }
    });
  }
}

const sharedNames = new Map<ShipFile, SharedNames>();

/** Make known what the file's ship module shares with this program: functions and classes, its own and imported. */
export function shareNames(file: ShipFile | undefined, shared: Record<string, () => unknown>): void {
  if (file) sharedNames.set(file, new SharedNames(file, shared));
}

/** Look at what has not been declared when it was last looked at. */
export function resolveNames(): void {
  for (const names of sharedNames.values()) names.resolve();
}

/** All functions and classes that ship modules share with this program. */
export function* sharedFunctions(): Generator<object> {
  for (const names of sharedNames.values()) yield* names.functions();
}

/** The name under which the file's ship module has this very function or class. */
export function sharedName(file: ShipFile, value: object): string | undefined {
  return sharedNames.get(file)?.nameOf(value);
}

/** Whether it is the property that holds a function's tag, which stays behind when the function travels. */
export function isTagKey(key: PropertyKey): boolean {
  return key === TAG;
}

/**
 * The program's class with this key: "src/shape.ts#Circle". Of a file that was loaded again after an edit it is the
 * class of the version that the bundle was made of.
 */
export function classByKey(key: string, bundle: string): Callable | undefined {
  const file = filesByBundle.get(bundle);
  if (file) {
    sharedNames.get(file)?.resolve();
    const own = classesByVersion.get(versionedKey(file, key));
    if (own) return own;
  }
  if (!classesByKey.has(key)) resolveNames();
  return classesByKey.get(key);
}

/** Make known that a bundle was made of this version of a file. */
export function rememberBundle(file: ShipFile, hash: string): void {
  filesByBundle.set(hash, file);
}

/** Make known where a class is declared, when no transformed file has. */
export function registerClass(value: object, url: string, name: string): void {
  registerClasses(url, { [name]: value });
}

/** The file in which a class was declared, and its name there. */
export function homeOf(value: object): ClassHome | undefined {
  return classHomes.get(value);
}

export function fileOf(url: string): ShipFile | undefined {
  return files.get(url);
}

/** Make a file's closures known, before the file runs. */
export function registerFile(url: string, source: ShipSource): ShipFile {
  return addFile({ url, source, key: fileKey(url, source), at: Date.now() });
}

/** Names one version of a file: 16 hex digits. */
export function fileKey(url: string, { code }: ShipSource): string {
  return createHash("sha256").update(url).update("\0").update(code).digest("hex").slice(0, 16);
}

export function addFile(file: ShipFile): ShipFile {
  files.set(file.url, file);
  filesByKey.set(file.key, file);
  return file;
}

/** What a transformed file finds under `Symbol.for("bonfire.ship")`; the names are short as they stand in its lines. */
export interface ShipRegistry {
  tag: typeof tag;
  classes: typeof registerClasses;
  share: typeof shareNames;
  /** The version of a file with this key. */
  file(key: string): ShipFile | undefined;
}

export const registry: ShipRegistry = {
  tag,
  classes: registerClasses,
  share: shareNames,
  file: (key) => filesByKey.get(key),
};

/** Put the registry where transformed files look for it. Calling it again changes nothing. */
export function installRegistry(): void {
  (globalThis as Record<symbol, unknown>)[Symbol.for("bonfire.ship")] ??= registry;
}

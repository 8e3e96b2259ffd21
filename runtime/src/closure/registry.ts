/**
 * Where transformed files and the driver meet. A transformed file tags each closure with its file, its number there,
 * and a function that reads its captures; it finds this registry on the global object, because it must not import
 * anything that would move its lines.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Callable } from "@bonfire/wire";
import type { Bundle } from "./bundle.ts";
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
}

const TAG = Symbol("bonfire.tag");
const files = new Map<string, ShipFile>();
const classesByKey = new Map<string, Callable>();
const classHomes = new WeakMap<object, ClassHome>();

/** @param from the file, or its URL; undefined when modules import each other and the file has not begun to run */
function tag<Kind>(
  value: Kind,
  from: string | ShipFile | undefined,
  site: number,
  captures?: () => unknown[],
): Kind {
  const file = typeof from === "string" ? files.get(from) : from;
  if (typeof value === "function" && file && Object.isExtensible(value)) {
    (value as { [TAG]?: Tag })[TAG] = { file, site, captures };
  }
  return value;
}

function registerClasses(from: string | ShipFile, classes: Record<string, unknown>): void {
  const url = typeof from === "string" ? from : from.url;
  const path = typeof from === "string" ? fileURLToPath(from) : from.source.file;
  for (const [name, value] of Object.entries(classes)) {
    if (typeof value !== "function") continue;
    // The keys of a built file were made where it was built, so its path must not be made relative again.
    const key = typeof from === "string" ? classKey(path, name) : `${path}#${name}`;
    classHomes.set(value, { url, path, name, key });
    classesByKey.set(key, value as Callable);
  }
}

/** The tag that a transformed file put on this very function; a subclass does not inherit it. */
export function tagOf(value: object): Tag | undefined {
  return Object.hasOwn(value, TAG) ? (value as { [TAG]?: Tag })[TAG] : undefined;
}

/** The program's class with this key: "src/shape.ts#Circle". */
export function classByKey(key: string): Callable | undefined {
  return classesByKey.get(key);
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
  const key = createHash("sha256").update(url).update("\0").update(source.code).digest("hex").slice(0, 16);
  return addFile({ url, source, key });
}

export function addFile(file: ShipFile): ShipFile {
  files.set(file.url, file);
  return file;
}

/** What a transformed file finds under `Symbol.for("bonfire.ship")`; the names are short as they stand in its lines. */
export interface ShipRegistry {
  tag: typeof tag;
  classes: typeof registerClasses;
}

export const registry: ShipRegistry = { tag, classes: registerClasses };

/** Put the registry where transformed files look for it. Calling it again changes nothing. */
export function installRegistry(): void {
  (globalThis as Record<symbol, unknown>)[Symbol.for("bonfire.ship")] ??= registry;
}

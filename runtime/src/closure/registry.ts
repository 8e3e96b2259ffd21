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
  /** Its bundles without some packages, by the names of those. */
  variants?: Map<string, ShipFile>;
}

export interface Tag {
  readonly file: ShipFile;
  readonly site: number;
  /** Reads the captures in the order of `SiteInfo.names`. */
  readonly captures: (() => unknown[]) | undefined;
}

interface ClassHome {
  url: string;
  name: string;
}

const TAG = Symbol("bonfire.tag");
const files = new Map<string, ShipFile>();
const classesByKey = new Map<string, Callable>();
const classHomes = new WeakMap<object, ClassHome>();

function tag<Kind>(value: Kind, url: string, site: number, captures?: () => unknown[]): Kind {
  const file = files.get(url);
  if (typeof value === "function" && file && Object.isExtensible(value)) {
    (value as { [TAG]?: Tag })[TAG] = { file, site, captures };
  }
  return value;
}

function registerClasses(url: string, classes: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(classes)) {
    if (typeof value !== "function") continue;
    classHomes.set(value, { url, name });
    classesByKey.set(classKey(fileURLToPath(url), name), value as Callable);
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
  const file: ShipFile = { url, source, key };
  files.set(url, file);
  return file;
}

/** What a transformed file finds under `Symbol.for("bonfire.ship")`; the names are short as they stand in its lines. */
export interface ShipRegistry {
  tag: typeof tag;
  classes: typeof registerClasses;
}

const registry: ShipRegistry = { tag, classes: registerClasses };

/** Put the registry where transformed files look for it. Calling it again changes nothing. */
export function installRegistry(): void {
  (globalThis as Record<symbol, unknown>)[Symbol.for("bonfire.ship")] ??= registry;
}

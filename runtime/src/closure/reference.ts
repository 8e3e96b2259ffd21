/**
 * Decides how each function, class and instance among the captured values travels, and notes which bundles it
 * therefore needs.
 */
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { type Callable, type Reference, Refusal, streamAdvice } from "@bonfire/wire";
import { analyzedSource, isAlike, topLevelClass } from "./analyzed-source.ts";
import { HERITAGE, readFunctionText } from "./function-text.ts";
import { earlyName, type Insight, inspectFunction, readVariables } from "./inspector.ts";
import {
  callerFiles,
  changedAt,
  knownPaths,
  placeOfText,
  readSource,
  type TextPlace,
} from "./known-source.ts";
import { builtinExport } from "./node-builtin.ts";
import { realmExport } from "./realm-export.ts";
import {
  addClass,
  type ClassHome,
  fileOf,
  homeOf,
  isTagKey,
  keyOf,
  registerClass,
  registerFile,
  type ShipFile,
  sharedName,
  type Tag,
  tagOf,
} from "./registry.ts";
import { shortPath } from "./ship-module.ts";
import { positionInScript, positionInSource, SCRIPT } from "./transformed-source.ts";

/** A bundle that values refer to under a key of 16 hex digits, until its hash is known. */
export interface Need {
  file: ShipFile;
  /** Set when it is wanted for a class, which the closure's own bundle may have as well. */
  className?: string;
}

export type Needs = Map<string, Need>;

/** The reference hook of one encoding; what it finds goes into `needs`. */
export function referenceInto(
  needs: Needs,
  own: ShipFile | undefined,
): (value: object) => Reference | undefined {
  return (value) =>
    typeof value === "function" ? functionReference(value, needs, own) : objectReference(value);
}

function functionReference(value: object, needs: Needs, own: ShipFile | undefined): Reference {
  const name = own && sharedName(own, value);
  if (name !== undefined) return sharedReference(own!, name, needs);
  // A class first, even if it was handed to a pool itself: its instances need it as a class.
  const home = homeOf(value) ?? (tagOf(value) || realmExport(value) ? undefined : findHome(value));
  const shipped = home && classReference(home, value as Callable, needs, own);
  if (shipped) return shipped;
  const tag = tagOf(value);
  if (tag) return closureReference(value, tag, needs);
  const builtin = builtinExport(value) ?? realmExport(value);
  if (builtin) return { kind: "builtin", ...builtin };
  return sourceReference(value);
}

function closureReference(value: object, { file, site, captures }: Tag, needs: Needs): Reference {
  const { names, problems, line, column } = file.source.sites[site]!;
  const problem = problems.find(({ severity }) => severity === "error");
  if (problem) {
    throw new Refusal(
      `is the function of ${shortPath(file.source.file)}:${line}:${column}, which ${problem.message}`,
    );
  }
  needs.set(file.key, { file });
  const own = Reflect.ownKeys(value).filter((key) => !isTagKey(key));
  return { kind: "closure", hash: file.key, site, names, captures: captures?.() ?? [], own };
}

function classReference(
  { url, path, name, key, file: home, changed }: ClassHome,
  value: Callable,
  needs: Needs,
  own: ShipFile | undefined,
): Reference | undefined {
  let file = home ?? (own?.source.file === path ? own : fileOf(url));
  // A closure of another version of the file has another class of that name.
  let isOtherVersion = false;
  if (file && (file.isBuilt || file.source.sites.length > 0)) {
    // A class that depends on values of its file is in no ship module: it travels by its text.
    if (!file.source.classes.includes(name)) return undefined;
    isOtherVersion = own !== undefined && own !== file && own.url === file.url;
  } else {
    // The program's main file is not to run again elsewhere.
    if (path === process.argv[1]) return undefined;
    const isEdited = changedAt(path) !== changed;
    file = classFile(url, path, changed);
    // What is on disk now may be another class.
    if (isEdited && !file.bundle) return undefined;
    addClass(file, key, value);
    isOtherVersion = isEdited || (own?.at !== undefined && own.at < changed);
  }
  const hash = hashOf(`${file.key} ${key}`);
  needs.set(hash, isOtherVersion ? { file } : { file, className: key });
  return { kind: "class", hash, name: key };
}

/** What the closure's own bundle has under this name. */
function sharedReference(own: ShipFile, name: string, needs: Needs): Reference {
  const className = keyOf(own, name);
  const hash = hashOf(`${own.key} ${className}`);
  needs.set(hash, { file: own, className });
  return { kind: "class", hash, name: className };
}

/** Stands for the hash of the bundle in which the class is found. */
function hashOf(version: string): string {
  return createHash("sha256").update(version).digest("hex").slice(0, 16);
}

/** Where a class that no loader has seen stands: at the top of one of the files that have been read. */
function findHome(value: object): ClassHome | undefined {
  const text = Function.prototype.toString.call(value);
  if (!text.startsWith("class")) return undefined;
  const place = placeOfText(text, inspectFunction(value).location, sourcePaths);
  const found = place ? classAt(place) : classLike(text, (value as { name: string }).name);
  if (!found) return undefined;
  const url = pathToFileURL(found.path).href;
  registerClass(value, url, found.name);
  return homeOf(value);
}

function classAt({ source, start }: TextPlace): { path: string; name: string } | undefined {
  const known = analyzedSource(source);
  const name = known && topLevelClass(known, (node) => node.start === start);
  return name ? { path: source.path, name } : undefined;
}

/** For files that were changed as they were loaded: the only class of that name that can have become this text. */
function classLike(text: string, className: string): { path: string; name: string } | undefined {
  const found = [...new Set(sourcePaths())].filter((path) => {
    const source = readSource(path);
    const known = source?.code.includes(`class ${className}`) ? analyzedSource(source) : null;
    return known && topLevelClass(known, (node, name) => name === className && isAlike(node, text));
  });
  return found.length === 1 ? { path: found[0]!, name: className } : undefined;
}

/** Functions that are captured stand mostly in files that have been read. */
function sourcePaths(): string[] {
  return [...knownPaths(), ...callerFiles()];
}

const classFiles = new Map<string, ShipFile>();

/** A file without closures of its own, wanted for its classes: its bundle is the whole file, as of that change. */
function classFile(url: string, path: string, changed: number): ShipFile {
  const version = `${url}#${changed}`;
  let file = classFiles.get(version);
  if (!file) {
    file = registerClassFile(version, path);
    classFiles.set(version, file);
  }
  return file;
}

function registerClassFile(url: string, path: string): ShipFile {
  const code = `import ${JSON.stringify(path)};\n$bonfire.module = { sites: [], classes: $bonfire.classes };\n`;
  const map = JSON.stringify({ version: 3, sources: [], names: [], mappings: "" });
  const imports = { [path]: { line: 1, column: 1 } };
  return registerFile(url, { file: path, code, map, sites: [], classes: [], shared: [], imports });
}

/** The function or class itself, as text with the values that it closes over. */
function sourceReference(value: object): Reference {
  const shown = Function.prototype.toString.call(value);
  const { text, form, names, writes, keyNames, problem } = readFunctionText(shown);
  if (problem)
    throw new Refusal(`is a function that ${problem}`.replace("that is a native", "that is native"));
  const insight = inspectFunction(value);
  const values = readDeclared(insight, names);
  const written = writes.find((name) => values.has(name));
  if (written !== undefined) {
    throw new Refusal(
      `is a function that assigns to its captured variable \`${written}\`: let it return the new value`,
    );
  }
  // What a class uses only where it is declared is not kept for it.
  const lost = keyNames.find((name) => !values.has(name) && !(name in globalThis));
  if (lost !== undefined) {
    throw new Refusal(
      `is a class with a key computed from \`${lost}\`, which is gone: use it in a method as well`,
    );
  }
  if (names.includes(HERITAGE)) values.set(HERITAGE, Object.getPrototypeOf(value));
  const place =
    placeOfText(shown, insight.location, sourcePaths) ??
    (insight.location && (positionInSource(insight.location) ?? positionInScript(insight.location)));
  const at = place ? `${place.path}:${place.line}:${place.column}` : `${SCRIPT}a script:1:1`;
  return { kind: "source", text, form, names: [...values.keys()], values: [...values.values()], at };
}

function readDeclared(insight: Insight, names: readonly string[]): Map<string, unknown> {
  try {
    return readVariables(insight, names);
  } catch (error) {
    const early = earlyName(error);
    if (early === undefined) throw error;
    throw new Refusal(
      `is a function that uses \`${early}\`, which is declared further down: move the declaration above the call`,
    );
  }
}

function objectReference(value: object): Reference | undefined {
  const builtin = builtinExport(value);
  if (builtin) return { kind: "builtin", ...builtin };
  const prototype = Object.getPrototypeOf(value) as object | null;
  for (let level = prototype; level; level = Object.getPrototypeOf(level) as object | null) {
    const owner = Object.getOwnPropertyDescriptor(level, "constructor")?.value as unknown;
    if (typeof owner !== "function" || owner === Object) continue;
    const made = builtinExport(owner);
    if (made && !KEPT_BY_CODEC.has(made.path)) {
      throw new Refusal(`is a ${made.module}.${made.path || owner.name}: ${remedy(value, made.module)}`);
    }
  }
  return undefined;
}

function remedy(value: object, module: string): string {
  const { pipe } = value as { pipe?: unknown };
  // Sockets are streams too, but belong to this machine.
  if (typeof pipe !== "function" || module === "net" || module === "tls") return "open it inside the closure";
  return streamAdvice(value);
}

/** Classes of node's modules that are globals too, and that the codec knows. */
const KEPT_BY_CODEC = new Set(["Buffer", "URL", "URLSearchParams", "Headers", "DOMException"]);

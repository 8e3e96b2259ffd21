/**
 * The source files of the running program, for closures that no loader has seen: which of them a function is in, and
 * where. Node removes types without moving anything, so a function's text is found in its file as it is.
 */
import { readFileSync, statSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { debuglog, getCallSites } from "node:util";
import type { ScriptLocation } from "./inspector.ts";

const debug = debuglog("bonfire");
/** How far up the stack the program is looked for. */
export const FRAMES = 30;
const OURS = fileURLToPath(new URL("..", import.meta.url));

export interface KnownSource {
  path: string;
  /** Without types; offsets are those of the file. */
  code: string;
  /** Where texts stand that were looked for without V8's help; null: nowhere, or in several places. */
  only: Map<string, TextPlace | null>;
}

const sources = new Map<string, KnownSource | undefined>();

const KEPT = 2000;
const CLOCK_SLACK_MS = 2_000;
/** Functions that were found, by where V8 has them. */
const places = new Map<string, { text: string; place: TextPlace }>();

/** The files of scripts that have been on the stack, by V8's number for the script. */
const scripts = new Map<string, string>();
const identified = new Set<string>();

/** The files on the stack that belong to the program, the nearest caller first. */
export function callerFiles(): string[] {
  return [...new Set(callers().map(({ path }) => path))];
}

/** The places of the program on the stack, the nearest first; lines and columns from 1. */
export function callers(): { path: string; line: number; column: number }[] {
  const sites = getCallSites(FRAMES, { sourceMap: false });
  return sites.flatMap(({ scriptId, scriptName, lineNumber: line, columnNumber: column }) => {
    const path = pathOfScript(scriptName);
    if (path === undefined || path.startsWith(OURS)) return [];
    if (!scripts.has(scriptId)) {
      scripts.set(scriptId, path);
      identified.add(path);
    }
    return [{ path, line, column }];
  });
}

/** The file of a script; undefined for scripts that have none. */
export function pathOfScript(name: string): string | undefined {
  const path = name.startsWith("file:") ? fileURLToPath(name.replace(/[?#].*$/, "")) : name;
  return path.startsWith("/") || /^[A-Za-z]:\\/.test(path) ? path : undefined;
}

/** The text of a file; undefined also when it was edited, as it need not be what runs then. */
export function readSource(path: string): KnownSource | undefined {
  if (isEdited(path)) return undefined;
  if (!sources.has(path)) sources.set(path, read(path));
  return sources.get(path);
}

/** Whether the file was changed while the program ran. */
function isEdited(path: string): boolean {
  return changedAt(path) > performance.timeOrigin;
}

/** When the file was last changed, in ms since 1970. */
export function changedAt(path: string): number {
  const time = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // A time to come is a clock that is wrong; but files have finer times than ours, or come from another machine's.
  return time <= Date.now() + CLOCK_SLACK_MS ? time : 0;
}

function read(path: string): KnownSource | undefined {
  try {
    if (!statSync(path).isFile()) return undefined;
    const text = readFileSync(path, "utf8");
    const code = /^\.[cm]?ts$/.test(extname(path)) ? withoutTypes(text) : text;
    return { path, code, only: new Map() };
  } catch (error) {
    // Enums and the like cannot be removed; then the function travels by its text.
    debug("cannot read %s as a source: %s", path, error);
    return undefined;
  }
}

/** Node warns that this is experimental; the user did not ask for it and can do nothing about it. */
function withoutTypes(text: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}

export interface TextPlace {
  source: KnownSource;
  path: string;
  /** Offset of the function's first character. */
  start: number;
  /** From 1. */
  line: number;
  column: number;
}

/**
 * Where a function with this text, which V8 has at `location`, stands in one of the files that `paths` gives;
 * undefined if it stands there in none, or in several, as a wrong file would mean other variables of the same names.
 */
export function placeOfText(
  text: string,
  location: ScriptLocation | undefined,
  paths: () => Iterable<string>,
): TextPlace | undefined {
  if (!location) return undefined;
  const key = `${location.scriptId}:${location.line}:${location.column}`;
  const known = places.get(key);
  if (known?.text === text) return known.place;
  const all = new Set(paths());
  const own = scripts.get(location.scriptId);
  // A file that is known to be another script's is not this one's.
  const possible = own === undefined ? [...all].filter((path) => !identified.has(path)) : [own];
  const found = possible.flatMap((path) => placeIn(path, text, location) ?? []);
  const [place] = found;
  if (!place || found.length > 1) return undefined;
  if (places.size >= KEPT) places.clear();
  places.set(key, { text, place });
  return place;
}

function placeIn(path: string, text: string, location: ScriptLocation): TextPlace | undefined {
  const source = readSource(path);
  const offset = source && offsetOf(source.code, location);
  if (offset === undefined) return undefined;
  const start = source!.code.lastIndexOf(text, offset);
  return start === -1 || start + text.length <= offset ? undefined : textPlace(source!, start);
}

function offsetOf(code: string, { line, column }: ScriptLocation): number | undefined {
  let start = 0;
  for (let left = line; left > 0; left--) {
    start = code.indexOf("\n", start) + 1;
    if (start === 0) return undefined;
  }
  return start + column;
}

/** The files that have been read so far: functions that are captured come mostly from those. */
export function knownPaths(): Iterable<string> {
  return [...sources.keys()];
}

/** The place of this text in a file, if it stands there exactly once; for functions that V8 was not asked about. */
export function placeOfOnly(text: string, path: string | undefined): TextPlace | undefined {
  const source = path === undefined ? undefined : readSource(path);
  if (!source) return undefined;
  let place = source.only.get(text);
  if (place === undefined) {
    const start = source.code.indexOf(text);
    place = start >= 0 && start === source.code.lastIndexOf(text) ? textPlace(source, start) : null;
    source.only.set(text, place);
  }
  return place ?? undefined;
}

function textPlace(source: KnownSource, start: number): TextPlace {
  const { code } = source;
  let line = 1;
  for (let at = code.indexOf("\n"); at !== -1 && at < start; at = code.indexOf("\n", at + 1)) line++;
  return { source, path: source.path, start, line, column: start - code.lastIndexOf("\n", start - 1) };
}

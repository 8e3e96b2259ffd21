/**
 * A program that was bundled or compiled names its own sources in a source map, inline or beside it. Node reads those
 * only when asked to, so they are read here, when a stack has to be told. Sources have no map themselves, so a frame
 * that node has led back already stays as it is.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { debuglog } from "node:util";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { shortPath } from "./ship-module.ts";
import { SCRIPT } from "./transformed-source.ts";

const debug = debuglog("bonfire");
const maps = new Map<string, TraceMap | null>();
/** A position in a file of the program at the end of a stack's line. */
const POSITION = /((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*?):(\d+):(\d+)(?=\)?$)/;

/** Maps from what the loader has made of a file to the file as it is on disk, by path; read when they are needed. */
const edits = new Map<string, TraceMap | (() => string)>();

/** Say how the loader has changed a file that has a source map, which leads on from the file as it was. */
export function rememberEdits(path: string, map: () => string): void {
  edits.set(path, map);
}

/** A line of the driver's own stack, as `originalFrame`. */
export function originalDriverFrame(frame: string): string {
  const unedited = frame.replace(POSITION, (whole, file: string, row: string, column: string) => {
    const map = editsOf(pathOf(file));
    if (!map) return whole;
    const found = originalPositionFor(map, { line: Number(row), column: Number(column) - 1 });
    return found.source === null ? whole : `${file}:${found.line}:${found.column + 1}`;
  });
  return originalFrame(unedited);
}

function editsOf(path: string): TraceMap | undefined {
  const known = edits.get(path);
  if (typeof known !== "function") return known;
  const map = new TraceMap(known());
  edits.set(path, map);
  return map;
}

/** A line of a stack, with its position led back to the source that it was built from. */
export function originalFrame(frame: string): string {
  return frame.replace(POSITION, (whole, file: string, row: string, column: string) => {
    const original = originalPlace(pathOf(file), Number(row), Number(column));
    return original ? `${original.source}:${original.line}:${original.column}` : whole;
  });
}

function pathOf(file: string): string {
  return file.startsWith("file:") ? fileURLToPath(file.replace(/[?#].*$/, "")) : file;
}

export interface OriginalPlace {
  /** A URL, most often of a file. */
  source: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

/** Undefined when the file has no source map, or the map says nothing of that place. */
export function originalPlace(path: string, line: number, column: number): OriginalPlace | undefined {
  const map = mapOf(path);
  if (!map) return undefined;
  const found = originalPositionFor(map, { line, column: column - 1 });
  return found.source === null
    ? undefined
    : { source: found.source, line: found.line, column: found.column + 1 };
}

/** "src/main.ts:3:9", for messages: the place in the source where there is a map. */
export function spokenPlace(path: string, line: number, column: number): string {
  if (path.startsWith(SCRIPT)) return `${path.slice(SCRIPT.length)}:${line}:${column}`;
  const original = originalPlace(path, line, column);
  if (!original) return `${shortPath(path)}:${line}:${column}`;
  const { source } = original;
  const file = source.startsWith("file:") ? shortPath(fileURLToPath(source)) : source;
  return `${file}:${original.line}:${original.column}`;
}

function mapOf(path: string): TraceMap | null {
  let map = maps.get(path);
  if (map === undefined) {
    map = path.includes("node_modules") ? null : readMap(path);
    maps.set(path, map);
  }
  return map;
}

function readMap(path: string): TraceMap | null {
  const url = pathToFileURL(path).href;
  try {
    const comment = /\/\/[#@] sourceMappingURL=(\S+)\s*$/.exec(readFileSync(path, "utf8"))?.[1];
    if (comment === undefined) return null;
    const from = new URL(comment, url);
    if (from.protocol === "data:") return new TraceMap(inlineMap(from), url);
    return from.protocol === "file:" ? new TraceMap(readFileSync(from, "utf8"), from.href) : null;
  } catch (error) {
    debug("cannot read the source map of %s: %s", path, error);
    return null;
  }
}

function inlineMap({ pathname }: URL): string {
  const comma = pathname.indexOf(",");
  const body = decodeURIComponent(pathname.slice(comma + 1));
  return pathname.slice(0, comma).endsWith(";base64") ? Buffer.from(body, "base64").toString() : body;
}

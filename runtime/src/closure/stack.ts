/** Stacks that name the user's own files and lines, wherever the code ran. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { SOURCE_LINES_BEFORE, SOURCE_SCRIPT } from "@bonfire/wire";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import type { Bundle } from "./bundle.ts";
import { originalDriverFrame, originalFrame } from "./program-map.ts";
import { SCRIPT } from "./transformed-source.ts";

const SEPARATOR = "    at --- called from the driver ---";
const maps = new Map<string, TraceMap>();
const WIRE = import.meta.resolve("@bonfire/wire");
/** With `--enable-source-maps` our own frames name our sources. */
const OURS = [
  ...["../../dist/", "../../src/"].map((path) => new URL(path, import.meta.url)),
  ...["../dist/", "../src/"].map((path) => new URL(path, WIRE)),
].map((url) => fileURLToPath(url));

/** Make a bundle's source map known, so that positions in `bonfire:<hash>` can be led back. */
export function rememberMap({ hash, map }: Bundle): void {
  if (map !== undefined && !pending.has(hash) && !maps.has(hash)) pending.set(hash, map);
}

/** Maps that nobody has needed yet, as text: an error is rare and a map is large. */
const pending = new Map<string, string>();

function mapOf(hash: string): TraceMap | undefined {
  let map = maps.get(hash);
  const text = pending.get(hash);
  if (!map && text !== undefined) {
    map = new TraceMap(text);
    maps.set(hash, map);
    pending.delete(hash);
  }
  return map;
}

/** Positions in shipped code; those of the guest around it, `bonfire:guest`, are none. */
const SHIPPED = /bonfire(-source:|:[0-9a-f]{16}:)/;
/** Frames of an executor's own code, or of node. */
const REALM = /bonfire:guest|node:internal|[/@]bonfire\/executor\/|\/executor-image\/dist\//;
const BUNDLE_FRAME = /bonfire:([0-9a-f]{16}):(\d+):(\d+)/g;
const SOURCE_FRAME = new RegExp(`${SOURCE_SCRIPT}([^\\s:)]*):(\\d+):(\\d+)`, "g");

/**
 * A remote stack with the positions of shipped code led back to the user's files, without frames of the realm, and
 * with the frames of the driver's call below it.
 */
export function localStack(remote: string, driver: string | undefined): string {
  const lines = remote.split("\n");
  const firstFrame = lines.findIndex((line) => /^\s+at /.test(line));
  const head = firstFrame === -1 ? lines : lines.slice(0, firstFrame);
  const all = firstFrame === -1 ? [] : lines.slice(firstFrame);
  // An error that the driver made, and that only travelled, has no frames but the driver's.
  const isRemote = all.some((line) => SHIPPED.test(line));
  const frames = all
    .filter(
      (line) =>
        !isFrame(line) ||
        (isRemote ? SHIPPED.test(line) : !REALM.test(line) && !isOwn(line)) ||
        line.startsWith(SEPARATOR),
    )
    .map(mapFrame)
    .filter((line): line is string => line !== undefined)
    .map(originalFrame);
  const below = driver === undefined ? [] : [SEPARATOR, ...driverFrames(driver)];
  return [...head, ...frames, ...below].join("\n");
}

/** As `localStack`, but only of what ran as shipped code; any other stack is right as it is. */
export function shippedStack(remote: string): string {
  return SHIPPED.test(remote) ? localStack(remote, undefined) : remote;
}

/** A stack that is led back already, with the frames of the driver's call below it. */
export function withCaller(stack: string, driver: string | undefined): string {
  return driver === undefined ? stack : [stack, SEPARATOR, ...driverFrames(driver)].join("\n");
}

/** A frame of this package, or of the one that values and handles come from. */
function isOwn(line: string): boolean {
  return OURS.some((path) => line.includes(path));
}

function isFrame(line: string): boolean {
  return /^\s+at /.test(line);
}

/** Undefined for the lines that were put around the user's code. */
function mapFrame(line: string): string | undefined {
  let isOurs = false;
  const mapped = line
    .replace(BUNDLE_FRAME, (whole, hash: string, row: string, column: string) => {
      const map = mapOf(hash);
      if (!map) return whole;
      const {
        source,
        line: at,
        column: offset,
      } = originalPositionFor(map, {
        line: Number(row),
        column: Number(column) - 1,
      });
      if (source === null) {
        isOurs = true;
        return whole;
      }
      return `${nameOf(source)}:${at}:${offset + 1}`;
    })
    .replace(SOURCE_FRAME, (whole, encoded: string, row: string, column: string) => {
      const start = /^(.*):(\d+):(\d+)$/.exec(decodeURIComponent(encoded));
      if (!start) return whole;
      const below = Number(row) - SOURCE_LINES_BEFORE - 1;
      if (below < 0) {
        isOurs = true;
        return whole;
      }
      const shift = below === 0 ? Number(start[3]) - 1 : 0;
      return `${nameOf(start[1]!)}:${Number(start[2]) + below}:${Number(column) + shift}`;
    });
  return isOurs
    ? undefined
    : mapped.replace(/\bat eval \((.*)\)$/, "at $1").replace(/\bat Object\.<anonymous> /, "at ");
}

/** As node names it in stacks. */
function nameOf(source: string): string {
  return source.startsWith(SCRIPT) ? source.slice(SCRIPT.length) : pathToFileURL(source).href;
}

/** The frames of the call, without the head and without our own. */
function driverFrames(stack: string): string[] {
  return stack
    .split("\n")
    .filter(isFrame)
    .filter((line) => !isOwn(line) && !line.includes("node:internal"))
    .map(originalDriverFrame);
}

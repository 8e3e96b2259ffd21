/** What the loader makes of a source file: its closures tagged, its classes made known. */
import { createRequire } from "node:module";
import { fileKey, type ShipSource } from "@bonfire/runtime/closure";
import type MagicString from "magic-string";
import { classTable, headOf, mark, sharing } from "./mark.ts";
import { rawText } from "./raw-text.ts";

export interface Transformed {
  code: string;
  /** The file's closures; undefined when only its classes were made known. */
  source: ShipSource | undefined;
  /** For each closure whether it certainly goes to a pool, so that warnings about it are in place. */
  certain: readonly boolean[];
  /** For a file that has a source map: from the result to `code`, as JSON. */
  edits: (() => string) | undefined;
}

const require = createRequire(import.meta.url);

/** What other loaders leave at the end of a file that they have changed. */
const MAPPED = "\n//# sourceMappingURL=";
const CHANGED = `${MAPPED}data:`;
const REGISTRY = 'globalThis[Symbol.for("bonfire.ship")]';

/**
 * @param url names the file among the program's modules
 * @returns undefined when there is nothing to do
 */
export function transform(file: string, url: string, code: string): Transformed | undefined {
  const raw = code.includes(CHANGED) ? rawText(file) : undefined;
  const marked = mark(file, code, raw);
  if (!marked) return undefined;
  const { text, parsed, certain, classes, source } = marked;
  if (source) {
    const head = `const $bonfire=${REGISTRY},$bonfireFile=$bonfire.file(${JSON.stringify(fileKey(url, source))});${sharing(source)}`;
    text.appendLeft(headOf(parsed!.program), head);
  }
  if (classes.length > 0)
    text.append(
      `\n;${REGISTRY}?.classes(${source ? "$bonfireFile" : JSON.stringify(url)},${classTable(classes)});`,
    );
  return {
    code: source && raw !== undefined ? withMap(text, code) : text.toString(),
    source,
    certain,
    edits: source && code.includes(MAPPED) ? () => text.generateMap({ hires: true }).toString() : undefined,
  };
}

/** In one long line the columns are all that a stack has, so the map of whoever changed the file must follow ours. */
function withMap(text: MagicString, code: string): string {
  const at = code.lastIndexOf(CHANGED);
  const end = code.indexOf("\n", at + 1);
  const url = code.slice(at + CHANGED.length - "data:".length, end === -1 ? undefined : end).trim();
  const [head = "", body = ""] = url.split(/,(.*)/s);
  const theirs = head.endsWith(";base64") ? Buffer.from(body, "base64").toString() : decodeURIComponent(body);
  const remapping = require("@jridgewell/remapping") as typeof import("@jridgewell/remapping").default;
  const map = remapping([text.generateMap({ hires: true }) as never, theirs], () => null);
  return `${text}${CHANGED}application/json;base64,${Buffer.from(String(map)).toString("base64")}`;
}

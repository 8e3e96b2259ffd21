/**
 * Closures that no loader has tagged. The best way is to find the function in its source file, as then the loader's
 * own analysis says what it needs and its imports can be bundled; else its text is shipped with the values that the
 * inspector sees.
 */
import { BonfireError } from "@bonfire/wire";
import { type Node, walk } from "./analyze/syntax.ts";
import { type Analyzed, analyzedSource, functionAround } from "./analyzed-source.ts";
import { readFunctionText } from "./function-text.ts";
import { hintLoader } from "./hint.ts";
import { earlyName, type Insight, inspectFunction, readVariables, type ScriptLocation } from "./inspector.ts";
import {
  callerFiles,
  callers,
  placeOfOnly,
  placeOfText,
  readSource,
  type TextPlace,
} from "./known-source.ts";
import { spokenPlace } from "./program-map.ts";
import { registerFile, resolveNames, type ShipFile, shareNames, type Tag } from "./registry.ts";
import { shipFunction } from "./ship-module.ts";
import { shipText } from "./text-closure.ts";
import { positionInScript, positionInSource, type SourcePosition } from "./transformed-source.ts";

export function findClosure(target: object): Tag {
  const text = Function.prototype.toString.call(target);
  hintLoader();
  const insight = inspectFunction(target);
  const place = placeOfText(text, insight.location, callerFiles);
  const file = place ? locate(place, text) : locateTransformed(text, insight);
  if (file) shareVisible(file, insight);
  return file ? { file, site: 0, captures: reader(file, insight) } : textClosure(text, insight, place);
}

/** A function that may use only its arguments and globals, so that nothing needs to be looked at. */
export function explicitClosure(target: object): Tag {
  const text = Function.prototype.toString.call(target);
  const { names, problem } = readFunctionText(text);
  const missing = names.find((name) => !(name in globalThis));
  const reason =
    problem ??
    (missing === undefined
      ? undefined
      : `uses \`${missing}\`, which is not among its named captures: add it to them`);
  if (reason !== undefined) {
    throw new BonfireError(
      "CAPTURE_REFUSED",
      `Cannot ship the function given at ${callerPlace()} as it ${reason}`,
    );
  }
  return { file: shipText(text, [], placeOfOnly(text, callerFiles()[0])), site: 0, captures: undefined };
}

/** Where the program called us: "src/a.ts:12:7". */
function callerPlace(): string {
  const [caller] = callers();
  return caller ? spokenPlace(caller.path, caller.line, caller.column) : "a script";
}

function textClosure(text: string, insight: Insight, found: TextPlace | undefined): Tag {
  const place = found ?? (insight.location && positionInScript(insight.location));
  const { names, writes, problem } = readFunctionText(text);
  const values = visible(insight, names, place);
  const written = writes.find((name) => values.has(name));
  const reason =
    problem ??
    (written === undefined
      ? undefined
      : `assigns to captured variable \`${written}\`: return the new value instead`);
  if (reason !== undefined) {
    const at = place ? spokenPlace(place.path, place.line, place.column) : callerPlace();
    throw new BonfireError("CAPTURE_REFUSED", `Cannot ship the function at ${at} as it ${reason}`);
  }
  const file = shipText(text, [...values.keys()], place);
  return { file, site: 0, captures: reader(file, insight) };
}

/** What the function sees of `names`. Throws CAPTURE_REFUSED for what is declared further down. */
function visible(
  insight: Insight,
  names: readonly string[],
  place: SourcePosition | undefined,
): Map<string, unknown> {
  try {
    return readVariables(insight, names);
  } catch (error) {
    const early = earlyName(error);
    if (early === undefined) throw error;
    const at = place ? spokenPlace(place.path, place.line, place.column) : callerPlace();
    throw new BonfireError(
      "CAPTURE_REFUSED",
      `Cannot capture "${early}" at ${at} as it is declared further down: move the declaration above the call`,
      { cause: error },
    );
  }
}

function reader(file: ShipFile, insight: Insight): () => unknown[] {
  const { names, checks } = file.source.sites[0]!;
  return () => {
    const values = readVariables(insight, checks.length === 0 ? names : [...checks, ...names]);
    return names.map((name) => {
      if (!values.has(name)) throw new ReferenceError(`${name} is not visible from the function`);
      return values.get(name);
    });
  };
}

const shared = new WeakSet<ShipFile>();

/** What of the file's functions and classes the closure sees, as the loader would have told it. */
function shareVisible(file: ShipFile, insight: Insight): void {
  if (shared.has(file)) return;
  shared.add(file);
  const names = file.source.shared;
  const thunks = names.map((name): [string, () => unknown] => [
    name,
    () => readVariables(insight, [name]).get(name),
  ]);
  shareNames(file, Object.fromEntries(thunks));
  // At once, so that the insight does not keep alive all that the closure sees.
  resolveNames();
}

/** The ship module of the function that starts there; undefined when its file does not parse or it uses `this`. */
function locate({ source, start }: TextPlace, text: string): ShipFile | undefined {
  const known = analyzedSource(source);
  return known ? shippedAt(known, start, () => nodeOfText(known, start, text)) : undefined;
}

/** Functions that were found through a source map, by where V8 has them. */
const transformed = new Map<string, { text: string; file: ShipFile | undefined }>();
const KEPT = 2000;

/** The same for a function whose file was changed as it was loaded, so that its text stands nowhere. */
function locateTransformed(text: string, insight: Insight): ShipFile | undefined {
  if (!insight.location) return undefined;
  const { scriptId, line, column } = insight.location;
  const id = `${scriptId}:${line}:${column}`;
  let found = transformed.get(id);
  if (found?.text !== text) {
    if (transformed.size >= KEPT) transformed.clear();
    found = { text, file: shipTransformed(text, insight.location) };
    transformed.set(id, found);
  }
  const { file } = found;
  // The change may have renamed variables; then only the text that runs goes with the values that are seen.
  const names = file?.source.sites[0]?.names ?? [];
  return readVariables(insight, names).size === names.length ? file : undefined;
}

function shipTransformed(text: string, location: ScriptLocation): ShipFile | undefined {
  const position = positionInSource(location);
  const source = position && readSource(position.path);
  const known = source && analyzedSource(source);
  if (!known) return undefined;
  const node = functionAround(known, known.file.offset(position!), text);
  return node && shippedAt(known, node.start, () => node);
}

function shippedAt(known: Analyzed, start: number, find: () => Node | undefined): ShipFile | undefined {
  if (!known.shipped.has(start)) {
    const node = find();
    known.shipped.set(start, node && ship(known, node));
  }
  return known.shipped.get(start);
}

function ship({ file, classifier }: Analyzed, node: Node): ShipFile | undefined {
  const source = shipFunction(file, classifier, node);
  if (source.sites[0]!.names.includes("this")) return undefined;
  return registerFile(`${file.file}#${node.start}`, source);
}

function nodeOfText({ file }: Analyzed, start: number, text: string): Node | undefined {
  let found: Node | undefined;
  walk(file.program, (one) => {
    if (one.start > start || one.end <= start) return false;
    if (one.start === start && one.end === start + text.length && /Function|^Class/.test(one.type))
      found ??= one;
    return true;
  });
  return found;
}

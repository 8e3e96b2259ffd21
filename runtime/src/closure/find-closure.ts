/**
 * Closures that no loader has tagged. The best way is to find the function in its source file, as then the loader's
 * own analysis says what it needs and its imports can be bundled; else its text is shipped with the values that the
 * inspector sees.
 */
import { dirname, resolve } from "node:path";
import { BonfireError } from "@bonfire/wire";
import { parse } from "acorn";
import { analyze } from "eslint-scope";
import { Classifier } from "./analyze/classify.ts";
import { SourceFile } from "./analyze/source-file.ts";
import { type Node, type ScopeManager, walk } from "./analyze/syntax.ts";
import { classNamesIn } from "./class-names.ts";
import { readFunctionText } from "./function-text.ts";
import { hintLoader } from "./hint.ts";
import { type Insight, inspectFunction, readVariables } from "./inspector.ts";
import {
  callerFiles,
  callerPlace,
  type KnownSource,
  placeOfOnly,
  placeOfText,
  readSource,
  type TextPlace,
} from "./known-source.ts";
import { registerFile, resolveNames, type ShipFile, shareNames, type Tag } from "./registry.ts";
import { shipFunction, shortPath } from "./ship-module.ts";
import { shipText } from "./text-closure.ts";

export function findClosure(target: object): Tag {
  const text = Function.prototype.toString.call(target);
  hintLoader();
  const insight = inspectFunction(target);
  const place = placeOfText(text, insight.location, callerFiles());
  const file = place && locate(place, text);
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

function textClosure(text: string, insight: Insight, place: TextPlace | undefined): Tag {
  const { names, writes, problem } = readFunctionText(text);
  const values = readVariables(insight, names);
  const written = writes.find((name) => values.has(name));
  const reason =
    problem ?? (written === undefined ? undefined : `assigns to captured variable \`${written}\``);
  if (reason !== undefined) {
    const at = place ? `${shortPath(place.source.path)}:${place.line}:${place.column}` : callerPlace();
    throw new BonfireError("CAPTURE_REFUSED", `Cannot ship the function at ${at} as it ${reason}`);
  }
  const file = shipText(text, [...values.keys()], place);
  return { file, site: 0, captures: reader(file, insight) };
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

interface Analyzed {
  file: SourceFile;
  classifier: Classifier;
  shipped: Map<number, ShipFile | undefined>;
}

const analyzed = new WeakMap<KnownSource, Analyzed | null>();

/** The project's own files that this one imports: classes whose instances are captured are found there. */
function readImported({ file, program }: SourceFile): void {
  for (const { type, source } of program.body as Node[]) {
    const specifier: unknown = source?.value;
    if (!/^(Import|Export)/.test(type) || typeof specifier !== "string" || !specifier.startsWith("."))
      continue;
    readSource(resolve(dirname(file), specifier));
  }
}

/** Whether the class that starts at this offset is declared at the top of its file, under this name. */
export function isTopLevelClass({ source, start }: TextPlace, name: string): boolean {
  if (!classNamesIn(source.code).includes(name)) return false;
  const [definition] = analysisOf(source)?.file.moduleScope.set.get(name)?.defs ?? [];
  return definition?.type === "ClassName" && definition.node.start === start;
}

/** The ship module of the function that starts there; undefined when its file does not parse or it uses `this`. */
function locate({ source, start }: TextPlace, text: string): ShipFile | undefined {
  const known = analysisOf(source);
  if (!known) return undefined;
  if (!known.shipped.has(start)) known.shipped.set(start, shipAt(known, start, text));
  return known.shipped.get(start);
}

function analysisOf(source: KnownSource): Analyzed | null {
  let known = analyzed.get(source);
  if (known === undefined) {
    known = analyzeSource(source);
    analyzed.set(source, known);
  }
  return known;
}

function analyzeSource({ path, code }: KnownSource): Analyzed | null {
  let program: Node;
  try {
    program = parse(code, {
      ecmaVersion: "latest",
      sourceType: "module",
      ranges: true,
      allowHashBang: true,
      allowReturnOutsideFunction: true,
    }) as unknown as Node;
  } catch {
    // JSX, for one: the function then travels by its text.
    return null;
  }
  const scopes = analyze(program as never, {
    sourceType: "module",
    ecmaVersion: 2025,
  }) as unknown as ScopeManager;
  const file = new SourceFile({ file: path, code, program, scopes });
  readImported(file);
  return { file, classifier: new Classifier(file), shipped: new Map() };
}

function shipAt({ file, classifier }: Analyzed, start: number, text: string): ShipFile | undefined {
  let node: Node | undefined;
  walk(file.program, (one) => {
    if (one.start > start || one.end <= start) return false;
    if (one.start === start && one.end === start + text.length && /Function|^Class/.test(one.type))
      node ??= one;
    return true;
  });
  if (!node) return undefined;
  const source = shipFunction(file, classifier, node);
  if (source.sites[0]!.names.includes("this")) return undefined;
  return registerFile(`${file.file}#${start}`, source);
}

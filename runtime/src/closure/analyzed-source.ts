/** Source files of the running program with their syntax and scopes, for functions and classes that no loader has seen. */
import { dirname, resolve } from "node:path";
import { parse } from "acorn";
import { Classifier } from "./analyze/classify.ts";
import { SourceFile } from "./analyze/source-file.ts";
import { type Node, walk } from "./analyze/syntax.ts";
import { type KnownSource, readSource } from "./known-source.ts";
import type { ShipFile } from "./registry.ts";

export interface Analyzed {
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

/** Null when it does not parse. */
export function analyzedSource(source: KnownSource): Analyzed | null {
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
      allowHashBang: true,
      allowReturnOutsideFunction: true,
    }) as unknown as Node;
  } catch {
    // JSX, for one: the function then travels by its text.
    return null;
  }
  const file = new SourceFile({ file: path, code, program });
  readImported(file);
  return { file, classifier: new Classifier(file), shipped: new Map() };
}

/**
 * The function to which a source map has led, if it can be the one whose running text this is. Not every map has an
 * entry for where a function starts: then it leads to the word before, or to the name of a method.
 */
export function functionAround({ file }: Analyzed, offset: number, text: string): Node | undefined {
  let around: Node | undefined;
  let next: Node | undefined;
  walk(file.program, (node) => {
    if (node.end <= offset) return false;
    const inner = /^(Property|MethodDefinition)$/.test(node.type) ? (node.value as Node) : node;
    if (!/Function/.test(inner.type)) return true;
    if (node.start <= offset && offset <= (inner.body as Node).start) around = inner;
    else if (inner.start > offset && (!next || inner.start < next.start)) next = inner;
    return true;
  });
  const isNext = next && !/[;{}]|=>/.test(file.code.slice(offset, next.start));
  const found = around ?? (isNext ? next : undefined);
  return found && isAlike(found, text) ? found : undefined;
}

/** Whether the running text can be that of a node of the source: every name and plain literal of the source is in it. */
export function isAlike(node: Node, text: string): boolean {
  if (Boolean(node.async) !== /^async\b/.test(text)) return false;
  const words = new Set(text.match(/[\w$]+/g));
  let isSame = true;
  walk(node, ({ type, name, value }) => {
    if (type === "Identifier" && !words.has(name as string)) isSame = false;
    if (type === "Literal" && isKeptAsWritten(value) && !text.includes(String(value))) isSame = false;
  });
  return isSame;
}

/** Other literals may be written in another way: with other quotes, or as 1e3. */
function isKeptAsWritten(value: unknown): boolean {
  return typeof value === "number" ? value < 100 : typeof value === "string" && /^[\w ./:-]*$/.test(value);
}

/** The class at the top level of the file for which `is` holds, under the name by which the file knows it. */
export function topLevelClass(
  { file }: Analyzed,
  is: (node: Node, name: string) => boolean,
): string | undefined {
  for (const variable of file.moduleScope.set.values()) {
    const { node, type } = variable.defs[0] ?? { node: undefined, type: "" };
    const made = type === "ClassName" ? node : type === "Variable" ? (node?.init as Node | null) : undefined;
    if (made && /^Class/.test(made.type) && is(made, variable.name)) return variable.name;
  }
  return undefined;
}

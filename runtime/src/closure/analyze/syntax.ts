/** What the analysis needs of a parser: oxc, acorn, and those of ESLint all fit. */
import { FIELDS } from "./fields.ts";

/** An ESTree (or TS-ESTree) node: its fields differ by `type`, so they are left open here. */
export interface Node {
  type: string;
  /** Missing in ESLint's trees, which have `range` only: read it with `startOf`. */
  start: number;
  end: number;
  [field: string]: any;
}

/** A parsed source file. */
export interface Parsed {
  /** Absolute path, for messages and for resolving its imports. */
  file: string;
  /** The text whose offsets the nodes have. */
  code: string;
  /** Its `sourceType` says whether it is a module. */
  program: Node;
}

export function startOf(node: Node): number {
  return node.start ?? (node.range as [number, number])[0];
}

export function endOf(node: Node): number {
  return node.end ?? (node.range as [number, number])[1];
}

/** Visit the child nodes of a node that exist at run time, in the order of the text. */
export function eachChild(node: Node, visit: (child: Node) => void): void {
  const fields = FIELDS.get(node.type);
  if (!fields) {
    if (!node.type.startsWith("TS")) eachField(node, visit);
    return;
  }
  for (const field of fields) {
    const value = node[field] as Node | (Node | null)[] | null | undefined;
    if (!value) continue;
    if (!Array.isArray(value)) visit(value);
    else for (const child of value) if (child) visit(child);
  }
}

/** Fields that hold no nodes, or not those below. */
const NOT_CHILDREN = new Set(["type", "start", "end", "range", "loc", "parent", "tokens", "comments"]);

/** Visit every node in the fields of a node of whatever type; types among them. */
export function eachField(node: Node, visit: (child: Node) => void): void {
  for (const field in node) {
    const value: unknown = node[field];
    if (typeof value !== "object" || value === null || NOT_CHILDREN.has(field)) continue;
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value])
      if (isNode(child)) visit(child);
  }
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string"
  );
}

/** Visit `node` and everything below it; `visit` returns false to skip what is below. */
export function walk(node: Node, visit: (node: Node, parent: Node | null) => boolean | void): void {
  const go = (current: Node, parent: Node | null): void => {
    if (visit(current, parent) === false) return;
    eachChild(current, (child) => go(child, current));
  };
  go(node, null);
}

const WRAPPERS = new Set([
  ..."TSAsExpression TSSatisfiesExpression TSNonNullExpression TSTypeAssertion".split(" "),
  ..."ParenthesizedExpression ChainExpression".split(" "),
]);

/** The expression inside type assertions and parentheses. */
export function unwrap(node: Node): Node;
export function unwrap(node: Node | null | undefined): Node | null;
export function unwrap(node: Node | null | undefined): Node | null {
  let inner = node ?? null;
  while (inner && WRAPPERS.has(inner.type)) inner = inner.expression as Node;
  return inner;
}

export function isFunctionExpression(node: Node | null | undefined): boolean {
  return node?.type === "ArrowFunctionExpression" || node?.type === "FunctionExpression";
}

export function inside(node: Node, outer: Node): boolean {
  return startOf(node) >= startOf(outer) && endOf(node) <= endOf(outer);
}

/**
 * What the analysis needs of a parser and of a scope manager. oxc with typescript-eslint's scopes and acorn with
 * eslint-scope both fit, so that the loader and the fallback share one analysis.
 */

/** An ESTree (or TS-ESTree) node: its fields differ by `type`, so they are left open here. */
export interface Node {
  type: string;
  start: number;
  end: number;
  [field: string]: any;
}

export interface Definition {
  type: string;
  node: Node;
  parent?: Node | null;
  name: Node;
}

export interface Reference {
  identifier: Node;
  resolved: Variable | null;
  /** Present when this writes a variable's first value. */
  init?: boolean | null | undefined;
  isWrite(): boolean;
  /** False for a use as a TypeScript type only. */
  isValueReference?: boolean;
}

export interface Variable {
  name: string;
  defs: Definition[];
  references: Reference[];
  scope: Scope;
}

export interface Scope {
  type: string;
  block: Node;
  upper: Scope | null;
  variables: Variable[];
  references: Reference[];
  set: Map<string, Variable>;
}

export interface ScopeManager {
  scopes: Scope[];
  acquire(node: Node, inner?: boolean): Scope | null;
}

/** A parsed source file. */
export interface Parsed {
  /** Absolute path, for messages and for resolving its imports. */
  file: string;
  /** The text whose offsets the nodes have. */
  code: string;
  program: Node;
  scopes: ScopeManager;
}

/** Fields that hold no nodes, or not those below. */
const NOT_CHILDREN = new Set(["type", "start", "end", "range", "loc", "parent", "tokens", "comments"]);

/** Visit the child nodes of a node, in the order of its fields. */
export function eachChild(node: Node, visit: (child: Node) => void): void {
  for (const field in node) {
    const value: unknown = node[field];
    if (typeof value !== "object" || value === null || NOT_CHILDREN.has(field)) continue;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++)
        if (isNode(value[index])) visit(value[index] as Node);
    } else if (isNode(value)) {
      visit(value);
    }
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
  return node.start >= outer.start && node.end <= outer.end;
}

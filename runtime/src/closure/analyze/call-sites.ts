/** Finds where a file hands closures to a pool. */
import type { Classifier } from "./classify.ts";
import type { Variable } from "./scope.ts";
import type { SourceFile } from "./source-file.ts";
import { eachField, isFunctionExpression, type Node, unwrap } from "./syntax.ts";

/** The package whose pools are meant. */
export const RUNTIME = "@bonfire/runtime";
const METHODS = new Set(["call", "cast", "map", "stream", "spawn"]);

export interface CallSite {
  /** The argument as it is written: what the transform wraps. */
  argument: Node;
  /** The function or class behind it; undefined when it is imported. */
  node: Node | undefined;
  /** Its variable, when it is passed by name. */
  variable: Variable | undefined;
  /** False when only the shape `x.call(function)` speaks for it, so that no warning is given. */
  isCertain: boolean;
}

/** Whether a file can have call sites at all: cheap enough for every file that loads. */
export function mayHaveCallSites(code: string): boolean {
  return code.includes(RUNTIME) || /\.call\s*\(\s*(?:async\b|\(|function\b|[\w$]+\s*=>)/.test(code);
}

export function findCallSites(file: SourceFile, classifier: Classifier): CallSite[] {
  const sites: CallSite[] = [];
  for (const node of file.calls) {
    const callee = unwrap(node.callee as Node);
    if (callee.type !== "MemberExpression" || callee.computed || !METHODS.has(callee.property.name as string))
      continue;
    const given = node.arguments as Node[];
    const isCertain = isPool(file, callee.object as Node);
    if (!isCertain) {
      const [first] = given;
      if (callee.property.name !== "call" || !first || !isFunctionExpression(unwrap(first))) continue;
    }
    for (const argument of given) {
      const inner = unwrap(argument);
      if (isFunctionExpression(inner) || inner.type === "ClassExpression") {
        sites.push({ argument, node: inner, variable: undefined, isCertain });
        break;
      }
      if (inner.type !== "Identifier" || !isCertain) continue;
      const variable = file.resolve(inner);
      const kind = variable ? classifier.kind(variable) : undefined;
      if (kind?.kind === "code" && !kind.isLiteral && !/^TS/.test(kind.node.type)) {
        sites.push({ argument, node: kind.node, variable: variable!, isCertain });
        break;
      }
      // Whether an import is a function shows only at run time, so all of them are marked.
      if (kind?.kind === "import") sites.push({ argument, node: undefined, variable: variable!, isCertain });
    }
  }
  return sites;
}

/** Whether an expression leads back to an import of the runtime, or has a type from there. */
function isPool(file: SourceFile, expression: Node, depth = 0): boolean {
  const identifier = rootOf(expression);
  const variable = identifier && file.resolve(identifier);
  const definition = variable?.defs[0];
  if (!definition || depth > 6) return false;
  if (definition.type === "ImportBinding") return isRuntime(definition.parent?.source?.value);
  if (definition.name.typeAnnotation && isRuntimeType(file, definition.name.typeAnnotation as Node))
    return true;
  if (definition.type !== "Variable" || definition.node.id?.type !== "Identifier" || !definition.node.init)
    return false;
  return isPool(file, definition.node.init as Node, depth + 1);
}

export function isRuntime(source: unknown): boolean {
  return typeof source === "string" && (source === RUNTIME || source.startsWith(`${RUNTIME}/`));
}

function isRuntimeType(file: SourceFile, annotation: Node): boolean {
  let found = false;
  const visit = (node: Node): void => {
    if (found) return;
    if (node.type === "Identifier") {
      const definition = file.moduleScope.set.get(node.name as string)?.defs[0];
      found = definition?.type === "ImportBinding" && isRuntime(definition.parent?.source?.value);
    }
    eachField(node, visit);
  };
  visit(annotation);
  return found;
}

/** The identifier at the start of `fire.pool("x").y`. */
function rootOf(expression: Node): Node | null {
  let node: Node | null = unwrap(expression);
  while (node) {
    if (node.type === "MemberExpression") node = unwrap(node.object as Node);
    else if (node.type === "AwaitExpression") node = unwrap(node.argument as Node);
    else if (node.type === "CallExpression" || node.type === "NewExpression")
      node = unwrap(node.callee as Node);
    else break;
  }
  return node?.type === "Identifier" ? node : null;
}

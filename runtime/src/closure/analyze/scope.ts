/** Scopes, the variables that they declare, and the references to them. */
import { type Node, startOf } from "./syntax.ts";

export interface Definition {
  type:
    | "CatchClause"
    | "ClassName"
    | "FunctionName"
    | "ImportBinding"
    | "Parameter"
    | "TSEnumMember"
    | "TSEnumName"
    | "TSModuleName"
    | "Variable";
  /** The identifier that is declared. */
  name: Node;
  /** What declares it: the function, the declarator, the import specifier. */
  node: Node;
  /** The whole declaration, of a variable or an import. */
  parent: Node | null;
}

export interface Variable {
  readonly name: string;
  /** Empty for a function's `arguments`. */
  readonly defs: Definition[];
  readonly references: Reference[];
  readonly scope: Scope;
}

/** A use of a name as a value; a name in a type is none. */
export interface Reference {
  readonly identifier: Node;
  /** Where it stands. */
  readonly from: Scope;
  /** Null for a global. */
  resolved: Variable | null;
  readonly isWrite: boolean;
  /** It writes a variable's first value. */
  readonly isInit: boolean;
}

export type ScopeType =
  | "block"
  | "catch"
  | "class"
  | "class-field-initializer"
  | "class-static-block"
  | "for"
  | "function"
  | "function-expression-name"
  | "global"
  | "module"
  | "switch"
  | "tsEnum"
  | "tsModule";

const HOLDS_VAR = new Set<ScopeType>([
  "class-field-initializer",
  "class-static-block",
  "function",
  "global",
  "module",
  "tsModule",
]);

export class Scope {
  readonly type: ScopeType;
  readonly block: Node;
  readonly upper: Scope | null;
  /** By name, in the order of their declarations. */
  readonly set = new Map<string, Variable>();
  /** Where a `var` in it is declared. */
  readonly variableScope: Scope;

  constructor(type: ScopeType, block: Node, upper: Scope | null) {
    this.type = type;
    this.block = block;
    this.upper = upper;
    this.variableScope = upper === null || HOLDS_VAR.has(type) ? this : upper.variableScope;
  }

  /** The variable of that name, which is made if need be. */
  variable(name: string): Variable {
    let variable = this.set.get(name);
    if (!variable) {
      variable = { name, defs: [], references: [], scope: this };
      this.set.set(name, variable);
    }
    return variable;
  }

  declare(name: Node, type: Definition["type"], node: Node, parent: Node | null = null): void {
    // An enum's member may have a string for its name.
    this.variable((name.name ?? name.value) as string).defs.push({ type, name, node, parent });
  }
}

/** Find the variable that a reference means. */
export function resolveReference(reference: Reference): void {
  const name = reference.identifier.name as string;
  for (let scope: Scope | null = reference.from; scope; scope = scope.upper) {
    const variable = scope.set.get(name);
    if (!variable || isHiddenByBody(reference, variable)) continue;
    reference.resolved = variable;
    variable.references.push(reference);
    return;
  }
}

/** A default value of a parameter does not see the variables of the function's body. */
function isHiddenByBody({ identifier }: Reference, { scope, defs }: Variable): boolean {
  const { type, block } = scope;
  if (type !== "function" || defs.length === 0 || !block.body) return false;
  const start = startOf(block.body as Node);
  return startOf(identifier) < start && defs.every((definition) => startOf(definition.name) >= start);
}

/**
 * How each variable that a closure uses gets to the executor: as code, as a value copied at the call, or as an import
 * that is bundled. *Code travels as code, data travels as value*: a function, class, enum or literal that nothing
 * ever reassigns is code.
 */
import type { Definition, Variable } from "./scope.ts";
import type { SourceFile } from "./source-file.ts";
import { eachChild, inside, isFunctionExpression, type Node, unwrap } from "./syntax.ts";

export type Kind =
  | { kind: "global" }
  | { kind: "type" }
  /** `imported` is "*" for a namespace. */
  | { kind: "import"; source: string; imported: string; declaration: Node }
  | { kind: "value"; mutable: boolean }
  /** `declared`: the node is a whole declaration; otherwise it is the initializer of a `const`. */
  | { kind: "code"; node: Node; declared: boolean; isClass: boolean; isLiteral: boolean };

export class Classifier {
  readonly #file: SourceFile;
  readonly #kinds = new Map<Variable, Kind>();
  readonly #hoistable = new Map<Variable, boolean>();

  constructor(file: SourceFile) {
    this.#file = file;
  }

  kind(variable: Variable): Kind {
    const kind = this.#written(variable);
    // A class that depends on values is one with them: as code beside an instance of it, it would exist twice.
    if (kind.kind === "code" && kind.isClass && !this.hoistable(variable))
      return { kind: "value", mutable: false };
    return kind;
  }

  /** The kind as the declaration alone has it. */
  #written(variable: Variable): Kind {
    let kind = this.#kinds.get(variable);
    if (!kind) {
      kind = this.#classify(variable);
      this.#kinds.set(variable, kind);
    }
    return kind;
  }

  #classify(variable: Variable): Kind {
    const definitions = variable.defs.filter(givesValue);
    const definition = definitions[0] ?? variable.defs[0];
    if (!definition) return { kind: "global" };
    const { node, parent } = definition;
    if (definition.type === "ImportBinding") {
      if (parent?.importKind === "type" || node.importKind === "type") return { kind: "type" };
      return {
        kind: "import",
        source: parent?.source?.value,
        imported: importedName(node),
        declaration: parent!,
      };
    }
    const isWritten = variable.references.some(
      ({ isWrite, isInit, identifier }) => isWrite && !isInit && identifier !== node.id,
    );
    if (isWritten) return { kind: "value", mutable: true };
    const value: Kind = { kind: "value", mutable: false };
    // `var` twice, or a namespace that adds to a function: no single text says what it is.
    if (definitions.length > 1) return value;
    switch (definition.type) {
      case "FunctionName":
        if (node.type !== "FunctionDeclaration" || this.#gainsProperties(variable)) return value;
        return { kind: "code", node, declared: true, isClass: false, isLiteral: false };
      case "ClassName":
        if (node.type !== "ClassDeclaration" || this.#gainsProperties(variable)) return value;
        return { kind: "code", node, declared: true, isClass: true, isLiteral: false };
      case "TSEnumName":
      case "TSModuleName":
        return { kind: "code", node, declared: true, isClass: false, isLiteral: false };
      case "Variable": {
        if (node.id.type !== "Identifier" || !node.init || String(parent?.kind).endsWith("using"))
          return value;
        const init = unwrap(node.init as Node);
        const literal = isLiteral(init);
        const isClass = init.type === "ClassExpression";
        if (!literal && !isClass && !isFunctionExpression(init)) return value;
        // A `var` may be read before its initializer has run.
        if (parent?.kind === "var" && (literal || variable.scope !== this.#file.moduleScope)) return value;
        if (this.#gainsProperties(variable)) return value;
        return { kind: "code", node: init, declared: false, isClass, isLiteral: literal };
      }
      default:
        return value;
    }
  }

  /**
   * A function that is given properties (`fn.cache = …`), or a class whose statics change, is data as well as code, so
   * it is copied with them.
   */
  #gainsProperties({ references }: Variable): boolean {
    const { parents } = this.#file;
    return references.some(({ identifier }) => {
      const member = parents.get(identifier);
      if (member?.type !== "MemberExpression" || member.object !== identifier) return false;
      const above = parents.get(member);
      const isWritten =
        (above?.type === "AssignmentExpression" && above.left === member) ||
        above?.type === "UpdateExpression";
      return isWritten && member.property.name !== "prototype";
    });
  }

  /**
   * Whether module-level code depends on no value of run time, so that it can stand at the top of the ship module
   * once for all closures of the file, and keep its identity.
   */
  hoistable(variable: Variable, under = new Set<Variable>()): boolean {
    const known = this.#hoistable.get(variable);
    if (known !== undefined) return known;
    const kind = this.#written(variable);
    if (kind.kind === "import" || kind.kind === "type") return true;
    const { moduleScope } = this.#file;
    if (kind.kind !== "code" || variable.scope !== moduleScope) return false;
    if (under.has(variable)) return true;
    under.add(variable);
    let result = !capturesThis(kind.node);
    for (const needed of result ? this.needs(kind.node) : []) {
      if (!this.hoistable(needed, under)) {
        result = false;
        break;
      }
    }
    // An answer that was found inside a cycle holds only if the whole cycle does.
    if (under.size === 1 || !result) this.#hoistable.set(variable, result);
    under.delete(variable);
    return result;
  }

  /** The variables from outside that a piece of code uses or writes. */
  *needs(node: Node): Generator<Variable> {
    const { moduleScope } = this.#file;
    for (const { resolved } of this.#file.referencesIn(node)) {
      if (!resolved || resolved.defs.length === 0) continue;
      if (inside(resolved.scope.block, node) && resolved.scope !== moduleScope) continue;
      yield resolved;
    }
  }
}

/** An overload has no body, and a namespace may hold types only. */
function givesValue({ type, node }: Definition): boolean {
  if (type === "FunctionName") return Boolean(node.body);
  if (type !== "TSModuleName") return true;
  const statements = (node.body?.body ?? []) as Node[];
  return statements.some(
    (statement) => !/^TS(Interface|TypeAlias)/.test((statement.declaration ?? statement).type as string),
  );
}

/** An arrow function's `this` is that of where it stands. */
function capturesThis(node: Node): boolean {
  if (node.type !== "ArrowFunctionExpression") return false;
  let found = false;
  const go = (current: Node): void => {
    if (current.type === "ThisExpression") found = true;
    eachChild(current, (child) => {
      if (!/^(FunctionExpression|FunctionDeclaration|ClassBody)$/.test(child.type)) go(child);
    });
  };
  go(node);
  return found;
}

function importedName(specifier: Node): string {
  if (specifier.type === "ImportNamespaceSpecifier") return "*";
  if (specifier.type === "ImportDefaultSpecifier") return "default";
  return (specifier.imported.name ?? specifier.imported.value) as string;
}

function isLiteral(node: Node): boolean {
  if (node.type === "Literal") return !node.regex;
  if (node.type === "TemplateLiteral") return (node.expressions as Node[]).length === 0;
  return node.type === "UnaryExpression" && unwrap(node.argument as Node).type === "Literal";
}

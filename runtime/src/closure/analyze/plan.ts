/**
 * What one closure needs: the values it captures, the code and the imports it takes along, whether it reads `this`,
 * and every reason why running it elsewhere would not mean what it means here.
 */

import { checkSyntax, type ThisUse } from "./check-syntax.ts";
import type { Classifier } from "./classify.ts";
import type { Reference, Scope, Variable } from "./scope.ts";
import type { SourceFile } from "./source-file.ts";
import { inside, type Node, startOf } from "./syntax.ts";

export interface Problem {
  /** An error refuses the call; a warning is only told. */
  severity: "error" | "warning";
  /** Stable, for lint rules: "assigns-captured". */
  id: string;
  /** Starts with a verb: "assigns to captured variable `count`: …". */
  message: string;
  line: number;
  column: number;
}

export interface Plan {
  /** The function, or the class, that is shipped. */
  node: Node;
  /** When it is passed by name: the variable, which then is code of the closure too. */
  self: Variable | undefined;
  /** Copied at each call, in this order. */
  values: Variable[];
  code: Variable[];
  /** Of the code, what does not exist before its declaration has run, so that the call has to look. */
  checks: Variable[];
  imports: Variable[];
  /** What it imports by `import("…")`. */
  dynamicImports: string[];
  /** What it reads of `this`; undefined when it does not, `whole` when it needs the object itself. */
  receiver: { fields: string[]; whole: boolean } | undefined;
  problems: Problem[];
}

/** @param place where the call is; there, `node` may be out of sight of what it uses */
export function planCapture(
  file: SourceFile,
  classifier: Classifier,
  node: Node,
  place: Node,
  self?: Variable,
): Plan {
  const plan = planWith(file, classifier, node, place, self, new Set());
  const scope = file.scopeAt(place);
  const hidden = plan.values.filter((variable) => isHidden(variable, scope));
  // A helper that uses a variable which the call cannot see goes as a value, which brings that along; and so does one
  // that is compared, as it may be among the values too and has to be the same there.
  const helpers = plan.code.filter(
    (variable) =>
      variable !== self &&
      (isCompared(file, classifier, variable, node) || uses(classifier, variable, hidden)),
  );
  return helpers.length === 0 ? plan : planWith(file, classifier, node, place, self, new Set(helpers));
}

/** Whether the closure asks for the identity of a function that is made for each of its calls. */
function isCompared(file: SourceFile, classifier: Classifier, variable: Variable, node: Node): boolean {
  const kind = classifier.kind(variable);
  if (kind.kind !== "code" || kind.isLiteral || classifier.hoistable(variable)) return false;
  return variable.references.some(({ identifier }) => {
    const above = file.parents.get(identifier);
    return above?.type === "BinaryExpression" && /^[!=]==?$/.test(above.operator) && inside(identifier, node);
  });
}

/** Whether another variable of its name stands between it and the scope. */
export function isHidden(variable: Variable, scope: Scope): boolean {
  for (let at: Scope | null = scope; at; at = at.upper) {
    const found = at.set.get(variable.name);
    if (found) return found !== variable;
  }
  return true;
}

function uses(
  classifier: Classifier,
  code: Variable,
  wanted: readonly Variable[],
  asked = new Set<Variable>(),
): boolean {
  const kind = classifier.kind(code);
  if (wanted.includes(code)) return true;
  if (kind.kind !== "code" || asked.has(code)) return false;
  asked.add(code);
  for (const needed of classifier.needs(kind.node)) {
    if (uses(classifier, needed, wanted, asked)) return true;
  }
  return false;
}

function planWith(
  file: SourceFile,
  classifier: Classifier,
  node: Node,
  place: Node,
  self: Variable | undefined,
  asValues: ReadonlySet<Variable>,
): Plan {
  const values = new Set<Variable>();
  const code = new Set<Variable>(self ? [self] : []);
  const imports = new Set<Variable>();
  const dynamicImports = new Set<string>();
  const problems: Problem[] = [];
  const receiver: ThisUse = { used: false, whole: false, fields: new Set() };

  const report = (severity: Problem["severity"], id: string, at: Node, message: string): void => {
    problems.push({ severity, id, message, ...file.place(startOf(at)) });
  };

  const units: { node: Node; via: string | undefined }[] = [{ node, via: undefined }];
  for (let index = 0; index < units.length; index++) {
    const unit = units[index]!;
    const through = unit.via === undefined ? "" : ` (through \`${unit.via}\`)`;
    for (const reference of file.referencesIn(unit.node)) {
      const variable = reference.resolved;
      if (!variable || variable.defs.length === 0) {
        checkUnresolved(reference, unit.node, through, report);
        continue;
      }
      if (inside(variable.scope.block, unit.node) && variable.scope !== file.moduleScope) continue;
      const kind = classifier.kind(variable);
      if (kind.kind === "type" || kind.kind === "global") continue;
      if (reference.isWrite && !reference.isInit) {
        report(
          "error",
          "assigns-captured",
          reference.identifier,
          `assigns to captured variable \`${variable.name}\`${through}: the executor has a copy, so the assignment would have no effect here; return the new value instead`,
        );
      }
      if (kind.kind === "import") {
        imports.add(variable);
      } else if (kind.kind === "value" || asValues.has(variable)) {
        values.add(variable);
      } else if (!code.has(variable)) {
        code.add(variable);
        if (!units.some((one) => inside(kind.node, one.node)))
          units.push({ node: kind.node, via: variable.name });
      }
    }
    checkSyntax(file, unit.node, { isClosure: index === 0, via: unit.via, receiver, dynamicImports, report });
  }
  checkMutations(file, units[0]!.node, values, report);
  return {
    node,
    self,
    values: [...values],
    code: [...code],
    checks: [...code].filter(
      (variable) => variable !== self && mayBeUndeclared(file, classifier, variable, place),
    ),
    imports: [...imports],
    dynamicImports: [...dynamicImports],
    receiver: receiver.used ? { fields: [...receiver.fields], whole: receiver.whole } : undefined,
    problems,
  };
}

/** A class or a `const` does not exist before its declaration; a function does. */
function mayBeUndeclared(file: SourceFile, classifier: Classifier, variable: Variable, place: Node): boolean {
  const kind = classifier.kind(variable);
  if (kind.kind !== "code" || (kind.declared && !kind.isClass)) return false;
  const [definition] = variable.defs;
  if (definition?.parent?.kind === "var") return false;
  const scope = file.scopeAt(place);
  if (isHidden(variable, scope)) return false;
  if (kind.node.end > place.start) return true;
  // Above the call, and in the same function: it has run.
  for (let at: Scope | null = scope; at && at !== variable.scope; at = at.upper) {
    if (at.type === "function") return true;
  }
  return false;
}

export type Report = (severity: Problem["severity"], id: string, at: Node, message: string) => void;

function checkUnresolved(reference: Reference, unit: Node, through: string, report: Report): void {
  const { identifier, resolved } = reference;
  if (resolved?.name === "arguments") {
    if (inside(resolved.scope.block, unit)) return;
    report(
      "error",
      "captures-arguments",
      identifier,
      `captures \`arguments\` of the enclosing function${through}: copy what it needs to a const, or use rest parameters`,
    );
    return;
  }
  if (reference.isWrite) {
    report(
      "error",
      "assigns-global",
      identifier,
      `assigns to the global \`${identifier.name}\`${through}: that would happen on the executor only`,
    );
  }
}

const MUTATORS = /^(push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin|set|add|delete|clear)$/;

/** Changing a captured object changes the executor's copy, which is seldom what was meant. */
function checkMutations(file: SourceFile, node: Node, values: ReadonlySet<Variable>, report: Report): void {
  for (const { identifier, resolved } of file.referencesIn(node)) {
    if (!resolved || !values.has(resolved)) continue;
    let member = file.parents.get(identifier);
    if (member?.type !== "MemberExpression" || member.object !== identifier) continue;
    let above = file.parents.get(member);
    while (above?.type === "MemberExpression" && above.object === member) {
      member = above;
      above = file.parents.get(member);
    }
    const isChange =
      (above?.type === "AssignmentExpression" && above.left === member) ||
      above?.type === "UpdateExpression" ||
      (above?.type === "UnaryExpression" && above.operator === "delete") ||
      (above?.type === "CallExpression" &&
        above.callee === member &&
        !member.computed &&
        MUTATORS.test(member.property.name as string));
    if (isChange) {
      report(
        "warning",
        "mutates-captured",
        identifier,
        `changes captured \`${resolved.name}\`: the executor has a copy, the caller's stays as it is`,
      );
    }
  }
}

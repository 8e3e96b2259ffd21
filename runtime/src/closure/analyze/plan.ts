/**
 * What one closure needs: the values it captures, the code and the imports it takes along, whether it reads `this`,
 * and every reason why running it elsewhere would not mean what it means here.
 */

import { checkSyntax, type ThisUse } from "./check-syntax.ts";
import type { Classifier } from "./classify.ts";
import type { Reference, Variable } from "./scope.ts";
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
  imports: Variable[];
  /** What it imports by `import("…")`. */
  dynamicImports: string[];
  /** What it reads of `this`; undefined when it does not, `whole` when it needs the object itself. */
  receiver: { fields: string[]; whole: boolean } | undefined;
  problems: Problem[];
}

export function planCapture(file: SourceFile, classifier: Classifier, node: Node, self?: Variable): Plan {
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
      } else if (kind.kind === "value") {
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
    imports: [...imports],
    dynamicImports: [...dynamicImports],
    receiver: receiver.used ? { fields: [...receiver.fields], whole: receiver.whole } : undefined,
    problems,
  };
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

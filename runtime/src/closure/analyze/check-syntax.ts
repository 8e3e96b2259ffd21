/** The parts of a closure's text whose meaning depends on where it stands: `this`, `super`, private names, `import()`. */
import type { Report } from "./plan.ts";
import type { SourceFile } from "./source-file.ts";
import { eachChild, type Node, unwrap } from "./syntax.ts";

export interface ThisUse {
  used: boolean;
  /** It is used otherwise than by reading a field. */
  whole: boolean;
  fields: Set<string>;
}

export interface SyntaxCheck {
  /** True for the closure itself, false for code that it takes along. */
  isClosure: boolean;
  /** The name of that code. */
  via: string | undefined;
  receiver: ThisUse;
  /** Gets the modules that are imported by name with `import()`. */
  dynamicImports: Set<string>;
  report: Report;
}

export function checkSyntax(file: SourceFile, unit: Node, check: SyntaxCheck): void {
  const { isClosure, via, receiver, dynamicImports, report } = check;
  const through = via === undefined ? "" : ` (through \`${via}\`)`;

  const visit = (node: Node, isOuterThis: boolean, privateNames: ReadonlySet<string>): void => {
    let lexical = isOuterThis;
    let names = privateNames;
    switch (node.type) {
      case "ThisExpression":
        if (!lexical) return;
        if (isClosure) readThis(node);
        else
          report("error", "captures-this", node, `captures \`this\`${through}: only the closure itself may`);
        return;
      case "Super":
        if (lexical) {
          report(
            "error",
            "captures-super",
            node,
            `uses \`super\` of the enclosing method${through}: call it outside and capture the result`,
          );
        }
        return;
      case "MetaProperty":
        if (lexical && node.meta.name === "new") {
          report(
            "error",
            "captures-new-target",
            node,
            `uses \`new.target\` of the enclosing function${through}`,
          );
        }
        return;
      case "PrivateIdentifier":
        if (!names.has(node.name as string)) {
          report(
            "error",
            "captures-private",
            node,
            `uses the private name \`#${node.name}\` of the enclosing class${through}: copy its value to a const first`,
          );
        }
        return;
      case "ImportExpression":
        if (unwrap(node.source as Node).type === "Literal") {
          dynamicImports.add(String(unwrap(node.source as Node).value));
        } else {
          report(
            "warning",
            "dynamic-import",
            node,
            "imports a module whose name is computed: it is not bundled, so the executor must have it",
          );
        }
        break;
      case "ClassBody": {
        const own = (node.body as Node[]).map(({ key }) => key as Node | undefined);
        const added = own
          .filter((key) => key?.type === "PrivateIdentifier")
          .map((key) => key!.name as string);
        names = new Set([...privateNames, ...added]);
        lexical = false;
        break;
      }
      case "FunctionExpression":
      case "FunctionDeclaration":
        lexical = false;
        break;
    }
    eachChild(node, (child) => visit(child, lexical, names));
  };

  const readThis = (node: Node): void => {
    receiver.used = true;
    const member = file.parents.get(node);
    const above = member ? file.parents.get(member) : null;
    const isField =
      member?.type === "MemberExpression" &&
      member.object === node &&
      !member.computed &&
      member.property.type === "Identifier" &&
      !(above?.type === "CallExpression" && above.callee === member) &&
      !(above?.type === "TaggedTemplateExpression" && above.tag === member);
    if (!isField) {
      if (member?.property?.type !== "PrivateIdentifier") receiver.whole = true;
      return;
    }
    const field = member.property.name as string;
    receiver.fields.add(field);
    const isWritten =
      (above?.type === "AssignmentExpression" && above.left === member) ||
      above?.type === "UpdateExpression" ||
      (above?.type === "UnaryExpression" && above.operator === "delete");
    if (isWritten) {
      report(
        "error",
        "assigns-this",
        node,
        `assigns to \`this.${field}\`: the executor has a copy, so the assignment would have no effect here`,
      );
    }
  };

  visit(unit, unit.type === "ArrowFunctionExpression", new Set());
}

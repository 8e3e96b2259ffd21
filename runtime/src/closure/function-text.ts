/**
 * What a function needs, from its text alone: the way to ship a function that the loader has not seen. Parsed once
 * for each text.
 */

import { SourceForm } from "@bonfire/wire";
import { parse } from "acorn";
import { analyzeScopes } from "./analyze/analyze-scopes.ts";
import { eachChild, inside, type Node } from "./analyze/syntax.ts";

export interface FunctionText {
  text: string;
  form: SourceForm;
  /** Names that it uses and does not declare; globals among them. */
  names: readonly string[];
  /** Those of them that keys of a class are computed from. */
  keyNames: readonly string[];
  /** Those of them that it assigns to. */
  writes: readonly string[];
  /** Why it cannot be shipped: "uses `super`…". */
  problem: string | undefined;
  isClass: boolean;
  /** Offsets of each `import` of an `import()`, in `text`. */
  dynamicImports: readonly number[];
  /** The modules that those name, where they do so literally. */
  specifiers: readonly string[];
}

/** Stands for what a class extends, as that is looked at only when the class is declared, and may be an expression. */
export const HERITAGE = "$bonfireBase";

const KEPT = 2000;
const known = new Map<string, FunctionText>();

const WRAPPERS: readonly (readonly [form: SourceForm, before: string, after: string])[] = [
  [SourceForm.expression, "(", ")"],
  [SourceForm.method, "({", "})"],
  [SourceForm.asyncMethod, "({ async ", "})"],
];

export function readFunctionText(text: string): FunctionText {
  let result = known.get(text);
  if (!result) {
    result = read(text);
    if (known.size >= KEPT) known.clear();
    known.set(text, result);
  }
  return result;
}

function unreadable(text: string, problem: string): FunctionText {
  const form = SourceForm.expression;
  return {
    text,
    form,
    names: [],
    keyNames: [],
    writes: [],
    problem,
    isClass: false,
    dynamicImports: [],
    specifiers: [],
  };
}

function read(text: string): FunctionText {
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
    return unreadable(
      text,
      "is a native or bound function: wrap it in an arrow function, and bind inside the closure",
    );
  }
  for (const [form, before, after] of WRAPPERS) {
    let program: Node;
    try {
      program = parse(before + text + after, {
        ecmaVersion: "latest",
        sourceType: "module",
        allowSuperOutsideMethod: true,
        allowAwaitOutsideFunction: true,
      }) as unknown as Node;
    } catch (error) {
      if (/Private field/.test(String(error))) {
        return unreadable(text, "uses a private name of its class: copy its value to a const first");
      }
      continue;
    }
    const { superClass } = (program.body as Node[])[0]!.expression as { superClass?: Node | null };
    if (superClass && superClass.type !== "Literal" && superClass.name !== HERITAGE) {
      const start = superClass.start - before.length;
      const end = superClass.end - before.length;
      return read(text.slice(0, start) + HERITAGE + text.slice(end));
    }
    return describe(text, form, before.length, program);
  }
  return unreadable(text, "has a text that cannot be parsed on its own: pass an arrow function");
}

function describe(text: string, form: SourceForm, offset: number, program: Node): FunctionText {
  const names = new Set<string>();
  const expression = (program.body as Node[])[0]!.expression as Node;
  const isClass = expression.type === "ClassExpression";
  const members = isClass ? (expression.body.body as Node[]) : [];
  const keys = members.filter(({ computed }) => computed).map(({ key }) => key as Node);
  const keyNames = new Set<string>();
  const writes = new Set<string>();
  for (const { identifier, isWrite, resolved } of analyzeScopes(program).references) {
    if (resolved) continue;
    names.add(identifier.name as string);
    if (keys.some((key) => inside(identifier, key))) keyNames.add(identifier.name as string);
    if (isWrite) writes.add(identifier.name as string);
  }
  const imports: number[] = [];
  const specifiers: string[] = [];
  let problem = names.has("arguments") ? "captures `arguments` of the enclosing function" : undefined;
  const visit = (node: Node, isOuterThis: boolean, hasHome: boolean): void => {
    let lexical = isOuterThis;
    let home = hasHome;
    if (node.type === "ThisExpression" && lexical)
      problem ??= "captures `this`: copy what it needs to a const first";
    if (node.type === "Super" && !home) {
      problem ??= lexical
        ? "uses `super` of the enclosing method"
        : "uses `super`, which is tied to its object";
    }
    if (node.type === "MetaProperty" && lexical && node.meta.name === "new") problem ??= "uses `new.target`";
    if (node.type === "ImportExpression") {
      imports.push(node.start - offset);
      if (node.source.type === "Literal") specifiers.push(String(node.source.value));
    }
    if (/^(FunctionExpression|FunctionDeclaration|ClassBody)$/.test(node.type)) lexical = false;
    // The object around the text of a method is ours; objects and classes inside it are the user's.
    if (node.type === "ClassBody" || (node.type === "ObjectExpression" && node !== expression)) home = true;
    eachChild(node, (child) => visit(child, lexical, home));
  };
  visit(expression, true, false);
  return {
    text,
    form: isClass ? SourceForm.class : form,
    names: [...names].filter((name) => name !== "arguments"),
    keyNames: [...keyNames],
    writes: [...writes],
    problem,
    isClass,
    dynamicImports: imports,
    specifiers,
  };
}

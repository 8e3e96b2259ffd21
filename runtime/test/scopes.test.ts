/**
 * The scope analysis against @typescript-eslint/scope-manager: every name that is used as a value must mean the
 * variable that is declared at the same place.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { analyze } from "@typescript-eslint/scope-manager";
import { parse as parseWithAcorn } from "acorn";
import { parseSync } from "oxc-parser";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { analyzeScopes } from "../src/closure/analyze/analyze-scopes.ts";
import { eachChild, type Node, startOf } from "../src/closure/analyze/syntax.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const PACKAGES = ["@typescript-eslint/scope-manager", "acorn", "esbuild", "nats", "oxc-parser", "uvu"];

function parse(file: string, code: string): Node | undefined {
  const lang = /\.[cm]?tsx$/.test(file) ? "tsx" : /\.[cm]?ts$/.test(file) ? "ts" : "jsx";
  const sourceType = /\.c[jt]s$/.test(file) ? "script" : "module";
  const { program, errors } = parseSync(file, code, {
    lang,
    sourceType,
    range: true,
    preserveParens: false,
    astType: "ts",
  });
  return errors.length > 0 ? undefined : (program as unknown as Node);
}

/** What each reference means, one a line: "12 read x -> 3". */
function ours(program: Node): string[] {
  return analyzeScopes(program)
    .references.map(({ identifier, resolved, isWrite, isInit }) =>
      describe(
        identifier,
        isWrite,
        isInit,
        resolved?.scope.type,
        resolved?.defs.map(({ name }) => startOf(name)),
      ),
    )
    .sort();
}

function theirs(program: Node): string[] {
  const sourceType = program.sourceType === "module" ? "module" : "script";
  const { scopes } = analyze(program as never, { sourceType, lib: [], jsxPragma: null });
  const typeUses = namesInTypes(program);
  return scopes
    .flatMap(({ references }) => references)
    .filter(
      ({ identifier, isValueReference, resolved }) =>
        isValueReference &&
        !typeUses.has(identifier as unknown as Node) &&
        // `export { T }` of a type.
        !(resolved && resolved.defs.length > 0 && !resolved.isValueVariable) &&
        !(identifier.type === "JSXIdentifier" && identifier.name === "this"),
    )
    .map((reference) =>
      describe(
        reference.identifier as unknown as Node,
        reference.isWrite(),
        Boolean(reference.init),
        reference.resolved?.scope.type,
        reference.resolved?.defs.filter(({ type }) => type !== "Type").map(({ name }) => name.range[0]),
      ),
    )
    .sort();
}

function describe(
  name: Node,
  isWrite: boolean,
  isInit: boolean,
  scope: string | undefined,
  places: number[] = [],
): string {
  const how = isWrite ? (isInit ? "init" : "write") : "read";
  const meaning = places.length === 0 ? "nothing" : `${scope} ${places.sort((a, b) => a - b).join(",")}`;
  return `${String(startOf(name)).padStart(8)} ${how} ${name.name} -> ${meaning}`;
}

/** `typeof x` in a type counts as a use of the value there, and not for us. */
function namesInTypes(program: Node): Set<Node> {
  const atRunTime = new Set<Node>();
  const visit = (node: Node): void => {
    atRunTime.add(node);
    eachChild(node, visit);
  };
  visit(program);
  const inTypes = new Set<Node>();
  const visitAll = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) return value.forEach(visitAll);
    const node = value as Node;
    if (node.type === "Identifier" && !atRunTime.has(node)) inTypes.add(node);
    for (const field of Object.keys(node)) if (field !== "parent") visitAll(node[field]);
  };
  visitAll(program);
  return inTypes;
}

function sourcesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.d)\.[cm]?[jt]sx?$/.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter(
      (path) =>
        !/[\\/](dist|node_modules)[\\/]/.test(path.slice(folder.length)) || folder.includes("node_modules"),
    );
}

function compare(file: string, code: string): number {
  const program = parse(file, code);
  if (!program) return 0;
  const expected = theirs(program);
  const actual = ours(program);
  assert.equal(actual, expected, file);
  return actual.length;
}

test("every name in this repository's sources means what the scope manager says", () => {
  const folders = ["runtime", "packages", "executor-image", "test", "examples"];
  const files = folders.flatMap((folder) => sourcesUnder(join(REPOSITORY, folder)));
  let compared = 0;
  for (const file of files) compared += compare(file, readFileSync(file, "utf8"));
  assert.ok(compared > 20_000, `only ${compared} names were compared`);
});

test("and so it does in packages", () => {
  let compared = 0;
  for (const name of PACKAGES) {
    for (const file of sourcesUnder(join(import.meta.dirname, "../node_modules", name)))
      compared += compare(file, readFileSync(file, "utf8"));
  }
  assert.ok(compared > 80_000, `only ${compared} names were compared`);
});

/** `/*1*\/` marks a declaration, `/*>1*\/` a use of it, and `/*>0*\/` a use of what is not declared. */
const HARD: Record<string, string> = {
  "shadowing at three levels":
    "const /*1*/x = 1; { const /*2*/x = 2; { const /*3*/x = 3; /*>3*/x; } /*>2*/x; } /*>1*/x;",
  "var out of blocks":
    "{ if (/*>1*/a) { var /*1*/a = 1; } } function f() { /*>2*/a; for (;;) { var /*2*/a; } }",
  "a function in a block stays there in a module": "{ /*>1*/g(); function /*1*/g() {} } /*>0*/g;",
  "defaults see earlier parameters but no variables of the body":
    "const /*1*/y = 1; function f(/*2*/a, b = /*>2*/a, c = () => /*>1*/y) { var /*3*/y; /*>3*/y; }",
  "a named function expression": "const /*1*/f = function /*2*/g() { /*>2*/g; /*>1*/f; }; /*>0*/g;",
  "a class inside itself":
    "class /*1*/A { m() { return /*>1*/A; } } /*>1*/A; const B = class /*2*/C { x = /*>2*/C; }; /*>0*/C;",
  "catch parameters":
    "const /*1*/e = 1; try {} catch (/*2*/e) { /*>2*/e; } try {} catch ({ /*3*/a, b: [/*4*/c] }) { /*>3*/a; /*>4*/c; } /*>1*/e;",
  "a loop's own variable":
    "for (let /*1*/i = 0; /*>1*/i < 1; /*>1*/i++) { let /*2*/i = 5; /*>2*/i; } /*>0*/i;",
  "for-of sees its own variable only inside": "for (const /*1*/x of [1]) { () => /*>1*/x; } /*>0*/x;",
  "for-in into what is there": "let /*1*/k; for (/*>1*/k in {}) /*>1*/k;",
  "labels are no names": "const /*1*/a = 1; a: for (;;) { /*>1*/a; break a; }",
  "destructuring with defaults":
    "const /*1*/d = 1; const { /*2*/a = /*>1*/d, [/*>2*/a]: /*3*/b, ...rest } = {}; [/*>3*/b = /*>2*/a] = [];",
  arguments: "function f() { return () => /*>0*/arguments; }",
  "the scope of a switch": "const /*1*/x = 1; switch (/*>1*/x) { case 0: let /*2*/x; default: /*>2*/x; }",
  "static blocks": "const /*1*/x = 1; class A { static { var /*2*/x = 2; /*>2*/x; } static y = /*>1*/x; }",
  "fields and computed keys":
    "const /*1*/k = 1; class A { [/*>1*/k] = /*>1*/k; k = 2; get [/*>1*/k]() { return this.k; } }",
  "members of an enum":
    "enum /*1*/E { /*2*/a = 1, /*3*/'b' = /*>2*/a, c = /*>3*/b + /*>1*/E.a } /*>0*/a; /*>1*/E;",
  "a namespace": "namespace /*1*/N { export const /*2*/a = 1; /*>2*/a; } /*>0*/a; /*>1*/N;",
  "use before it is declared":
    "{ () => /*>1*/x; const /*1*/x = 1; } function f() { return /*>2*/g(); } function /*2*/g() {}",
  "imports and exports":
    'import /*1*/d, { x as /*2*/y } from "m"; import * as /*3*/n from "m"; export { /*>2*/y as z }; export { x } from "m"; /*>1*/d; /*>3*/n; /*>0*/x;',
  "a default export": "const /*1*/a = 1; export default /*>1*/a;",
  "tagged templates": "const /*1*/tag = String.raw, /*2*/x = 1; /*>1*/tag`a$" + "{/*>2*/x}`;",
  "a type and a value of one name":
    "type T = number; const /*1*/T = 1; /*>1*/T; { interface T {} /*>1*/T; } function f<T>(a: T) { /*>1*/T; }",
  "parameter properties":
    "class A { constructor(private /*1*/x: number, y = /*>1*/x) { /*>1*/x; } m() { /*>0*/x; } }",
  overloads: "function /*1*/f(a: 1): void; function f(a: 2): void; function f(a: unknown) { /*>1*/f; }",
  "what is declared elsewhere":
    "declare const /*1*/x: number; declare function /*2*/f(): void; /*>1*/x; /*>2*/f;",
  "abstract classes":
    "abstract class /*1*/A<T> { abstract f(x: T): void; abstract y: T; constructor(); constructor(a?: T) { /*>1*/A; } }",
  decorators:
    "const /*1*/dec = 1; @(/*>1*/dec) class A { @(/*>1*/dec) m(@(/*>1*/dec) /*2*/dec) { /*>2*/dec; } }",
  assertions: "let /*1*/a; (/*>1*/a as any) = 1; (/*>1*/a!)++; (<any>/*>1*/a).b = /*>1*/a satisfies unknown;",
  "what is written": "let /*1*/a; /*>1*/a += 1; [/*>1*/a, { b: /*>1*/a }] = []; /*>1*/a ??= /*>1*/a;",
  using: "{ using /*1*/r = open(); await using /*2*/q = /*>1*/r; /*>2*/q; }",
  "import equals": 'import /*1*/fs = require("fs"); import /*2*/p = /*>1*/fs.promises; /*>2*/p;',
};

for (const [name, code] of Object.entries(HARD)) {
  test(`scopes: ${name}`, () => {
    const program = parse("hard.ts", code)!;
    assert.ok(program, "it parses");
    const marks = new Map(
      Array.from(code.matchAll(/\/\*(\d+)\*\//g), (mark) => [Number(mark[1]), mark.index + mark[0].length]),
    );
    const { references } = analyzeScopes(program);
    for (const use of code.matchAll(/\/\*>(\d+)\*\//g)) {
      const at = use.index + use[0].length;
      const [reference] = references.filter(({ identifier }) => startOf(identifier) === at);
      assert.ok(reference, `a reference at ${at}`);
      const place = reference.resolved?.defs[0]?.name;
      assert.is(place && startOf(place), marks.get(Number(use[1])), `what ${use[0]} at ${at} means`);
    }
    assert.equal(ours(program), theirs(program));
  });
}

test("a namespace of several names is declared by its first", () => {
  const { references } = analyzeScopes(parse("a.ts", "namespace A.B { export const x = 1 } A;")!);
  assert.is(references.at(-1)?.resolved?.defs[0]?.type, "TSModuleName");
});

test("JSX refers to components, not to elements", () => {
  const code = "const A = 1, b = 2; <A x={b}><b.c /><b /><p:q /></A>;";
  const { references } = analyzeScopes(parse("a.tsx", code)!);
  assert.equal(
    references.filter(({ isWrite }) => !isWrite).map(({ identifier }) => identifier.name),
    ["A", "b", "b", "A"],
  );
});

test("acorn's trees mean the same, and so do trees that have ranges only", () => {
  const code = readFileSync(join(import.meta.dirname, "../node_modules/uvu/dist/index.mjs"), "utf8");
  const program = parse("a.js", code)!;
  const expected = ours(program);
  assert.equal(
    ours(parseWithAcorn(code, { ecmaVersion: "latest", sourceType: "module" }) as unknown as Node),
    expected,
  );
  const onlyRanges = JSON.parse(
    JSON.stringify(program, (key, value: unknown) =>
      key === "start" || key === "end" || typeof value === "bigint" ? undefined : value,
    ),
  ) as Node;
  assert.equal(ours(onlyRanges), expected);
});

test.run();

/** What the transform does to a file's text. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { transform } from "../dist/transform.js";

const file = "/project/src/main.ts";
const url = "file:///project/src/main.ts";
const shape = (code: string) => transform(file, url, code);

test("no line moves and no line is added before the end", () => {
  const code = [
    "#!/usr/bin/env node",
    '"use strict";',
    "// a comment",
    'import { connect } from "@bonfire/runtime";',
    "const fire = await connect();",
    'const pool = await fire.pool("x");',
    "const n: number = Math.random();",
    "await pool.call(async () => {",
    "  return n;",
    "});",
    "",
  ].join("\n");
  const { code: result, source } = shape(code)!;
  const lines = result.split("\n");
  assert.is(lines.length, code.split("\n").length);
  code.split("\n").forEach((line, index) => {
    const kept = lines[index]!.replace(
      /\$bonfire\.tag\(|,\$bonfireFile,0(,\(\)=>\[n\])?\)|const \$bonfire=.*?;const? ?/g,
      "",
    );
    if (![3, 7, 9].includes(index)) assert.is(kept, line);
  });
  assert.is(lines[0], "#!/usr/bin/env node");
  assert.is(lines[1], '"use strict";');
  assert.equal(source!.sites[0]!.names, ["n"]);
  assert.is(source!.sites[0]!.line, 8);
});

test("a file without call sites and classes is left alone", () => {
  assert.is(shape("export const a = [1].map((x) => x); foo.call(this, 1);"), undefined);
});

test("a file with a syntax error is left to node", () => {
  assert.is(shape('import "@bonfire/runtime"; const = ;'), undefined);
});

test("classes of a file without call sites are made known at its end", () => {
  const { code, source } = shape("export class A {}\nabstract class B {}\nconst text = `\nclass C {}`;\n")!;
  assert.is(source, undefined);
  assert.ok(code.startsWith("export class A {}\nabstract class B {}\n"));
  // C is not a class of the file, so its name must not be touched without asking.
  assert.match(code, /A:typeof A==="function"\?A:0,B:.*,C:typeof C==="function"\?C:0/);
});

test("a type neither takes the place of a value of its name, nor hides it, nor makes a capture", () => {
  const names = (code: string) =>
    shape(
      `import { connect } from "@bonfire/runtime"; const pool = await connect(); ${code}`,
    )!.source!.sites.map(({ names, problems }) => [...names, ...problems.map(({ id }) => id)]);
  assert.equal(names("interface T {} const T = { a: f() }; pool.call(() => T.a);"), [["T"]]);
  assert.equal(names("const v = f(); function g() { type v = 3; pool.call(() => v); }"), [["v"]]);
  assert.equal(names("const v = f(); pool.call(() => { let x: typeof v; });"), [[]]);
});

test("what is declared twice is copied as the value that it has", () => {
  const names = (code: string) =>
    shape(`import { connect } from "@bonfire/runtime"; const pool = await connect(); ${code}`)!.source!
      .sites[0]!.names;
  assert.equal(names("var a = 1; var a = 2; pool.call(() => a);"), ["a"]);
  assert.equal(names("function f() {} namespace f { export let x = 1; } pool.call(() => f.x);"), ["f"]);
  assert.equal(names("class A {} namespace A { export interface B {} } pool.call(() => new A());"), []);
  assert.equal(names("function f(a: 1): void; function f(a: any) {} pool.call(() => f(1));"), []);
});

test("pools are known through constants, members, awaits and types", () => {
  const code = `
import { connect, type Pool } from "@bonfire/runtime";
const fire = await connect();
const { } = fire;
const video = await fire.pool("v");
video.map([1], (x) => x);
(await fire.pool("w")).stream(async function* () { yield 1; });
function given(pool: Pool) { return pool.cast(() => undefined); }
[1].map((x) => x);
other.map([1], (x) => x);
`;
  assert.is(shape(code)!.source!.sites.length, 3);
});

test("x.call with a function counts without proof, but x.call with anything else does not", () => {
  assert.is(shape("export const f = (p) => p.call(() => 1);")!.source!.sites.length, 1);
  assert.is(shape("export const f = (p, q) => p.call(q, () => 1);"), undefined);
});

test("a type-only use of a class is not a capture", () => {
  const { source } = shape(
    "import { Foo } from './foo.ts'; let a; a = 1;\nexport const f = (p) => p.call((x: Foo) => a as Foo);",
  )!;
  assert.equal(source!.sites[0]!.names, ["a"]);
  assert.not.match(source!.code, /foo\.ts/);
});

test("a module's own console is not hidden", () => {
  const { source } = shape(
    "import { console } from './log.ts';\nexport const f = (p) => p.call(() => console.log(1));",
  )!;
  assert.match(source!.code, /\(\$captures, \$console\) =>/);
});

test("the builtins that a closure imports are known before it is bundled", () => {
  const { source } = shape(`
import { readFile } from "node:fs/promises";
import { basename } from "path";
const read = () => readFile("x");
export const a = (p) => p.call(() => read());
export const b = (p) => p.call(async () => (await import("node:child_process")).execFile(basename("x")));
`)!;
  assert.equal(source!.sites[0]!.builtins, ["fs/promises"]);
  assert.equal([...source!.sites[1]!.builtins].sort(), ["child_process", "path"]);
});

test.run();

/** Bundles: what goes into them, what stays outside, when they are built, and how a failure reads. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInThisContext } from "node:vm";
import { Actor } from "@bonfire/runtime";
import type { BonfireError } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Bundle, bundleOf } from "../dist/closure/bundle.js";
import { registerFile } from "../dist/closure/registry.js";

const project = realpathSync(mkdtempSync(join(tmpdir(), "bonfire-bundle-")));
const require = createRequire(import.meta.url);

function write(path: string, text: string): string {
  const file = join(project, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return file;
}

write(
  "node_modules/esm-package/package.json",
  '{ "type": "module", "exports": "./index.js", "sideEffects": false }',
);
write(
  "node_modules/esm-package/index.js",
  "export const add = (a, b) => a + b; export const unused = 'UNUSED';",
);
write("node_modules/cjs-package/package.json", '{ "main": "./lib.js" }');
write("node_modules/cjs-package/lib.js", "exports.path = require('path'); exports.double = (x) => 2 * x;");
write("node_modules/addon/package.json", '{ "main": "./addon.node" }');
write("node_modules/addon/addon.node", "");

let files = 0;

/** Bundle a ship module of which `value` is the only closure. */
function bundle(
  imports: string,
  value: string,
  path = `main${files++}.ts`,
  mappings = "",
): Bundle | Promise<Bundle> {
  const file = join(project, path);
  const specifiers = Array.from(
    imports.matchAll(/"([^"]+)"/g),
    ([, name]) => [name!, { line: 5, column: 3 }] as const,
  );
  return bundleOf(
    registerFile(`test:${file}`, {
      file,
      code: `${imports}\n$bonfire.module = { sites: [() => ${value}], classes: $bonfire.classes };\n`,
      map: JSON.stringify({ version: 3, sources: ["main.ts"], names: [], mappings }),
      sites: [{ line: 1, column: 1, names: [], checks: [], problems: [], builtins: [] }],
      classes: [],
      shared: [],
      imports: Object.fromEntries(specifiers),
    }),
  );
}

async function evaluate(
  { code, hash }: Bundle,
  asked: string[] = [],
): Promise<(...values: unknown[]) => unknown> {
  const give = (name: string): unknown => {
    if (name === "bonfire:runtime") return { Actor };
    asked.push(name);
    return require(name);
  };
  const module = await runInThisContext(code, { filename: `bonfire:${hash}` })(give, give);
  return module.sites[0]([], console);
}

test("npm packages of both kinds are bundled, and only what is used of them", async () => {
  const built = await bundle(
    'import { add } from "esm-package"; import { double } from "cjs-package";',
    "(x) => add(double(x), 1)",
  );
  assert.is((await evaluate(built))(4), 9);
  assert.not.match(built.code, /UNUSED/);
  assert.equal(built.builtins, ["path"]);
  assert.match(built.hash, /^[0-9a-f]{16}$/);
});

test("a module that awaits at its top level works", async () => {
  write("slow.ts", "export const answer: number = await Promise.resolve(42);");
  assert.is((await evaluate(await bundle('import { answer } from "./slow.ts";', "() => answer")))(), 42);
});

test("a builtin that needs a grant is asked for when it is used", async () => {
  const built = await bundle(
    'import { existsSync } from "node:fs"; import { join } from "node:path";',
    "(x) => x ? existsSync(x) : join('a', 'b')",
  );
  const asked: string[] = [];
  const closure = await evaluate(built, asked);
  closure();
  assert.equal(asked, ["node:path"]);
  assert.is(closure(project), true);
  assert.equal(asked, ["node:path", "node:fs"]);
  assert.equal([...built.builtins].sort(), ["fs", "path"]);
});

test("the default import of a builtin works", async () => {
  const built = await bundle(
    'import fs from "node:fs"; import assert from "node:assert"; import EventEmitter from "node:events";',
    "(x) => [fs.existsSync(x), typeof assert, new EventEmitter().listenerCount('x')]",
  );
  assert.equal((await evaluate(built))(project), [true, "function", 0]);
});

test("an import whose name is computed goes to the realm", async () => {
  const closure = await evaluate(await bundle("", "async (name) => (await import(name)).sep"));
  assert.is(typeof (await closure("node:path")), "string");
});

test("import.meta.url is that of the file", async () => {
  assert.match(
    String((await evaluate(await bundle("", "() => import.meta.url", "where.ts")))()),
    /^file:\/\/.*\/where\.ts$/,
  );
});

test("the runtime's own functions refuse to work in a closure", async () => {
  const closure = await evaluate(
    await bundle('import { connect } from "@bonfire/runtime";', "() => connect()"),
  );
  assert.throws(closure, /Cannot use connect of @bonfire\/runtime inside a shipped closure/);
});

test("a realm gives shipped classes its own Actor", async () => {
  const type = await evaluate(
    await bundle('import { Actor } from "@bonfire/runtime";', "() => class Counter extends Actor {}"),
  );
  assert.is(Object.getPrototypeOf(type()), Actor);
});

async function failure(built: Bundle | Promise<Bundle>): Promise<BonfireError> {
  try {
    await built;
  } catch (error) {
    assert.is((error as BonfireError).code, "BUNDLE_FAILED");
    return error as BonfireError;
  }
  throw new Error("it was bundled");
}

test("a missing import is an error with the place of the import", async () => {
  const { message } = await failure(bundle('import { x } from "./not-there.ts";', "() => x", "broken.ts"));
  assert.match(
    message,
    /Cannot bundle the closures of .*broken\.ts as Could not resolve "\.\/not-there\.ts" at .*broken\.ts:5:3/,
  );
});

test("an error in an imported file has its place there", async () => {
  write("bad.ts", "export const fine = 1;\nexport const = 2;\n");
  const { message } = await failure(bundle('import { fine } from "./bad.ts";', "() => fine"));
  assert.match(message, /bad\.ts:2:14/);
});

test("a native addon is refused by name", async () => {
  const { message } = await failure(bundle('import addon from "addon/addon.node";', "() => addon"));
  assert.match(message, /native addon "addon\/addon\.node" cannot be shipped/);
});

test("what was built once is there at once, until a file of it changes", async () => {
  const helper = write("helper.ts", "export const version = 1;");
  const ask = () => bundle('import { version } from "./helper.ts";', "() => version", "cached.ts");
  assert.instance(ask(), Promise);
  const first = await ask();
  const second = ask();
  assert.not.instance(second, Promise);
  assert.is((second as Bundle).hash, first.hash);
  write("helper.ts", "export const version = 2;");
  utimesSync(helper, new Date(), new Date(Date.now() + 5000));
  const third = ask();
  assert.instance(third, Promise);
  assert.is.not((await third).hash, first.hash);
  assert.is((await evaluate(await third))(), 2);
});

test("code that has moved in its file is built with its new places", async () => {
  const at = (mappings: string) => bundle("", "() => 1", "moved.ts", mappings);
  const first = await at(";AAAA");
  assert.not.instance(at(";AAAA"), Promise);
  const moved = at(";AACA");
  assert.instance(moved, Promise);
  assert.is((await moved).hash, first.hash, "it is not sent again");
  assert.is.not((await moved).map, first.map);
});

test.after(() => rmSync(project, { recursive: true }));
test("the cache keeps what was used last, within its size", async () => {
  const folder = join(project, "node_modules/.cache/bonfire");
  const long = JSON.stringify("y".repeat(300_000));
  process.env.BONFIRE_CACHE_MB = "1";
  try {
    for (let i = 0; i < 6; i++) await bundle("", `${long}.length + ${i}`, `cached${i}.ts`);
    const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
    assert.ok(sizes.length >= 2, "the latest are there");
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 1024 * 1024);
    const contents = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
    assert.ok(contents.some((text) => text.includes(".length + 5")));
    assert.not(contents.some((text) => text.includes(".length + 0")));
  } finally {
    delete process.env.BONFIRE_CACHE_MB;
  }
});

test.run();

/** The bundler plugin's corners: what it tells, what it leaves alone, and orders of loading that are hard. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import bonfire from "@bonfire/loader/esbuild";
import { type BuildOptions, build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";

const run = promisify(execFile);
// Below the package, so that what is built finds the runtime.
const scratch = await mkdtemp(join(import.meta.dirname, "fixtures/scratch-"));

/** Writes a project and builds its `main`. */
async function built(
  files: Record<string, string>,
  options: Parameters<typeof bonfire>[0] = {},
  more: BuildOptions = {},
) {
  const folder = await mkdtemp(join(scratch, "project-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const outfile = join(folder, more.format === "cjs" ? "out.cjs" : "out.mjs");
  const { warnings } = await build({
    entryPoints: [join(folder, "main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
    sourcemap: "inline",
    plugins: [bonfire(options)],
    ...more,
  });
  return { folder, outfile, warnings };
}

const printed = async (file: string) => (await run(process.execPath, [file])).stdout.trim();

/** Captures without a pool, as these tests look at what was tagged and not at what runs. */
const CAPTURE = `import { capture } from "@bonfire/runtime/internal";
const pool = { call: (fn: () => unknown) => { const one = capture(fn); return [one.at, one.bundles()]; } };
`;

test("what is only told is a warning with its place, and what would be refused is one if asked for", async () => {
  const { folder, warnings } = await built(
    {
      "main.ts": `import type { Pool } from "@bonfire/runtime";
const list: number[] = [];
let count = 0;
export const run = (pool: Pool) => [
  pool.call(() => list.push(1)),
  pool.call(() => { count++; }),
];
`,
    },
    { refusals: "warning" },
  );
  assert.equal(
    warnings.map(({ location }) => [location?.line, location?.column]),
    [
      [5, 18],
      [6, 20],
    ],
  );
  assert.match(warnings[0]!.text, /main\.ts:5:19 the closure changes captured `list`/);
  assert.match(warnings[1]!.text, /main\.ts:6:21 the closure assigns to captured variable `count`/);
  assert.ok(
    warnings.every(({ location }) => location!.file.endsWith("main.ts")),
    folder,
  );
});

test("the build and the call refuse with the same sentence and place", async () => {
  const { outfile, warnings } = await built(
    {
      "main.ts": `import type { Pool } from "@bonfire/runtime";
import { capture } from "@bonfire/runtime/internal";
const pool: Pool = { call: capture } as never;
let count = 0;
class Base { #x = 1; x = 1;
  private() { return pool.call(() => this.#x); }
  assigns() { return pool.call(() => { this.x = 2; }); }
  calls() { return pool.call(() => super.toString()); }
}
const base = new Base();
const bump = () => count++;
const attempts = [
  () => pool.call(() => { count = 2; }),
  () => pool.call(() => bump()),
  function () { return pool.call(() => arguments.length); },
  function () { return pool.call(() => new.target); },
  () => base.private(), () => base.assigns(), () => base.calls(),
];
for (const attempt of attempts) try { attempt(); console.log("not refused"); } catch (error) { console.log(error.message); }
`,
    },
    { refusals: "warning" },
  );
  const told = warnings.map(({ text }) => text.replace(" the closure ", " as it ")).sort();
  const thrown = (await printed(outfile))
    .split("\n")
    .map((line) => line.replace("Cannot ship the function at ", ""));
  assert.is(told.length, 7);
  assert.equal(thrown.sort(), told);
});

test("a file that cannot be bundled is a warning if asked for, and its calls refuse by themselves", async () => {
  const { outfile, warnings } = await built(
    {
      "main.ts": `import type { Pool } from "@bonfire/runtime";
import { capture } from "@bonfire/runtime/internal";
const run = (pool: Pool) => pool.call(() => import("./addon.node" as string & "./addon.node"));
const pool = { call: async (fn: () => unknown) => capture(fn).bundles() };
console.log(await run(pool as unknown as Pool).catch(({ code }) => code));
`,
    },
    { refusals: "warning" },
    { external: ["*.node"] },
  );
  assert.is(warnings.length, 1);
  assert.match(warnings[0]!.text, /native addon "\.\/addon\.node" cannot be shipped/);
  assert.is(await printed(outfile), "BUNDLE_FAILED");
});

test("what merely looks like a call of a pool does not fail the build", async () => {
  const { warnings } = await built({
    "main.ts": 'let n = 0;\nexport const run = (other: any) => other.call(() => import("./gone.js"), n++);\n',
    "gone.js": "",
  });
  assert.equal(warnings, []);
});

test("a closure's bundle is there at once, and the place is that of the source", async () => {
  const { outfile } = await built(
    {
      "main.ts": `${CAPTURE}import { twice } from "./twice.ts";\nconst [at, bundles] = pool.call(() => twice(4));\nconsole.log(at, Array.isArray(bundles));\n`,
      "twice.ts": "export const twice = (n: number): number => n * 2;\n",
    },
    {},
    { minify: true },
  );
  assert.match(await printed(outfile), /main\.ts:4:33 true$/);
});

test("files of packages are left alone", async () => {
  const { outfile } = await built({
    "main.ts":
      'import { Shape, run } from "shapes";\nconsole.log(run({ call: (fn: () => unknown) => fn() }), Shape.name);\n',
    "node_modules/shapes/package.json": '{ "name": "shapes", "type": "module", "main": "index.js" }',
    "node_modules/shapes/index.js":
      "export class Shape {}\nexport const run = (pool) => pool.call(() => 1);\n",
  });
  assert.is(await printed(outfile), "1 Shape");
});

test("a function may be called before its file has begun to run, as modules import each other", async () => {
  const { outfile } = await built({
    "main.ts": 'import { a } from "./a.ts";\nconsole.log(a);\n',
    "a.ts":
      'import { b } from "./b.ts";\nexport function run(pool: any) { return pool.call(() => 7); }\nexport const a = b + 1;\n',
    "b.ts": 'import { run } from "./a.ts";\nexport const b = run({ call: (fn: () => number) => fn() });\n',
  });
  assert.is(await printed(outfile), "8");
});

for (const format of ["esm", "cjs"] as const) {
  test(`files without side effects and CommonJS files keep their closures in ${format} output`, async () => {
    const { outfile } = await built(
      {
        "package.json": '{ "type": "module", "sideEffects": false }',
        "main.ts": `import { capture } from "@bonfire/runtime/internal";
import { make } from "./made.ts";
import common from "./common.cjs";
const pool = { call: (fn: () => unknown) => Array.isArray(capture(fn).bundles()) };
console.log(make(pool), common.make(pool));
`,
        "made.ts": "export class Unused {}\nexport const make = (pool: any) => pool.call(() => 1);\n",
        "common.cjs": 'const word = { of: "common" };\nexports.make = (pool) => pool.call(() => word.of);\n',
      },
      {},
      { format },
    );
    assert.is(await printed(outfile), "true true");
  });
}

test("the loader does not load what only bundlers and the lint rule need", async () => {
  const hooks =
    'data:text/javascript,import{registerHooks}from"node:module";registerHooks({load(u,c,n){console.log(u);return n(u,c)}})';
  const { stdout } = await run(
    process.execPath,
    ["--import", hooks, "--import", "@bonfire/loader", "-e", "0"],
    {
      cwd: import.meta.dirname,
    },
  );
  assert.match(stdout, /loader\/dist\/index\.js/);
  assert.not.match(stdout, /unplugin|eslint|webpack|remapping|oxc-parser|\/esbuild\//);
});

test.after(() => rm(scratch, { recursive: true }));
test.run();

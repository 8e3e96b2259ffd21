/** Programs that are built, whose sources are then taken away, and that are run: by each bundler with our plugin. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import bonfireRollup from "@bonfire/loader/rollup";
import bonfireVite from "@bonfire/loader/vite";
import { type RollupCache, rollup } from "rollup";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createServer, build as viteBuild } from "vite";
import { type Bundler, buildProgram, bundlers } from "../harness/build-program.ts";
import { checkEverywhere, FOLDER } from "../harness/everywhere.ts";

const scratch = await mkdtemp(join(import.meta.dirname, "../scratch-bundlers-"));
async function copy(name: string): Promise<string> {
  const folder = join(scratch, name.replaceAll(" ", "-"));
  await cp(FOLDER, join(folder, "src"), { recursive: true });
  return folder;
}

for (const bundler of bundlers) {
  test(`a program built by ${bundler} runs without its sources and without esbuild, and its stacks name the sources`, async () => {
    const folder = await copy(bundler);
    const built = await buildProgram(bundler, join(folder, "src/main.ts"), join(folder, "out"));
    await rm(join(folder, "src"), { recursive: true });
    await checkEverywhere(built, { env: { ESBUILD_BINARY_PATH: "/nonexistent" } });
  });
}

test("the loader leaves a program alone that a bundler has built", async () => {
  const folder = await copy("loader-too");
  const built = await buildProgram("esbuild minified", join(folder, "src/main.ts"), join(folder, "out"));
  await checkEverywhere(built, { loader: true });
});

async function failureOf(bundler: Bundler, text: string): Promise<string> {
  const folder = await copy(`refused ${bundler}`);
  const entry = join(folder, "src/refused.ts");
  await writeFile(entry, text);
  try {
    await buildProgram(bundler, entry, join(folder, "out"));
  } catch (error) {
    return String((error as Error).message);
  }
  throw new Error("it was built");
}

for (const bundler of ["vite", "esbuild", "rollup", "rolldown", "webpack"] as const) {
  test(`${bundler} refuses what a call would refuse, and a package that is not there, with the place`, async () => {
    const counts = `import type { Pool } from "@bonfire/runtime";
let count = 0;
export function run(pool: Pool) {
  pool.call(() => { count++; });
  pool.call(() => arguments.length);
}
`;
    const message = await failureOf(bundler, counts);
    assert.match(message, /refused\.ts:4:21 the closure assigns to captured variable `count`/);
    assert.match(message, /refused\.ts:5:19 the closure captures `arguments`/);
    const missing = `import type { Pool } from "@bonfire/runtime";
import { x } from "./not-there.ts";
export const run = (pool: Pool) => pool.call(() => x);
`;
    assert.match(await failureOf(bundler, missing), /not-there\.ts".* at .*refused\.ts:2:1/);
  });
}

test("closures of files that Vite's development server loads are captured with their bundles", async () => {
  const folder = await copy("served");
  await writeFile(
    join(folder, "captured.ts"),
    `import { capture } from "@bonfire/runtime/internal";
import { makeCircle } from "./src/shape.ts";
const pool = { call: (fn: () => unknown) => Array.isArray(capture(fn).bundles()) };
export const isBuilt: boolean = pool.call(() => makeCircle(1));
`,
  );
  const server = await createServer({
    root: folder,
    configFile: false,
    logLevel: "error",
    appType: "custom",
    server: { middlewareMode: true, ws: false },
    plugins: [bonfireVite()],
  });
  const { isBuilt } = await server.ssrLoadModule("/captured.ts");
  await server.close();
  assert.is(isBuilt, true);
});

test("a changed helper is in the shipped code of the next build, though the file of the closure is the same", async () => {
  const folder = await copy("watched");
  const [input, helper] = [join(folder, "main.js"), join(folder, "helper.js")];
  await writeFile(
    input,
    'import { help } from "./helper.js";\nexport const f = (p) => p.call(() => help());\n',
  );
  let cache: RollupCache | undefined;
  for (const version of ["one", "two"]) {
    await writeFile(helper, `export const help = () => "${version}";\n`);
    const build = await rollup({
      input,
      plugins: [bonfireRollup()],
      external: /^@bonfire/,
      ...(cache && { cache }),
    });
    cache = build.cache;
    const { output } = await build.generate({});
    assert.equal(output[0].code.match(/one|two/g), [version, version], "in the program and in the bundle");
  }
});

test("what Vite builds for a browser has nothing of ours in it", async () => {
  const folder = await copy("browser");
  const entry = join(folder, "client.js");
  await writeFile(entry, "export class A {}\nexport const f = (p) => p.call(() => 1);\n");
  await viteBuild({
    root: folder,
    configFile: false,
    logLevel: "error",
    plugins: [bonfireVite()],
    build: { lib: { entry, formats: ["es"], fileName: "client" }, outDir: "out" },
  });
  assert.not.match(await readFile(join(folder, "out/client.js"), "utf8"), /bonfire/);
});

test.after(() => rm(scratch, { recursive: true }));
test.run();

/** Programs that are built, whose sources are then taken away, and that are run: by each bundler with our plugin. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Bundler, buildProgram, bundlers } from "../harness/build-program.ts";
import { Program } from "../harness/program.ts";

const scratch = await mkdtemp(join(import.meta.dirname, "../scratch-bundlers-"));
const PROGRAM = join(import.meta.dirname, "programs/everywhere");

const expected = {
  captures: [3, 5, 7],
  package: 3,
  builtin: "b.c",
  "an instance whose class the closure does not mention": 12,
  "a returned instance": [true, true, 3, 5],
  "class names": ["Counter", "Circle", "Circle"],
};

/** What a program printed, by name. */
async function outputOf(path: string, options: ConstructorParameters<typeof Program>[1] = {}) {
  await using program = new Program(path, options);
  const { code } = await program.exit;
  assert.is(code, 0, program.output);
  const lines = program.output.split("\n").filter((line) => line.startsWith('{"name"'));
  return Object.fromEntries(lines.map((line) => Object.values(JSON.parse(line)) as [string, unknown]));
}

async function lineOf(file: string, text: string): Promise<number> {
  return (
    (await readFile(join(PROGRAM, file), "utf8")).split("\n").findIndex((line) => line.includes(text)) + 1
  );
}

const THROW = await lineOf("main.ts", "throw new TypeError");
const FAIL = await lineOf("fails.ts", "throw new RangeError");
const CALLER = await lineOf("main.ts", "return await pool.call");

function checkStacks({ inline, imported }: Record<string, unknown>): void {
  assert.match(inline as string, new RegExp(`^TypeError: inline no\\n.*/main\\.ts:${THROW}:\\d+`));
  assert.match(inline as string, new RegExp(`called from the driver[^]*/main\\.ts:${CALLER}:\\d+`));
  assert.match(imported as string, new RegExp(`^RangeError: rate 3\\n.*/fails\\.ts:${FAIL}:\\d+`));
  for (const stack of [inline, imported])
    assert.not.match(stack as string, /bonfire:|runtime\/|executor-image|\.[mc]js:/);
}

async function copy(name: string): Promise<string> {
  const folder = join(scratch, name.replaceAll(" ", "-"));
  await cp(PROGRAM, join(folder, "src"), { recursive: true });
  return folder;
}

for (const bundler of bundlers) {
  test(`a program built by ${bundler} runs without its sources and without esbuild, and its stacks name the sources`, async () => {
    const folder = await copy(bundler);
    const built = await buildProgram(bundler, join(folder, "src/main.ts"), join(folder, "out"));
    await rm(join(folder, "src"), { recursive: true });
    const { inline, imported, ...values } = await outputOf(built, {
      env: { ESBUILD_BINARY_PATH: "/nonexistent" },
    });
    assert.equal(values, expected);
    checkStacks({ inline, imported });
  });
}

test("the loader gives the same as the bundlers", async () => {
  const { inline, imported, ...values } = await outputOf("integration/programs/everywhere/main.ts", {
    loader: true,
  });
  assert.equal(values, expected);
  checkStacks({ inline, imported });
});

test("the loader leaves a program alone that a bundler has built", async () => {
  const folder = await copy("loader-too");
  const built = await buildProgram("esbuild minified", join(folder, "src/main.ts"), join(folder, "out"));
  const { inline, imported, ...values } = await outputOf(built, { loader: true });
  assert.equal(values, expected);
  checkStacks({ inline, imported });
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

test.after(() => rm(scratch, { recursive: true }));
test.run();

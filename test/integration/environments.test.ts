/** The same program wherever TypeScript runs, with the loader and without. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { buildProgram } from "../harness/build-program.ts";
import { checkEverywhere, MAIN } from "../harness/everywhere.ts";
import { Program } from "../harness/program.ts";
import { Repl } from "../harness/repl.ts";

const scratch = await mkdtemp(join(import.meta.dirname, "../scratch-environments-"));
const LOADER = ["--import", "@bonfire/loader"];
const TSX = ["--import", "tsx"];

const ways: Record<string, string[]> = {
  "node that strips types": [],
  "the loader": LOADER,
  "tsx alone": TSX,
  "tsx, then the loader": [...TSX, ...LOADER],
  "the loader, then tsx": [...LOADER, ...TSX],
  "a debugger's port open": ["--inspect=0"],
  "a debugger's port open, and the loader": ["--inspect=0", ...LOADER],
  "node's own source maps": ["--enable-source-maps"],
};

for (const [name, flags] of Object.entries(ways)) {
  test(`closures run with ${name}`, () => checkEverywhere(MAIN, { flags }));
}

for (const [name, flags] of Object.entries({ "": [], " and the loader": LOADER, " and tsx": TSX })) {
  test(`closures run with a worker thread as the driver${name}`, () =>
    checkEverywhere("integration/programs/in-worker.ts", { flags }));
}

test("closures run in minified output that no plugin has seen, and its stacks name the sources", async () => {
  const built = await buildProgram("esbuild minified", MAIN, join(scratch, "minified"), { plugin: false });
  await checkEverywhere(built, {}, { minified: true });
});

async function vitest(config: string): Promise<{ code: number; output: string }> {
  const root = join(import.meta.dirname, "programs/vitest");
  const file = join(scratch, "vitest.config.mjs");
  await writeFile(file, config);
  const program = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const child = spawn(process.execPath, [program, "run", "--root", root, "--config", file], {
    env: { ...process.env, NO_COLOR: "1", BONFIRE_HINTS: "1" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number];
  return { code, output };
}

test("closures run in vitest, with our plugin and without", async () => {
  const include = 'test: { include: ["**/*.spec.ts"] }';
  const without = await vitest(`export default { ${include} };`);
  assert.is(without.code, 0, without.output);
  assert.match(without.output, /reading closures through the inspector/);
  const plugin = await vitest(
    `import bonfire from "@bonfire/loader/vite"; export default { plugins: [bonfire()], ${include} };`,
  );
  assert.is(plugin.code, 0, plugin.output);
  assert.not.match(plugin.output, /reading closures through the inspector/);
});

test("closures run in the REPL, where they are in no file", async () => {
  await using repl = new Repl();
  await repl.ready();
  await repl.say('const { connect } = await import("@bonfire/runtime")');
  await repl.say('const fire = await connect(), pool = await fire.pool("repl", { max: 1 })');
  await repl.say("let n = 4; const twice = (x) => x * 2");
  await repl.say(
    "class Dot { constructor(x) { this.x = x } far() { return this.x * 10 } }; const dot = new Dot(3)",
  );
  assert.is(await repl.say("await pool.call(() => twice(n) + 1)"), "9");
  await repl.say("n = 10");
  assert.is(await repl.say("await pool.call(() => twice(n) + 1)"), "21");
  assert.is(await repl.say("await pool.call(() => dot.far())"), "30");
  assert.is(
    await repl.say('await pool.call(async () => (await import("node:path")).basename("a/b"))'),
    "'b'",
  );
  assert.match(
    await repl.say('await pool.call(() => { throw new RangeError("no") })'),
    /RangeError: no\n\s+at REPL\d+:1:\d+\n\s+at --- called from the driver ---\n.*at async REPL\d+:1/,
  );
  assert.match(
    await repl.say("pool.call(() => { n = 5 })"),
    /Cannot ship the function at REPL\d+:1:\d+ as it assigns to captured variable `n`/,
  );
  await repl.say("await fire.close()");
});

test("the loader is recommended once for a process, unless that is silenced", async () => {
  const hints = async (env: NodeJS.ProcessEnv, flags: string[]) => {
    await using program = new Program(MAIN, { env, flags });
    await program.exit;
    return program.output.match(/reading closures through the inspector/g)?.length ?? 0;
  };
  assert.is(await hints({ BONFIRE_HINTS: "1" }, []), 1);
  assert.is(await hints({ BONFIRE_HINTS: "0" }, []), 0);
  assert.is(await hints({ BONFIRE_HINTS: "1" }, LOADER), 0);
});

test.after(() => rm(scratch, { recursive: true }));
test.run();

import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkEverywhere, MAIN } from "../harness/everywhere.ts";
import { Program } from "../harness/program.ts";

for (const loader of [true, false]) {
  test(`a thrown error's stack names the .ts file and line of the throw, ${loader ? "with" : "without"} the loader`, async () => {
    await using program = new Program("integration/programs/throws.ts", { loader });
    const { code } = await program.exit;
    assert.is(code, 0, program.output);
    const [inline, imported, explicit] = program.output
      .split("\n")
      .filter((line) => line.startsWith('"'))
      .map((line) => JSON.parse(line) as string);
    assert.match(inline as string, /^TypeError: inline no\n.*throws\.ts:11:21/);
    assert.match(inline as string, /called from the driver(.|\n)*at async caller .*throws\.ts:10:\d+/);
    assert.match(imported as string, /^RangeError: imported no\n.*fails\.ts:2:9/);
    assert.match(explicit as string, /^Error: explicit no\n.*throws\.ts:17:11/);
    for (const stack of [inline, imported, explicit]) {
      assert.not.match(stack as string, /bonfire:|runtime\/dist|executor-image/, "no frames of ours");
    }
  });
}

test("the stacks of minified code with its source map inside name the sources, whoever reads the map", async () => {
  const folder = await mkdtemp(join(import.meta.dirname, "../scratch-stacks-"));
  const outfile = join(folder, "main.mjs");
  await build({
    entryPoints: [MAIN],
    outfile,
    bundle: true,
    minify: true,
    sourcemap: "inline",
    platform: "node",
    format: "esm",
    packages: "external",
  });
  for (const flags of [[], ["--enable-source-maps"], ["--import", "@bonfire/loader"]])
    await checkEverywhere(outfile, { flags }, { minified: true });
  await rm(folder, { recursive: true });
});

test.run();

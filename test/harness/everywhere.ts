/** The program that every loader, bundler and runner has to run alike, and what it must print. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Program, type ProgramOptions } from "./program.ts";

export const FOLDER = join(import.meta.dirname, "../integration/programs/everywhere");
export const MAIN = join(FOLDER, "main.ts");

export interface Expectation {
  /** A minifier has renamed the classes, in the program itself too. Default false. */
  readonly minified?: boolean;
}

/** Runs it and compares everything that it prints. */
export async function checkEverywhere(
  path: string,
  options: ProgramOptions,
  { minified = false }: Expectation = {},
): Promise<void> {
  await using program = new Program(path, options);
  const { code } = await program.exit;
  assert.is(code, 0, program.output);
  const lines = program.output.split("\n").filter((line) => line.startsWith('{"name"'));
  const printed = Object.fromEntries(
    lines.map((line) => Object.values(JSON.parse(line)) as [string, unknown]),
  );
  const { inline, imported, ...values } = printed as Record<string, unknown> & {
    inline: [string, string];
    imported: [string];
  };
  const names = values["class names"] as readonly string[];
  if (minified) assert.ok(names.every((name) => name.length < 4) && names[1] === names[2], String(names));
  assert.equal(values, {
    captures: [3, 5, 7],
    package: 3,
    builtin: "b.c",
    "an instance whose class the closure does not mention": 12,
    "a returned instance": [true, true, 3, 5],
    "class names": minified ? names : ["Counter", "Circle", "Circle"],
  });
  const [thrown, caller, fail] = await placesOfThrows;
  assert.match(inline[0], new RegExp(`^TypeError: inline no\\n.*/main\\.ts:${thrown}:\\d+`));
  assert.match(inline[0], new RegExp(`called from the driver.*/main\\.ts:${caller}:\\d+`, "s"));
  assert.match(inline[1], new RegExp(`^RangeError: below\\n.*/main\\.ts:${thrown}:\\d+`), "the cause");
  assert.match(imported[0], new RegExp(`^RangeError: rate 3\\n.*/fails\\.ts:${fail}:\\d+`));
  for (const stack of [...inline, imported[0]])
    assert.not.match(stack, /bonfire:|runtime\/(src|dist)|executor-image|main\.[mc]js/, "no frames of ours");
}

const placesOfThrows = Promise.all([
  lineOf("main.ts", "throw new TypeError"),
  lineOf("main.ts", "return await pool.call"),
  lineOf("fails.ts", "throw new RangeError"),
]);

async function lineOf(file: string, text: string): Promise<number> {
  const lines = (await readFile(join(FOLDER, file), "utf8")).split("\n");
  return lines.findIndex((line) => line.includes(text)) + 1;
}

/** The lint rules in ESLint itself, with its own parser and with the one for TypeScript. */
import bonfire from "@bonfire/loader/eslint";
import * as typescript from "@typescript-eslint/parser";
import { ESLint, type Linter } from "eslint";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { transform } from "../../packages/loader/dist/transform.js";

const parsers: Record<string, Linter.Config> = {
  espree: { files: ["**/*.js"], ...bonfire.configs.recommended },
  "@typescript-eslint/parser": {
    files: ["**/*.ts"],
    languageOptions: { parser: typescript },
    ...bonfire.configs.recommended,
  },
};

async function lint(config: Linter.Config, code: string, filePath: string) {
  const eslint = new ESLint({ overrideConfigFile: true, overrideConfig: [config], cwd: "/" });
  const [result] = await eslint.lintText(code, { filePath });
  return result!.messages.map(({ ruleId, severity, line, column, message }) => ({
    ruleId,
    severity,
    line,
    column,
    message,
  }));
}

const PROGRAM = `import { connect } from "@bonfire/runtime";
let count = 0;
const list = [];
const fire = await connect();
const pool = await fire.pool("x");
pool.call(() => { count++; });
  pool.cast(() => list.push(1));
export function run() { return pool.call(() => arguments.length); }
export class Base { x = 1; go() { return pool.call(() => super.toString()); } }
pool.call(() => count + 1);
[1].map((n) => { count = n; });
other.call(() => { count = 5; });
`;

for (const [name, config] of Object.entries(parsers)) {
  const file = name === "espree" ? "/project/main.js" : "/project/main.ts";

  test(`with ${name}, each problem is told at its place, in the words of the transform`, async () => {
    const messages = await lint(config, PROGRAM, file);
    assert.equal(
      messages.map(({ ruleId, severity, line, column }) => [ruleId, severity, line, column]),
      [
        ["bonfire/closure", 2, 6, 19],
        ["bonfire/closure-warnings", 1, 7, 19],
        ["bonfire/closure", 2, 8, 48],
        ["bonfire/closure", 2, 9, 58],
      ],
    );
    const { source, certain } = transform(file, `file://${file}`, PROGRAM)!;
    const told = source!.sites
      .filter((_, index) => certain[index])
      .flatMap(({ problems }) => problems)
      .map(({ severity, line, column, message }) => ({
        ruleId: severity === "error" ? "bonfire/closure" : "bonfire/closure-warnings",
        severity: severity === "error" ? 2 : 1,
        line,
        column,
        message: `the closure ${message}`,
      }));
    assert.equal(messages, told);
  });

  test(`with ${name}, a file without closures is left alone`, async () => {
    assert.equal(await lint(config, "export let n = 0; [1].map((x) => { n = x; });", file), []);
  });
}

test("types are no captures", async () => {
  const code = `import type { Pool } from "@bonfire/runtime";
interface Shape { readonly size: number }
export const run = (pool: Pool, shape: Shape) => pool.call(() => (shape as Shape).size);
export const bad = (pool: Pool) => { let n = 0; return pool.call((): void => { n = 1 as number; }); };
`;
  const messages = await lint(parsers["@typescript-eslint/parser"]!, code, "/project/main.ts");
  assert.equal(
    messages.map(({ ruleId, line, column }) => [ruleId, line, column]),
    [["bonfire/closure", 4, 80]],
  );
});

test.run();

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const ROOT = join(import.meta.dirname, "../..");
/** Where a code is given to an error: to a constructor, a subclass's `super`, as the property, or for want of one. */
const GIVEN = [
  /\bnew BonfireError\(\s*"(\w+)"/g,
  /\bsuper\(\s*"([A-Z][A-Z_]+)"/g,
  /\bcode:\s*"([A-Z][A-Z_]+)"/g,
  /\bcode \?\? "([A-Z][A-Z_]+)"/g,
];

async function sources(): Promise<readonly string[]> {
  const packages = (await readdir(join(ROOT, "packages"))).map((name) => `packages/${name}`);
  const folders = [...packages, "runtime", "executor-image"].map((name) => join(ROOT, name, "src"));
  const files = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(folder, { recursive: true });
      return names.filter((name) => name.endsWith(".ts")).map((name) => join(folder, name));
    }),
  );
  return Promise.all(files.flat().map((file) => readFile(file, "utf8")));
}

function matches(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), ([, found]) => found as string);
}

const code = await sources();
const [listed, reasons] = (await readFile(join(ROOT, "docs/errors.md"), "utf8")).split(
  "## Reasons of `BACKEND_ERROR`",
) as [string, string];
const rows = (table: string) => matches(table, /^\| `([^`]+)` \|/gm);

test("docs/errors.md lists every code that the sources give to an error, once, and no other", () => {
  const given = new Set(code.flatMap((text) => GIVEN.flatMap((pattern) => matches(text, pattern))));
  assert.ok(given.size > 30, "the sources were found");
  assert.equal(rows(listed), [...given].sort());
});

test("docs/errors.md lists every reason of a BackendError, and no other", () => {
  const [union] = code.flatMap((text) => matches(text, /export type BackendErrorCode =([^;]+);/g));
  assert.equal(rows(reasons).sort(), matches(union as string, /"([\w-]+)"/g).sort());
});

test.run();

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sentences } from "../../harness/guarantee.ts";

const files = (await readdir(import.meta.dirname)).filter((name) => name.endsWith(".test.ts"));
const sources = await Promise.all(files.map((name) => readFile(join(import.meta.dirname, name), "utf8")));
const tested = sources.flatMap((source) =>
  Array.from(
    source.matchAll(/\bguarantee\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')/g),
    ([, one, other]) => ((one ?? other) as string).replaceAll('\\"', '"'),
  ),
);

test("every guarantee of docs/actors.md has one test, and every such test a guarantee", () => {
  assert.ok(sentences.size >= 80, `there are ${sentences.size}`);
  assert.equal(tested.toSorted(), [...sentences.keys()].toSorted());
});

test("the guarantees are numbered from 1 without a gap", () => {
  assert.equal(
    [...sentences.values()],
    Array.from({ length: sentences.size }, (_, index) => index + 1),
  );
});

test.run();

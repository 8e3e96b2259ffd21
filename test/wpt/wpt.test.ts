/**
 * Web Platform Tests in the isolate realm and in plain Node. What passes in Node and fails in the isolate must be
 * exactly what expectations.json lists; `WPT_UPDATE=1` writes the list anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inIsolate } from "./in-isolate.ts";
import { inNode } from "./in-node.ts";
import { AREAS, areaOf, type Subtest, scriptOf, testFiles } from "./suite-file.ts";

const EXPECTATIONS = join(import.meta.dirname, "expectations.json");

/** Names of subtests that pass in Node and not in the isolate, by file. */
type Missing = Record<string, string[]>;

interface Figures {
  subtests: number;
  node: number;
  isolate: number;
}

function passedIn(subtests: readonly Subtest[]): string[] {
  return subtests.filter(([, passed]) => passed).map(([name]) => name);
}

test("the isolate passes the Web Platform Tests that Node passes, but for those listed", async () => {
  const figures = new Map<string, Figures>(AREAS.map((area) => [area, { subtests: 0, node: 0, isolate: 0 }]));
  const missing: Missing = {};
  for (const file of await testFiles()) {
    const script = scriptOf(file);
    const [reference, actual] = await Promise.all([inNode(script), inIsolate(script)]);
    const passed = new Set(passedIn(actual));
    const failed = passedIn(reference).filter((name) => !passed.has(name));
    if (failed.length > 0) missing[file] = failed;
    const area = figures.get(areaOf(file))!;
    area.subtests += reference.length;
    area.node += passedIn(reference).length;
    area.isolate += passedIn(actual).length;
  }
  console.log(
    `\n${"area".padEnd(36)}${"subtests".padStart(10)}${"Node".padStart(8)}${"isolate".padStart(9)}`,
  );
  for (const [area, { subtests, node, isolate }] of figures) {
    const columns = [String(subtests).padStart(10), String(node).padStart(8), String(isolate).padStart(9)];
    console.log(area.padEnd(36) + columns.join(""));
    assert.ok(node > 0, `no test of ${area} passed in Node`);
  }
  if (process.env.WPT_UPDATE === "1") writeFileSync(EXPECTATIONS, `${JSON.stringify(missing, null, 2)}\n`);
  assert.equal(missing, JSON.parse(readFileSync(EXPECTATIONS, "utf8")));
});

test.run();

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

test("docs/closures.md has the tables that the conformance rows make", () => {
  const flags = ["--experimental-transform-types", "--disable-warning=ExperimentalWarning"];
  const page = join(import.meta.dirname, "closures-page.ts");
  const { status, stderr } = spawnSync(process.execPath, [...flags, page, "--check"], { encoding: "utf8" });
  assert.is(status, 0, stderr);
});

test.run();

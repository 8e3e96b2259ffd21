import { grantFor, importRefusal, isGranted } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";

test("each builtin needs nothing, one grant, or a process realm", () => {
  assert.is(grantFor("node:util"), "none needed");
  assert.is(grantFor("fs/promises"), "files");
  assert.is(grantFor("node:child_process"), "programs");
  assert.is(grantFor("net"), "process realm");
  assert.is(grantFor("toString"), "process realm");
});

test("a list that names nothing grants nothing", () => {
  assert.not(isGranted({ programs: [] }, "programs"));
  assert.ok(isGranted({ programs: ["ffmpeg"] }, "programs"));
  assert.ok(isGranted({ fetch: true }, "fetch"));
  assert.not(isGranted({ files: false }, "files"));
});

test("a refusal names the line to add", () => {
  assert.is(importRefusal("node:fs", { files: true }), undefined);
  const refusal = importRefusal("fs", {});
  assert.is(refusal?.code, "GRANT_MISSING");
  assert.is(
    refusal?.message,
    'Cannot import "node:fs" as this pool grants no files: add grants: { files: true } to the pool',
  );
});

test("a granted host module may be imported, with its parts, and no other package", () => {
  const grants = { hostModules: ["sharp", "@scope/native"] };
  for (const specifier of ["sharp", "sharp/part", "@scope/native"])
    assert.is(importRefusal(specifier, grants), undefined);
  const refusal = importRefusal("@scope/other/part", grants);
  assert.is(refusal?.code, "GRANT_MISSING");
  assert.match(String(refusal?.message), /add grants: \{ hostModules: \["@scope\/other"\] \} to the pool/);
  assert.match(String(importRefusal("sharper", grants)?.message), /hostModules: \["sharper"\]/);
  assert.match(String(importRefusal("./sharp", grants)?.message), /literal name of a file/);
});

test.run();

import { connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Program } from "../harness/program.ts";

for (const loader of [true, false]) {
  test(`closures import sharp in both realms, or are told which grant is missing, ${loader ? "with" : "without"} the loader`, async () => {
    await using program = new Program("integration/programs/thumbnails.ts", { loader });
    const { code } = await program.exit;
    assert.is(code, 0, program.output);
    const refusal =
      'Cannot import "sharp" as it does not travel (it is native, or its name was computed) and this pool grants no such host module: add grants: { hostModules: ["sharp"] } to the pool, or use realm: "process"';
    assert.equal(program.output.split("\n"), [
      "isolate: true 3x4",
      "process: true 3x4",
      "hosted: function",
      "bundled: undefined",
      refusal,
      refusal,
    ]);
  });
}

test("the names of host modules are checked when the pool is opened", async () => {
  await using fire = await connect();
  for (const name of ["node:fs", "fs", "./native.node", "/abs", "sharp/lib"]) {
    const error = await fire.pool("p", { grants: { hostModules: [name] } }).catch((error) => error);
    assert.is(error.code, "INVALID_OPTION", name);
    assert.match(error.message, /Grant "hostModules" names npm packages, got/);
  }
});

test.run();

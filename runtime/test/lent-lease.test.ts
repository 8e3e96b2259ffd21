import { setTimeout as pause } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LentLease } from "../src/naming/lent-lease.ts";

test("a term whose answer came after its end is not valid, and sets no timer in the past", async () => {
  const warnings: Error[] = [];
  const hear = (warning: Error) => warnings.push(warning);
  process.on("warning", hear);
  const lease = await LentLease.take("name:a", async () => {
    await pause(30);
    return { token: 1n, remaining: 10 };
  });
  assert.is(lease?.valid, false);
  await pause(0);
  process.off("warning", hear);
  assert.equal(warnings, []);
  lease?.close();
});

test.run();

import { test } from "uvu";
import * as assert from "uvu/assert";
import { chaos } from "./chaos.ts";

test("forty seconds of random faults leave no orphan, tear nothing down by mistake, and lose no call", async () => {
  const { violations, calls, faults } = await chaos(40, 6);
  assert.equal(violations, []);
  assert.ok(calls.started > 0);
  assert.ok([...faults.values()].filter(({ count }) => count > 0).length >= 4, "faults happened");
});

test.run();

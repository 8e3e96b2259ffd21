import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { insideNetworks } from "../harness/networks.ts";
import { chaos } from "./chaos.ts";

const noNetworks = await insideNetworks();

test("two minutes of random faults leave no orphan, tear nothing down by mistake, and lose no call", async () => {
  const logFile = join(tmpdir(), `bonfire-chaos-test-${process.pid}.jsonl`);
  const { violations, calls, faults, skipped, turns } = await chaos({
    seconds: 120,
    seed: 6,
    logFile,
    noNetworks,
  });
  for (const [name, why] of skipped) console.log(`skipped: ${name}: ${why}`);
  assert.equal(violations, [], `see ${logFile}`);
  assert.ok(calls.started > 0);
  assert.ok(turns > 0, "names were held");
  assert.ok([...faults.values()].filter(({ count }) => count > 0).length >= 6, "faults happened");
});

test.run();

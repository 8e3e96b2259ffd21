import { setTimeout as pause } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TestRealm } from "./harness.ts";

const RUNS = "() => new Promise(() => {})";

/** Waits until the realm has an isolate in reserve. */
async function spareIn({ realm }: TestRealm): Promise<void> {
  while (realm.inspect().spareIsolate?.ready !== true) await pause(5);
}

test("no call waits for an isolate while one is ready", async () => {
  // With files each running call has an isolate of its own.
  await using realm = new TestRealm({ grants: { files: true } });
  const built = () => realm.realm.inspect().spareIsolate?.builtOnDemand;
  await realm.call("() => 1");
  assert.is(built(), 0);
  for (let n = 1; n <= 3; n++) {
    await spareIn(realm);
    void realm.call(RUNS);
    assert.is(built(), 0, `call ${n}`);
  }
  // The last call took the spare one, so the next has to wait, and is counted.
  assert.not(realm.realm.inspect().spareIsolate?.ready);
  void realm.call(RUNS);
  assert.is(built(), 1);
  assert.is(realm.realm.inspect().calls, 4);
});

test("an isolate that is lost is replaced by the one that is ready", async () => {
  await using realm = new TestRealm();
  await realm.call("() => 1");
  await spareIn(realm);
  await realm.call("() => { for (;;); }", { budget: 50 }).catch(() => undefined);
  assert.is(await realm.call("() => 2"), 2);
  assert.is(realm.realm.inspect().spareIsolate?.builtOnDemand, 0);
});

test.run();

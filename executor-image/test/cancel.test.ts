import { BonfireError } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { failure, TestRealm } from "./harness.ts";

const reason = new BonfireError("CALL_CANCELLED", "Call was cancelled by its caller");

test("a cancelled call is answered once with the reason, and its neighbours go on", async () => {
  await using realm = new TestRealm();
  const result = realm.call("() => new Promise((done) => setTimeout(done, 30, 'late'))");
  const id = realm.lastCall;
  const neighbour = realm.call("() => new Promise((done) => setTimeout(done, 50, 'fine'))");
  realm.realm.cancel(id, reason);
  realm.realm.cancel(id, reason);
  assert.is((await failure(result)).message, reason.message);
  assert.is(await neighbour, "fine");
  assert.is(realm.replies.filter((reply) => reply === id).length, 1);
});

test("the running call's signal fires when it is cancelled", async () => {
  await using realm = new TestRealm();
  const result = realm.call(
    "() => new Promise(() => { globalThis[Symbol.for('bonfire.signal')]().addEventListener('abort', () => console.log('aborted')); })",
  );
  const id = realm.lastCall;
  // The bundle's first call waits for its code, which is asynchronous.
  await realm.call("() => 1");
  realm.realm.cancel(id, reason);
  await failure(result);
  assert.ok(realm.lines.some(({ text }) => text === "aborted"));
});

test("cancelling an unknown call does nothing", async () => {
  await using realm = new TestRealm();
  realm.realm.cancel(99, reason);
  assert.is(await realm.call("() => 1"), 1);
});

test.run();

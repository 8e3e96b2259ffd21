import { BonfireError } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { failure, TestRealm } from "./harness.ts";

const kind = "process";

test("a process realm runs the same bundles with everything that Node has", async () => {
  await using realm = new TestRealm({ kind });
  assert.is(await realm.call("(b) => captures[0] + b", { captures: [1], args: [2] }), 3);
  assert.ok((await realm.call("() => require('node:net').isIP('127.0.0.1')")) === 4);
  assert.is(
    await realm.call("async () => typeof (await importModule('node:worker_threads')).Worker"),
    "function",
  );
  assert.is((await failure(realm.call("() => { throw new RangeError('x'); }"))).name, "RangeError");
  assert.is((await failure(realm.call("() => Promise.reject(undefined)"))).message, "undefined was thrown");
});

test("deadlines, cancellation and log lines work as in an isolate", async () => {
  await using realm = new TestRealm({ kind });
  assert.is((await failure(realm.call("() => new Promise(() => {})", { budget: 30 }))).code, "CALL_TIMEOUT");
  const cancelled = realm.call("() => new Promise(() => {})");
  realm.realm.cancel(realm.lastCall, new BonfireError("CALL_CANCELLED", "Call was cancelled"));
  assert.is((await failure(cancelled)).code, "CALL_CANCELLED");
  await realm.call(
    "() => { console.warn('a', { b: 1 }); for (let i = 0; i < 100_000; i++) console.log('flood', i); }",
  );
  assert.equal(realm.lines[0], { call: realm.lastCall, level: "warn", text: "a { b: 1 }" });
  assert.ok(realm.lines.length < 10_000);
});

test("code that goes on after its call was ended costs the process, once no other call is in it", async () => {
  await using realm = new TestRealm({ kind });
  const other = realm.call("() => new Promise((resolve) => { globalThis.finish = resolve; })");
  const stray = realm.call("() => new Promise(() => {})");
  assert.not.ok(realm.realm.cancel(realm.lastCall, new BonfireError("CALL_CANCELLED", "enough")));
  await realm.call("() => new Promise((resolve) => setTimeout(resolve, 120))");
  assert.equal(realm.broken, [], "a call that is within its time comes first");
  await realm.call("() => globalThis.finish()");
  await other;
  assert.is((await failure(stray)).code, "CALL_CANCELLED");
  assert.equal(
    realm.broken.map(({ code }) => code),
    ["CELL_RESET"],
  );
});

test("code that ends when it is told to costs nothing", async () => {
  await using realm = new TestRealm({ kind });
  const ending = realm.call("() => new Promise((resolve) => { globalThis.finish = resolve; })");
  realm.realm.cancel(realm.lastCall, new BonfireError("CALL_CANCELLED", "enough"));
  await realm.call("() => globalThis.finish()");
  assert.is((await failure(ending)).code, "CALL_CANCELLED");
  await realm.call("() => new Promise((resolve) => setTimeout(resolve, 120))");
  assert.equal(realm.broken, []);
});

test.run();

import { test } from "uvu";
import * as assert from "uvu/assert";
import { failure, TestRealm } from "./harness.ts";

const budget = 400;
const OUT_OF_TIME =
  "Call exceeded its 400 ms deadline while it was running synchronous code: raise its deadline or split the work";

/** Fails `bomb`'s call with one of these codes, in time, and leaves a realm that works. */
async function defuse(
  bomb: string,
  codes: readonly string[],
  memoryMb = 64,
): Promise<Error & { code?: string }> {
  await using realm = new TestRealm({ memoryMb });
  await realm.call("() => 1");
  const began = performance.now();
  const error = await failure(realm.call(bomb, { budget }));
  assert.ok(performance.now() - began < 10_000);
  assert.ok(codes.includes(error.code ?? error.name), `${error.code ?? error.name}: ${error.message}`);
  assert.is(await realm.call("(a) => a + 1", { args: [1] }), 2);
  return error;
}

test("an endless loop", async () => {
  const error = await defuse("() => { while (true) {} }", ["CALL_TIMEOUT"]);
  assert.is(error.message, OUT_OF_TIME);
});

test("an endless loop of promises", () => defuse("async () => { for (;;) await null; }", ["CALL_TIMEOUT"]));
test("an endless loop after an await", () =>
  defuse("async () => { await null; while (true) {} }", ["CALL_TIMEOUT"]));
test("an endless loop in a timer", () =>
  defuse("() => new Promise(() => { setTimeout(() => { while (true) {} }, 5); })", ["CALL_TIMEOUT"]));
test("an endless loop after the host answered", () =>
  defuse("async () => { await crypto.subtle.digest('SHA-256', new Uint8Array(1)); while (true) {} }", [
    "CALL_TIMEOUT",
  ]));
test("an endless loop of ticks", () =>
  defuse("() => new Promise(() => { const again = () => process.nextTick(again); again(); })", [
    "CALL_TIMEOUT",
  ]));
test("an endless loop of immediates", () =>
  defuse("() => new Promise(() => { const again = () => setImmediate(again); again(); })", ["CALL_TIMEOUT"]));
test("a promise that never settles", () => defuse("() => new Promise(() => {})", ["CALL_TIMEOUT"]));
test("a regular expression that backtracks", () =>
  defuse("() => /^(a+)+$/.test('a'.repeat(60) + 'b')", ["CALL_TIMEOUT"]));
test("a thrown object whose stack loops", () =>
  defuse("() => { throw { get stack() { for (;;); } }; }", ["CALL_TIMEOUT", "VALUE_REFUSED"]));
test("a thrown error whose message loops", () =>
  defuse("() => { throw Object.defineProperty(new Error(), 'message', { get() { for (;;); } }); }", [
    "CALL_TIMEOUT",
    "VALUE_REFUSED",
  ]));
test("a result whose property loops", () =>
  defuse("() => ({ get a() { for (;;); } })", ["CALL_TIMEOUT", "VALUE_REFUSED"]));
test("a thenable whose then loops", () => defuse("() => ({ then() { for (;;); } })", ["CALL_TIMEOUT"]));
test("a bundle that loops while it loads", async () => {
  await using realm = new TestRealm();
  const { call, result } = realm.incoming(realm.code("() => { for (;;); }"), { budget });
  realm.run([call]);
  assert.is((await failure(result)).code, "CALL_TIMEOUT");
  assert.is(await realm.call("() => 1"), 1);
});

test("a bundle that loops while it loads resets the calls that wait, and the batch behind it still runs", async () => {
  await using realm = new TestRealm();
  await realm.call("() => 1");
  const waiting = realm.call("() => new Promise(() => {})");
  const hanging = realm.incoming(realm.code("() => { for (;;); }"), { budget });
  const behind = realm.incoming(realm.bundle(["() => 'behind'"]), { budget });
  realm.run([hanging.call, behind.call]);
  assert.is((await failure(hanging.result)).code, "CALL_TIMEOUT");
  assert.is((await failure(waiting)).code, "CELL_RESET");
  assert.is(await behind.result, "behind");
});

test("an array of objects that grows", async () => {
  const error = await defuse(
    "() => { const all = []; for (;;) all.push({ a: all.length, b: [1, 2, 3] }); }",
    ["MEMORY_LIMIT", "CALL_TIMEOUT"],
  );
  if (error.code === "MEMORY_LIMIT") assert.match(error.message, /64 MB/);
});
test("an array of typed arrays that grows", () =>
  defuse("() => { const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1)); }", ["MEMORY_LIMIT"]));
test("strings that double", () =>
  defuse("() => { let s = 'ab'; const all = []; for (;;) { all.push(s + all.length); s += s; } }", [
    "MEMORY_LIMIT",
    "CALL_TIMEOUT",
    "RangeError",
  ]));
test("an endless loop of synchronous host operations", () =>
  defuse("() => { for (;;) new URL('http://a.b/c'); }", ["CALL_TIMEOUT"]));
test("recursion without end", () => defuse("() => { const f = () => f() + 1; return f(); }", ["RangeError"]));

test("a call that hit the memory limit fails alone when it ran alone", async () => {
  await using realm = new TestRealm({ memoryMb: 32 });
  const error = await failure(
    realm.call("() => { const all = []; for (;;) all.push({ a: [all.length] }); }", { budget: 20_000 }),
  );
  assert.is(error.code, "MEMORY_LIMIT");
  assert.match(error.message, /32 MB/);
});

test("when a call is stopped, the calls behind it run on a new isolate and those that had begun are told", async () => {
  await using realm = new TestRealm();
  await realm.call("() => 1");
  const waiting = realm.call("() => new Promise(() => {})", { budget: 60_000 });
  const settled = await realm.batch([
    ["() => 'before'", { budget }],
    ["() => { console.log('about to hang'); while (true) {} }", { budget }],
    ["() => 'behind'", { budget }],
    ["async () => { await null; return 'async behind'; }", { budget }],
  ]);
  assert.equal(
    settled.map((one) => (one.status === "fulfilled" ? one.value : one.reason.code)),
    ["before", "CALL_TIMEOUT", "behind", "async behind"],
  );
  const reset = await failure(waiting);
  assert.is(reset.code, "CELL_RESET");
  assert.match(reset.message, /another call of the same cell exceeded its deadline/);
  assert.ok(realm.lines.some(({ text }) => text === "about to hang"));
});

test("calls without a deadline are not cut short by the deadlines of others", async () => {
  await using realm = new TestRealm();
  const busy = "(ms) => { const end = Date.now() + ms; while (Date.now() < end); return 'done'; }";
  const settled = await realm.batch([
    [busy, { args: [300] }],
    ["() => 1", { budget: 100 }],
    [busy, { args: [200], budget: 1000 }],
  ]);
  assert.equal(
    settled.map(({ status }) => status),
    ["fulfilled", "fulfilled", "fulfilled"],
  );
});

test("a hanging bomb does not make later bombs slower", async () => {
  await using realm = new TestRealm();
  const began = performance.now();
  for (let i = 0; i < 5; i++) await failure(realm.call("() => { while (true) {} }", { budget: 50 }));
  assert.ok(performance.now() - began < 2000);
});

test.run();

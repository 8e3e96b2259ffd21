import { test } from "uvu";
import * as assert from "uvu/assert";
import { TestRealm } from "./harness.ts";

test("lines are formatted inside and carry their call and level", async () => {
  await using realm = new TestRealm();
  await realm.call(
    "() => { console.log('%s has %d', 'a', 1, { b: [2] }); console.warn('w'); console.error(new Map([[1, 2]])); console.debug('d'); console.info('i'); console.table([{ x: 1 }]); console.group('g'); console.log('in'); console.groupEnd(); }",
  );
  const call = realm.lastCall;
  assert.ok(realm.lines.every((line) => line.call === call));
  assert.equal(
    realm.lines.map(({ level, text }) => [level, text]).filter(([, text]) => !text!.includes("─")),
    [
      ["log", "a has 1 { b: [ 2 ] }"],
      ["warn", "w"],
      ["error", "Map(1) { 1 => 2 }"],
      ["debug", "d"],
      ["info", "i"],
      ["log", "g"],
      ["log", "  in"],
    ],
  );
});

test("lines of calls that interleave are told apart, by the console of a call and by the global one", async () => {
  await using realm = new TestRealm();
  const source =
    "async (name) => { for (let i = 0; i < 3; i++) { await new Promise((done) => setTimeout(done, 3)); console.log(name); globalThis.console.log(name); } }";
  await Promise.all(["a", "b"].map((name) => realm.call(source, { args: [name] })));
  const callOf = new Map([
    ["a", 1],
    ["b", 2],
  ]);
  assert.is(realm.lines.length, 12);
  for (const { call, text } of realm.lines) assert.is(call, callOf.get(text));
});

test("a flood is cut, counted, and harms nothing", async () => {
  await using realm = new TestRealm();
  const source =
    "() => { for (let i = 0; i < 200_000; i++) console.log('line', i, 'x'.repeat(100)); return 'done'; }";
  assert.is(await realm.call(source, { budget: 20_000 }), "done");
  const dropped = Number(/^(\d+) log lines were dropped/.exec(realm.lines.at(-1)!.text)![1]);
  assert.is(dropped + realm.lines.length - 1, 200_000);
  assert.ok(realm.lines.length < 2000);
  await realm.call("() => console.log('after')");
  assert.is(realm.lines.at(-1)!.text, "after");
});

test("a line too long is cut", async () => {
  await using realm = new TestRealm();
  await realm.call("() => console.log('y'.repeat(1e6))");
  assert.match(realm.lines[0]!.text, /y… \(1000000 characters\)$/);
});

test.run();

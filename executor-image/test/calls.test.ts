import { test } from "uvu";
import * as assert from "uvu/assert";
import { failure, TestRealm } from "./harness.ts";

test("a call gets its captures and arguments and gives its result", async () => {
  await using realm = new TestRealm();
  assert.is(await realm.call("(b) => captures[0] + b", { captures: [40], args: [2] }), 42);
  assert.equal(
    await realm.call("async (m) => { await null; return new Map([...m, [2, new Date(5)]]); }", {
      args: [new Map([[1, 2]])],
    }),
    new Map<number, unknown>([
      [1, 2],
      [2, new Date(5)],
    ]),
  );
  assert.is(await realm.call("() => undefined"), undefined);
});

test("calls of one tick enter together and are each answered once", async () => {
  await using realm = new TestRealm();
  const bundle = realm.bundle([
    "(a) => a * 2",
    "async (a) => { await null; return a * 3; }",
    "() => { throw new TypeError('no'); }",
  ]);
  await realm.call("() => 1");
  const incoming = Array.from({ length: 300 }, (_, i) => realm.incoming(bundle, { args: [i] }, i % 3));
  realm.run(incoming.map(({ call }) => call));
  const settled = await Promise.allSettled(incoming.map(({ result }) => result));
  settled.forEach((one, i) => {
    if (i % 3 === 2) assert.is((one as PromiseRejectedResult).reason.name, "TypeError");
    else assert.is((one as PromiseFulfilledResult<unknown>).value, i * (2 + (i % 3)));
  });
  assert.is(new Set(realm.replies).size, realm.replies.length);
});

test("errors come back as themselves, with a stack that names the bundle", async () => {
  await using realm = new TestRealm();
  const error = await failure(
    realm.call(
      "() => { throw Object.assign(new RangeError('too far', { cause: new Error('inner') }), { code: 'E_FAR', at: 3 }); }",
    ),
  );
  assert.instance(error, RangeError);
  assert.is(error.message, "too far");
  assert.is(error.code, "E_FAR");
  assert.is((error.cause as Error).message, "inner");
  assert.match(String(error.stack), /bonfire:0000000000000001:2/);
});

test("what cannot travel is refused with its path", async () => {
  await using realm = new TestRealm();
  const error = await failure(realm.call("() => ({ items: [1, { later: Promise.resolve(1) }] })"));
  assert.is(error.code, "VALUE_REFUSED");
  assert.match(error.message, /result\.items\[1\]\.later/);
});

test("throwing nothing is still an error", async () => {
  await using realm = new TestRealm();
  assert.match((await failure(realm.call("() => { throw undefined; }"))).message, /undefined was thrown/);
});

test("a bundle's module state is kept between calls, and its code runs once", async () => {
  await using realm = new TestRealm();
  const bundle = realm.bundle(["() => ++count"], "let count = 0; console.log('loading');");
  for (const expected of [1, 2, 3]) {
    const { call, result } = realm.incoming(bundle);
    realm.run([call]);
    assert.is(await result, expected);
  }
  assert.equal(
    realm.lines.map(({ text }) => text),
    ["loading"],
  );
});

test("a bundle that does not compile or throws while loading fails its calls with the reason", async () => {
  await using realm = new TestRealm();
  const incoming = [
    realm.incoming(realm.code("(] not code")),
    realm.incoming(realm.code("() => { throw new Error('at load'); }")),
  ];
  realm.run(incoming.map(({ call }) => call));
  assert.is((await failure(incoming[0]!.result)).code, "BUNDLE_BROKEN");
  assert.is((await failure(incoming[1]!.result)).message, "at load");
});

test("instances of a bundle's classes travel both ways", async () => {
  await using realm = new TestRealm();
  const bundle =
    realm.code(`() => { class Point { constructor(x) { this.x = x; } double() { return this.x * 2; } }
    return { sites: [() => (x) => new Point(x), () => (p) => p.double()], classes: { "a.ts#Point": Point } }; }`);
  const { call, result } = realm.incoming(bundle, { args: [4] });
  realm.run([call]);
  assert.is(((await result) as { x: number }).x, 4);
});

test("a closure of another bundle among the arguments has that bundle loaded", async () => {
  await using realm = new TestRealm();
  const other = "(async () => ({ sites: [(captures) => () => captures[0] * 2], classes: {} }))";
  realm.code(other);
  const hash = "1".padStart(16, "0");
  const reference = () =>
    ({ kind: "closure", hash, site: 0, names: ["n"], captures: [21], own: [] }) as const;
  const { call, result } = realm.incoming(realm.bundle(["(f) => f()"]), {
    args: [() => 42],
    encoding: { reference },
  });
  realm.run([call]);
  assert.is(await result, 42);
});

test("100 MB go in and come out with a limit of 512 MB", async () => {
  await using realm = new TestRealm({ memoryMb: 512 });
  const bytes = new Uint8Array(100_000_000);
  bytes[99_999_999] = 7;
  const back = (await realm.call("(bytes) => { bytes[0] = 9; return bytes; }", {
    args: [bytes],
  })) as Uint8Array;
  assert.is(back.length, 100_000_000);
  assert.equal([back[0], back[99_999_999]], [9, 7]);
});

test("results between the sizes of a record and the outbox come in order and whole", async () => {
  await using realm = new TestRealm();
  const sizes = [10, 400_000, 400_000, 400_000, 600_000, 2_000_000, 10];
  const settled = await realm.batch(sizes.map((size) => [`() => "x".repeat(${size})`] as const));
  assert.equal(
    settled.map((one) => (one as PromiseFulfilledResult<string>).value.length),
    sizes,
  );
});

test("long strings in every alphabet survive both ways", async () => {
  await using realm = new TestRealm();
  const text = "héllo€😀".repeat(40_000);
  assert.is(await realm.call("(text) => text", { args: [text] }), text);
});

test("timers, microtasks and ticks run in Node's order", async () => {
  await using realm = new TestRealm();
  const order = await realm.call(`async () => {
    const order = [];
    await new Promise((done) => {
      setTimeout(() => { order.push("timeout"); done(); }, 5);
      setImmediate(() => order.push("immediate"));
      Promise.resolve().then(() => order.push("promise"));
      process.nextTick(() => order.push("tick"));
      order.push("now");
    });
    return order;
  }`);
  assert.equal(order, ["now", "tick", "promise", "immediate", "timeout"]);
});

test("timers/promises and intervals work", async () => {
  await using realm = new TestRealm();
  const count = await realm.call(`async () => {
    const { setTimeout: sleep } = require("node:timers/promises");
    let count = 0;
    const interval = setInterval(() => count++, 2);
    await sleep(30);
    clearInterval(interval);
    return count;
  }`);
  assert.ok((count as number) >= 3);
});

test("an error that a timer throws fails the call it belongs to", async () => {
  await using realm = new TestRealm();
  const error = await failure(
    realm.call("() => new Promise(() => { setTimeout(() => { throw new Error('from a timer'); }, 1); })"),
  );
  assert.is(error.message, "from a timer");
});

test("a rejection that nobody handles is logged and harms no call", async () => {
  await using realm = new TestRealm();
  assert.is(await realm.call("() => { void Promise.reject(new Error('lost')); return 1; }"), 1);
  assert.match(realm.lines[0]!.text, /^Unhandled rejection: Error: lost/);
});

test("the web's interfaces are there", async () => {
  await using realm = new TestRealm();
  const result = await realm.call(`async () => {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode("abc")));
    const wasm = await WebAssembly.instantiate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
    const blob = await new Blob(["ab", new Uint8Array([99])]).text();
    const text = await new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("streamed")); c.close(); } })).text();
    return [hash[0], typeof wasm.instance, blob, text, crypto.randomUUID().length, crypto.getRandomValues(new Uint8Array(4)).length,
      new Headers({ A: "b" }).get("a"), structuredClone({ d: new Date(3) }).d.getTime(), performance.now() > 0, btoa("hi"),
      require("zlib").gunzipSync(require("zlib").gzipSync("squeeze")).toString(), require("crypto").createHash("md5").update("a").digest("hex")];
  }`);
  assert.equal(result, [
    186,
    "object",
    "abc",
    "streamed",
    36,
    4,
    "b",
    3,
    true,
    "aGk=",
    "squeeze",
    "0cc175b9c0f1b6a831c399e269772661",
  ]);
});

test("environment variables show by grant only", async () => {
  process.env.BONFIRE_TEST_SHOWN = "yes";
  process.env.BONFIRE_TEST_HIDDEN = "no";
  await using realm = new TestRealm({ grants: { env: ["BONFIRE_TEST_SHOWN"] } });
  assert.equal(await realm.call("() => ({ ...process.env })"), { BONFIRE_TEST_SHOWN: "yes" });
});

test("a refused import names the grant to add", async () => {
  await using realm = new TestRealm();
  const files = await failure(realm.call("() => require('node:fs').readFileSync('/etc/passwd')"));
  assert.is(files.code, "GRANT_MISSING");
  assert.is(
    files.message,
    'Cannot import "node:fs" as this pool grants no files: add grants: { files: true } to the pool',
  );
  const net = await failure(realm.call("async () => importModule('node:net')"));
  assert.match(net.message, /realm: "process"/);
  assert.match(
    (await failure(realm.call("() => fetch('http://example.com')"))).message,
    /grants: \{ fetch: \["host"\] \}/,
  );
});

test("nothing of the host's leaks into the globals", async () => {
  await using realm = new TestRealm();
  const found = await realm.call(
    "() => [typeof hostBridge, typeof nodeLibrary, typeof ivm, typeof process.binding, globalThis.constructor.name]",
  );
  assert.equal(found, ["undefined", "undefined", "undefined", "function", "Object"]);
  assert.is((await failure(realm.call("() => process.exit(1)"))).code, "GRANT_MISSING");
});

test("closing drops what runs and is idempotent", async () => {
  const realm = new TestRealm();
  void realm.call("() => new Promise(() => setInterval(() => {}, 1))").catch(() => {});
  await realm.realm.close();
  await realm[Symbol.asyncDispose]();
  assert.equal(realm.replies, []);
});

test.run();

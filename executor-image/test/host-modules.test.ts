import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { permitted, readMember } from "../src/grants/host-members.ts";
import { addModel } from "./fixtures/onnx-model.ts";
import { failure, TestRealm } from "./harness.ts";

/** A project with a package of its own, as an executor's working directory. */
const directory = mkdtempSync(join(tmpdir(), "bonfire-project-"));
mkdirSync(join(directory, "node_modules"));
symlinkSync(join(import.meta.dirname, "fixtures/host-things"), join(directory, "node_modules/host-things"));
test.after(() => rmSync(directory, { recursive: true }));

const native = () => new TestRealm({ grants: { hostModules: ["sharp", "onnxruntime-node"] } });
const open = () => new TestRealm({ grants: { hostModules: ["host-things"] }, directory });
const RED = "{ create: { width: 8, height: 6, channels: 3, background: 'red' } }";

test("a chain of calls on a host module needs one await: sharp resizes an image", async () => {
  await using realm = native();
  const png = await realm.call(`async () => require("sharp")(${RED}).png().toBuffer()`);
  assert.instance(png, Buffer);
  const result = await realm.call(
    `async (png) => {
      const { default: sharp } = await importModule("sharp");
      const small = await sharp(png).resize(4).raw().toBuffer({ resolveWithObject: true });
      return [Buffer.isBuffer(small.data), [...small.data.subarray(0, 3)], small.info.width, small.info.height];
    }`,
    { args: [png] },
  );
  assert.equal(result, [true, [255, 0, 0], 4, 3]);
});

test("classes, typed arrays and properties work: onnxruntime adds two vectors", async () => {
  await using realm = native();
  const result = await realm.call(
    `async (model) => {
      const { InferenceSession, Tensor } = require("onnxruntime-node");
      const vector = (...values) => new Tensor("float32", Float32Array.from(values), [values.length]);
      const session = InferenceSession.create(model);
      const { sum } = await session.run({ a: vector(1, 2, 3), b: vector(10, 20, 30) });
      return [await sum.data, await sum.dims, await session.inputNames];
    }`,
    { args: [addModel(3)] },
  );
  assert.equal(result, [Float32Array.of(11, 22, 33), [3], ["a", "b"]]);
});

test("data crosses by value, with its types, cycles and errors", async () => {
  await using realm = open();
  const result = (await realm.call(`async () => {
    const things = require("host-things");
    const data = {
      list: [1, "a", null, undefined, -0, NaN, 2n ** 70n], map: new Map([[{ k: 1 }, new Set([1])]]), at: new Date(5),
      pattern: /a+/gi, error: Object.assign(new RangeError("r"), { code: "R" }), bytes: new Uint16Array([1, 65535]),
      view: new DataView(new ArrayBuffer(3)), none: new Uint8Array(0), buffer: Buffer.from("hi"), ["__proto__"]: 7,
    };
    data.self = data;
    const back = await things.same(data);
    return [back.self === back, back.list, [...back.map][0][0].k, [...back.map][0][1].has(1), back.at.getTime(),
      String(back.pattern), back.error instanceof RangeError && back.error.code, back.bytes, back.view.byteLength,
      back.none.length, back.buffer.toString(), Object.hasOwn(back, "__proto__")];
  }`)) as unknown[];
  assert.equal(result, [
    true,
    [1, "a", null, undefined, -0, Number.NaN, 2n ** 70n],
    1,
    true,
    5,
    "/a+/gi",
    "R",
    Uint16Array.of(1, 65535),
    3,
    0,
    "hi",
    true,
  ]);
  assert.ok(Object.is((result[1] as number[])[4], -0));
});

test("a large array crosses as bytes both ways", async () => {
  await using realm = open();
  const result = await realm.call(`async () => {
    const { same } = require("host-things");
    const [floats, bytes] = await same([new Float64Array(500_000).fill(1.5), new Uint8Array(3_000_001).fill(7)]);
    return [floats.length, floats.at(-1), bytes.length, bytes.at(-1)];
  }`);
  assert.equal(result, [500_000, 1.5, 3_000_001, 7]);
});

test("the host's memory is never the sandbox's: each side has bytes of its own", async () => {
  await using realm = open();
  const result = await realm.call(`async () => {
    const { Keeper } = require("host-things");
    const mine = new Uint8Array([1, 2, 3]);
    const keeper = new Keeper(mine);
    const theirs = await keeper.value;
    mine[0] = theirs[1] = 99;
    return [await keeper.value, theirs.buffer instanceof SharedArrayBuffer];
  }`);
  assert.equal(result, [Uint8Array.of(1, 2, 3), false]);
});

test("functions of the guest are called back, and what they return is awaited", async () => {
  await using realm = open();
  const result = await realm.call(`async () => {
    const { each, Emitter } = require("host-things");
    const seen = [];
    const doubled = await each([1, 2, 3], async (n) => { seen.push(n); return n * 2; });
    const emitter = new Emitter();
    const heard = new Promise((resolve) => emitter.on("news", (text, bytes) => resolve([text, bytes])));
    await emitter.emit("news", "hello", new Uint8Array([4]));
    return [doubled, seen, await heard];
  }`);
  assert.equal(result, [
    [2, 4, 6],
    [1, 2, 3],
    ["hello", Uint8Array.of(4)],
  ]);
});

test("an error of the module keeps its name, message and code; one in a callback reaches the module", async () => {
  await using realm = open();
  const error = await failure(realm.call(`() => require("host-things").fail("no luck", "E_LUCK")`));
  assert.equal([error.name, error.message, error.code], ["TypeError", "no luck", "E_LUCK"]);
  const thrown = await failure(
    realm.call(
      `() => require("host-things").each([1], () => { throw Object.assign(new Error("mine"), { code: "M" }); })`,
    ),
  );
  assert.equal([thrown.message, thrown.code], ["mine", "M"]);
  const odd = await failure(
    realm.call(
      `() => require("host-things").each([1], () => { throw Object.assign(new RangeError("odd"), { own: new (class Own {})() }); })`,
      { budget: 10_000 },
    ),
  );
  assert.equal([odd.name, odd.message], ["RangeError", "odd"]);
});

test("an error that nothing awaits is a log line of the call", async () => {
  await using realm = open();
  await realm.call(`async () => { const t = require("host-things"); t.fail("lost", "L"); await t.same(1); }`);
  assert.equal(realm.lines, [
    { call: 1, level: "error", text: "Unhandled error of a host module: TypeError: lost" },
  ]);
});

test("what can be iterated there can be iterated here, and breaking off ends it there", async () => {
  await using realm = open();
  const result = await realm.call(`async () => {
    const { count, counts } = require("host-things");
    const all = [];
    for await (const n of count(3)) all.push(n);
    for await (const n of count(100)) if (n === 2) break;
    return [all, await counts.ended];
  }`);
  assert.equal(result, [[0, 1, 2], 2]);
});

test("a property may be set, and a promised object used before it is there", async () => {
  await using realm = open();
  const result = await realm.call(`async () => {
    const { later, same, Keeper } = require("host-things");
    const keeper = new Keeper(1);
    keeper.value = 2;
    const promised = later({ deep: { twice: 21 } });
    return [await keeper.value, await promised.then((o) => o.deep.twice), await same(later(5)), await later(keeper).value];
  }`);
  assert.equal(result, [2, 21, 5, 2]);
});

test("dispose ends an object in its own way and lets go of it", async () => {
  await using realm = open();
  const result = await realm.call(`async () => {
    const { Resource, counts } = require("host-things");
    { await using one = new Resource(); await one.use(); }
    const two = await new Resource().self();
    two[Symbol.dispose]();
    const error = await two.use().then(() => undefined, (error) => error);
    return [await counts.disposed, error.code];
  }`);
  assert.equal(result, [2, "HOST_OBJECT_GONE"]);
});

test("objects are let go of when their call ends", async () => {
  await using realm = open();
  await realm.call(`async () => { globalThis.kept = await new (require("host-things").Keeper)(1); }`);
  // The isolate is put back for the next call at the end of the turn.
  await new Promise(setImmediate);
  const error = await failure(realm.call("async () => globalThis.kept.value"));
  assert.is(error.code, "HOST_OBJECT_GONE");
});

test("the number of objects that one call keeps is bounded", async () => {
  await using realm = open();
  const error = await failure(
    realm.call(`async () => {
      const { Keeper } = require("host-things");
      const all = Array.from({ length: 10_001 }, (_, n) => new Keeper(n));
      await all.at(-1).value;
    }`),
  );
  assert.is(error.code, "HOST_OBJECT_LIMIT");
  assert.match(error.message, /10000 objects .* Symbol\.dispose/);
  const plain = await realm.call(`async () => {
    const { same } = require("host-things");
    let sum = 0;
    for (let i = 0; i < 300; i++) for (const n of await Promise.all(Array.from({ length: 40 }, () => same(1)))) sum += n;
    return sum;
  }`);
  assert.is(plain, 12_000);
});

test("nothing leads from an object of a host module to the host's realm", async () => {
  await using realm = open();
  const paths = [
    "things.constructor",
    "things.same.constructor",
    "things.same.call",
    "things.same.bind",
    "things.same.prototype",
    "things.__proto__",
    "new things.Keeper(1).constructor",
    "new things.Keeper(1).__proto__",
    "new things.Keeper(1).hasOwnProperty",
    "new things.Keeper(1).__lookupGetter__",
    "things.later([]).constructor",
    "Object.getPrototypeOf(things).constructor.constructor('return this')().process.mainModule",
  ];
  for (const path of paths) {
    assert.is(
      await realm.call(`async () => { const things = require("host-things"); return ${path}; }`),
      undefined,
      path,
    );
  }
  for (const leak of ["process", "global", "Function", "AsyncFunction", "eval", "Reflect"]) {
    const error = await failure(
      realm.call(
        `async () => { const { leaks } = require("host-things"); return void await leaks.${leak}; }`,
      ),
    );
    assert.match(error.message, /leads to the whole executor/, leak);
  }
  // The guest's own proxies never ask for these, but a guest that got at their channel might.
  for (const key of ["constructor", "prototype", "__proto__", "call", "__lookupGetter__", "caller"]) {
    assert.is(readMember(class {}, key), undefined, key);
    assert.is(readMember({}, key), undefined, key);
  }
  assert.throws(() => permitted(Function.prototype), /leads to the whole executor/);
});

test("what is no data cannot be passed to a host module, and says what can", async () => {
  await using realm = open();
  const error = await failure(realm.call(`() => require("host-things").same({ a: [new (class Own {})()] })`));
  assert.is(error.code, "VALUE_REFUSED");
  assert.match(error.message, /^Cannot pass a Own to a host module as only plain data/);
});

test("a package that is not granted, or not there, is refused with what to do", async () => {
  await using realm = open();
  const ungranted = await failure(realm.call(`() => require("esbuild")`));
  assert.is(ungranted.code, "GRANT_MISSING");
  assert.match(ungranted.message, /add grants: \{ hostModules: \["esbuild"\] \} to the pool/);
  await using other = new TestRealm({ grants: { hostModules: ["no-such-package"] } });
  const absent = await failure(other.call(`async () => require("no-such-package").x()`));
  assert.is(absent.code, "HOST_MODULE_FAILED");
  assert.match(absent.message, /Cannot load host module "no-such-package" from /);
});

test("a process realm imports such packages directly, from the executor's directory", async () => {
  await using realm = new TestRealm({ kind: "process" });
  const result = await realm.call(`async () => {
    const { default: sharp } = await importModule("sharp");
    const direct = sharp(${RED});
    return [direct instanceof require("node:stream").Duplex, (await direct.metadata()).width];
  }`);
  assert.equal(result, [true, 8]);
});

test.run();

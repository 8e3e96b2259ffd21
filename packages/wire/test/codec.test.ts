/** Every value that the codec carries is itself again: in Node, and after a passage through a bare isolate. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { runInThisContext } from "node:vm";
import { BonfireError, decode, encode, Refusal, shippedClasses } from "@bonfire/wire";
import { build } from "esbuild";
import type ivmTypes from "isolated-vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cases } from "./values.ts";

const ivm = createRequire(import.meta.url)("isolated-vm") as typeof ivmTypes;

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(import.meta.resolve("@bonfire/wire"))],
  bundle: true,
  write: false,
  format: "iife",
  globalName: "wire",
  platform: "neutral",
});
const isolate = new ivm.Isolate({ memoryLimit: 256 });
const context = isolate.createContextSync();
context.evalSync(outputFiles[0]!.text);

/** Decode inside the isolate, ask `holds` there, encode the value again. */
function passThroughIsolate(bytes: Uint8Array, holds: string): { held: boolean; bytes: Uint8Array } {
  const [held, back] = context.evalClosureSync(
    `const value = wire.decode(new Uint8Array($0)); const held = (${holds})(value); return [held, wire.encode(value).buffer];`,
    [new Uint8Array(bytes).buffer],
    { arguments: { copy: true }, result: { copy: true } },
  ) as [boolean, ArrayBuffer];
  return { held, bytes: new Uint8Array(back) };
}

for (const { name, make, holds, inIsolate } of cases) {
  const check = runInThisContext(holds) as (value: unknown) => boolean;
  test(`${name} survive`, () => {
    assert.ok(check(make()), "the check holds for the original");
    assert.ok(check(decode(encode(make()))));
  });
  if (inIsolate === false) continue;
  test(`${name} survive a passage through an isolate`, () => {
    const passage = passThroughIsolate(encode(make()), holds);
    assert.ok(passage.held, "inside");
    assert.ok(check(decode(passage.bytes)), "after");
  });
}

test("undefined takes no bytes", () => {
  assert.is(encode(undefined).length, 0);
  assert.is(decode(new Uint8Array(0)), undefined);
});

test("what is decoded has memory of its own", () => {
  const bytes = encode([new Uint8Array([1, 2, 3])]);
  const [copy] = decode(bytes) as [Uint8Array];
  bytes.fill(0);
  assert.equal([...copy], [1, 2, 3]);
  assert.is(copy.buffer.byteLength, 3);
});

test("a Buffer stays a Buffer where there are Buffers", () => {
  assert.ok(Buffer.isBuffer(decode(encode(Buffer.from("hello")))));
});

test("a small Buffer does not take its neighbours in node's pool along", () => {
  assert.ok(encode(Buffer.from("secret").subarray(1, 2)).length < 20);
});

const moduleOf = await import("./values.ts");

const refusals: [name: string, make: () => unknown, pattern: RegExp][] = [
  [
    "a promise",
    () => ({ items: [1, Promise.resolve(1)] }),
    /"result\.items\[1\]" as it is a Promise: await it first/,
  ],
  ["a function", () => ({ on: { click: () => 1 } }), /"result\.on\.click" as it is a function/],
  ["a native function", () => [Math.max], /"result\[0\]" as it is a function/],
  [
    "a getter",
    () => ({
      get secret() {
        return 1;
      },
    }),
    /"result\.secret" as it is a function/,
  ],
  ["a weak map", () => ({ cache: new WeakMap() }), /"result\.cache" as it is a WeakMap/],
  ["a weak set", () => new WeakSet(), /"result" as it is a WeakSet/],
  ["a weak reference", () => new WeakRef({}), /"result" as it is a WeakRef/],
  [
    "a running generator",
    () =>
      (function* () {
        yield 1;
      })(),
    /"result" as it is a generator/,
  ],
  ["an iterator", () => [1].values(), /"result" as it is a live Array Iterator/],
  ["a stream", () => ({ out: process.stdout }), /"result\.out" as it is a Node stream/],
  [
    "an instance of an unknown class",
    () => ({ point: new (class Point {})() }),
    /"result\.point" as it is a Point: return a plain object/,
  ],
  ["a shared buffer", () => new Uint8Array(new SharedArrayBuffer(1)), /shares its memory/],
  [
    "a detached buffer",
    () => {
      const memory = new ArrayBuffer(1);
      structuredClone(memory, { transfer: [memory] });
      return memory;
    },
    /detached/,
  ],
  ["a value in a map", () => new Map([["key", Promise.resolve()]]), /"result\("key"\)" as it is a Promise/],
  ["a module", () => ({ path: moduleOf }), /"result\.path" as it is a whole module/],
];
for (const [name, make, pattern] of refusals) {
  test(`${name} is refused with its path`, () => {
    try {
      encode(make(), { root: "result" });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, BonfireError);
      assert.is((error as BonfireError).code, "VALUE_REFUSED");
      assert.match((error as BonfireError).message, pattern);
    }
  });
}

test("a proxy is refused where the realm can tell", () => {
  const proxy = new Proxy({}, {});
  assert.throws(
    () => encode([proxy], { isProxy: (value) => value === proxy }),
    /"value\[0\]" as it is a Proxy/,
  );
});

test("a structure that is nested too deeply is refused and not a crash", () => {
  let deep: unknown = 0;
  for (let level = 0; level < 200_000; level++) deep = [deep];
  assert.throws(
    () => encode(deep),
    (error: BonfireError) => error.code === "VALUE_REFUSED",
  );
});

test("bytes that are no value are an error, however they are cut or changed", () => {
  const bytes = encode({
    list: [1, "two", new Map([[{}, new Error("x")]])],
    view: new Uint8Array(40),
    date: new Date(0),
  });
  for (let length = 1; length < bytes.length; length++) assert.throws(() => decode(bytes.slice(0, length)));
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0xff, 0xcb, 0xdf, 0xca, 0x7f]) {
      const changed = bytes.slice();
      changed[at] = value;
      try {
        decode(changed);
      } catch (error) {
        assert.instance(error, Error);
      }
    }
  }
});

test("a short message cannot ask for much memory", () => {
  // An array of 2^40 elements.
  assert.throws(
    () => decode(new Uint8Array([0xcb, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20])),
    /its bytes end too early/,
  );
});

test("code is not received where no bundles are", () => {
  const reference = () =>
    ({ kind: "source", text: "() => 1", form: 0, names: [], values: [], at: "a.ts:1:1" }) as const;
  assert.throws(() => decode(encode([() => 1], { reference })), /Cannot receive/);
  assert.throws(() => decode(encode([Math.max], { reference })), /Cannot receive/);
});

class Circle {
  radius: number;
  constructor(radius: number) {
    this.radius = radius;
  }
}
const shapes = { sites: [], classes: { "shape.ts#Circle": Circle as never } };
const modules = new Map([["0123456789abcdef", shapes]]);

test("an instance of a shipped class is one again", () => {
  const bytes = encode([new Circle(2)], { reference: shippedClasses(modules) });
  const [circle] = decode(bytes, { module: (hash) => modules.get(hash)! }) as [Circle];
  assert.instance(circle, Circle);
  assert.is(circle.radius, 2);
});

test("it is an instance of the receiver's own class of that key", () => {
  const bytes = encode(new Circle(2), { reference: shippedClasses(modules) });
  assert.instance(
    decode(bytes, { class: (key) => (key === "shape.ts#Circle" ? (Circle as never) : undefined) }),
    Circle,
  );
});

test("the place of every hash is told", () => {
  const places: number[] = [];
  const value = [new Uint8Array(50_000), new Circle(1)];
  const bytes = encode(value, {
    reference: shippedClasses(modules),
    hashAt: (offset) => places.push(offset),
  });
  assert.is(places.length, 1);
  assert.is(String.fromCharCode(...bytes.subarray(places[0]!, places[0]! + 16)), "0123456789abcdef");
});

test("functions by their text call each other and the data that holds them", () => {
  const api: Record<string, unknown> = { base: 10 };
  const double = (x: number) => x * 2;
  api.run = double;
  const reference = (value: object) => {
    if (value === double) {
      return {
        kind: "source",
        text: "(x) => api.base + x * 2",
        form: 0,
        names: ["api"],
        values: [api],
        at: "a.ts:1:1",
      } as const;
    }
    return undefined;
  };
  const copy = decode(encode(api, { reference }), { module: (hash) => modules.get(hash)! }) as typeof api;
  copy.base = 100;
  assert.is((copy.run as typeof double)(1), 102);
});

test("a reference hook may refuse with a reason", () => {
  const reference = () => {
    throw new Refusal("is not to be sent");
  };
  assert.throws(
    () => encode({ a: [() => 1] }, { reference, root: "it" }),
    /Cannot send "it\.a\[0\]" as it is not to be sent/,
  );
});

test("encoding within a reference hook does not disturb the message", () => {
  const reference = (value: object) => {
    encode({ other: [1, 2, 3] });
    return shippedClasses(modules)(value);
  };
  const copy = decode(encode([{ a: 1 }, new Circle(3), { a: 2 }], { reference }), {
    module: (hash) => modules.get(hash)!,
  });
  assert.equal(JSON.stringify(copy), '[{"a":1},{"radius":3},{"a":2}]');
});

test.after(() => isolate.dispose());
test.run();

/** Values that are captured, and come back as they were. */
import type { Pool } from "@bonfire/runtime";
import type { Group, Row } from "../row.ts";

/** A row whose closure gives back what it captured, with what it sees of it there. */
function value(
  id: string,
  says: string,
  make: () => unknown,
  see: (value: any) => unknown = () => null,
): Row {
  return {
    id: `value-${id}`,
    says,
    call: (pool: Pool) => {
      const captured = make();
      return pool.call(() => [captured, see(captured)]);
    },
  };
}

export const valuesOut: Group = {
  title: "Captured values",
  rows: [
    value("numbers", "numbers: integers, fractions, the largest and the least", () => [
      0,
      1,
      -1,
      127,
      128,
      2 ** 31,
      -(2 ** 31),
      2 ** 53,
      0.1,
      1e308,
      5e-324,
    ]),
    value(
      "special-numbers",
      "`-0`, `NaN` and the infinities",
      () => [-0, NaN, Infinity, -Infinity],
      ([zero]) => Object.is(zero, -0),
    ),
    value("strings", "strings: empty, long, of all scripts", () => [
      "",
      "a",
      "x".repeat(5000),
      "żółć",
      "日本語",
      "👩‍👩‍👧",
      "\u0000\u001f\u2028",
    ]),
    value(
      "lone-surrogate",
      "strings with a lone surrogate",
      () => ["\ud800", "a\udc00b"],
      ([one]) => one.length,
    ),
    value("booleans", "booleans, `null` and `undefined`", () => [true, false, null, undefined]),
    value(
      "bigint",
      "bigints of any size",
      () => [0n, -1n, 2n ** 63n, -(2n ** 64n), 2n ** 500n],
      (list) => typeof list[4],
    ),
    value(
      "symbol-well-known",
      "well-known symbols",
      () => [Symbol.iterator, Symbol.asyncIterator],
      ([one]) => one === Symbol.iterator,
    ),
    value(
      "symbol-registered",
      "registered symbols",
      () => [Symbol.for("conformance")],
      ([one]) => one === Symbol.for("conformance"),
    ),
    value(
      "symbol-unique",
      "unique symbols, whose identity lasts within a message",
      () => {
        const key = Symbol("mine");
        return { key, again: key, other: Symbol("mine"), keyed: { [key]: 1 } };
      },
      ({ key, again, other, keyed }) => [key === again, key === other, keyed[key]],
    ),
    value(
      "symbol-without-description",
      "a symbol without a description",
      () => Symbol(),
      (one) => one.description,
    ),
    value("object", "plain objects, nested", () => ({
      a: { b: { c: [1, { d: 2 }] } },
      "a key": 1,
      7: "seven",
    })),
    value(
      "object-order",
      "the order of keys",
      () => ({ z: 1, a: 2, m: 3, 2: "two", 1: "one" }),
      (one) => Object.keys(one),
    ),
    value(
      "object-undefined",
      "properties that are `undefined`",
      () => ({ a: undefined }),
      (one) => "a" in one,
    ),
    value(
      "object-proto-key",
      "a key called `__proto__`",
      () => JSON.parse('{ "__proto__": { "x": 1 }, "constructor": 2 }'),
      (one) => [Object.keys(one), one.x],
    ),
    value(
      "object-symbol-keys",
      "symbol keys",
      () => ({ [Symbol.for("k")]: 1, [Symbol.toStringTag]: "Tagged" }),
      (one) => [one[Symbol.for("k")], String(one)],
    ),
    value(
      "object-null-prototype",
      "objects without a prototype",
      () => Object.assign(Object.create(null), { a: 1 }),
      (one) => Object.getPrototypeOf(one),
    ),
    value(
      "object-own-prototype",
      "objects with a prototype of their own",
      () =>
        Object.create(
          { inherited: 1 },
          { own: { value: 2, enumerable: true, writable: true, configurable: true } },
        ),
      (one) => [one.inherited, Object.keys(one)],
    ),
    value(
      "object-attributes",
      "properties that are hidden, fixed or read-only",
      () =>
        Object.defineProperties(
          {},
          {
            hidden: { value: 1 },
            fixed: { value: 2, enumerable: true, writable: true },
            open: { value: 3, enumerable: true, writable: true, configurable: true },
          },
        ),
      (one) => [one.hidden, Object.keys(one)],
    ),
    value(
      "object-frozen",
      "frozen objects and arrays",
      () => [Object.freeze({ a: Object.freeze([1]) }), Object.freeze(["x"])],
      ([one]) => [Object.isFrozen(one), Object.isFrozen(one.a)],
    ),
    value(
      "object-sealed",
      "sealed objects",
      () => Object.seal({ a: 1 }),
      (one) => [Object.isSealed(one), Object.isFrozen(one)],
    ),
    value(
      "object-inextensible",
      "objects that cannot be extended",
      () => Object.preventExtensions({ a: 1 }),
      (one) => Object.isExtensible(one),
    ),
    value(
      "object-frozen-cycle",
      "a frozen cycle",
      () => {
        const one: { self?: unknown } = {};
        one.self = one;
        return Object.freeze(one);
      },
      (one) => one.self === one,
    ),
    {
      id: "value-getter",
      says: "getters and setters, which run there",
      call: (pool: Pool) => {
        const box = {
          n: 2,
          get double() {
            return this.n * 2;
          },
          set double(value) {
            this.n = value / 2;
          },
        };
        return pool.call(() => {
          const before = box.double;
          box.double = 20;
          return [before, box.n, Object.keys(box)];
        });
      },
    },
    value(
      "array",
      "arrays",
      () => [1, "a", null, [2, [3]]],
      (one) => Array.isArray(one),
    ),
    value(
      "array-sparse",
      "sparse arrays",
      () => {
        const list: unknown[] = [1, , 3];
        list.length = 5;
        return list;
      },
      (one) => [1 in one, 4 in one, one.length],
    ),
    value(
      "array-only-holes",
      "an array of holes",
      () => new Array(3),
      (one) => [one.length, 0 in one],
    ),
    value(
      "array-huge-sparse",
      "an array with one element far out",
      () => Object.assign([], { 100000: "far" }),
      (one) => one.length,
    ),
    value(
      "array-properties",
      "arrays with named properties",
      () => Object.assign([1, 2], { index: 0, groups: undefined }),
      (one) => one.index,
    ),
    value(
      "array-regexp-match",
      "the match of a regular expression",
      () => /(?<year>\d+)-(\d+)/.exec("on 2026-01"),
      (one) => [one.groups.year, one.index, one.input],
    ),
    value(
      "array-numbers",
      "long arrays of numbers, with `-0` and `NaN`",
      () => [
        Array.from({ length: 100 }, (_, n) => n / 3),
        Array.from({ length: 70 }, (_, n) => (n === 50 ? -0 : NaN)),
      ],
      ([, list]) => Object.is(list[50], -0),
    ),
    value(
      "cycle",
      "cycles",
      () => {
        const one: { self?: unknown; list: unknown[] } = { list: [] };
        one.self = one;
        one.list.push(one.list, one);
        return one;
      },
      (one) => [one.self === one, one.list[0] === one.list],
    ),
    value(
      "shared",
      "one object in two places",
      () => {
        const shared = {};
        return [shared, { shared }, new Map([[shared, shared]])];
      },
      ([one, { shared }, map]) => [one === shared, map.get(one) === one],
    ),
    value("deep", "deep nesting", () => {
      let deep: unknown[] = [];
      for (let n = 0; n < 500; n++) deep = [deep];
      return deep;
    }),
    value(
      "map",
      "maps, with any keys, in order",
      () =>
        new Map<unknown, unknown>([
          ["a", 1],
          [{ k: 1 }, [2]],
          [NaN, "nan"],
          [undefined, null],
        ]),
      (one) => [one.get(NaN), [...one.keys()].length],
    ),
    value(
      "set",
      "sets, in order",
      () => new Set<unknown>([3, "a", NaN, { a: 1 }]),
      (one) => [one.has(NaN), one.size],
    ),
    value(
      "map-cycle",
      "a map that holds itself",
      () => {
        const map = new Map<unknown, unknown>();
        map.set("self", map).set(map, 1);
        return map;
      },
      (one) => one.get("self") === one,
    ),
    value(
      "map-properties",
      "maps and sets with own properties",
      () => [
        Object.assign(new Map([[1, 2]]), { note: "m" }),
        Object.freeze(Object.assign(new Set([1]), { note: "s" })),
      ],
      ([map, set]) => [map.note, map.get(1), set.note],
    ),
    value(
      "date",
      "dates, also invalid ones",
      () => [new Date(0), new Date(1.7e12), new Date(NaN)],
      ([one]) => one.getTime(),
    ),
    value(
      "regexp",
      "regular expressions with flags and `lastIndex`",
      () => {
        const expression = /a(?<b>.)/dgimsuy;
        expression.lastIndex = 3;
        return [expression, /[\p{L}--a]/v, new RegExp("/", "g"), new RegExp("")];
      },
      ([one]) => [one.flags, one.lastIndex],
    ),
    value(
      "boxed",
      "boxed numbers, strings, booleans, bigints and symbols",
      () => [Object(1), Object("text"), Object(false), Object(2n), Object(Symbol.iterator)],
      ([one]) => typeof one,
    ),
    value(
      "array-buffer",
      "array buffers",
      () => new Uint8Array([1, 2, 3]).buffer,
      (one) => one.byteLength,
    ),
    value(
      "array-buffer-resizable",
      "resizable array buffers",
      () => {
        const buffer = new ArrayBuffer(4, { maxByteLength: 16 });
        new Uint8Array(buffer).set([1, 2, 3, 4]);
        return buffer;
      },
      (one) => [one.resizable, one.maxByteLength],
    ),
    value(
      "typed-arrays",
      "typed arrays of every type",
      () =>
        [
          Int8Array,
          Uint8Array,
          Uint8ClampedArray,
          Int16Array,
          Uint16Array,
          Int32Array,
          Uint32Array,
          Float32Array,
          Float64Array,
        ].map((Type) => new Type([1, 2, 3])),
      (list) => list.map((one: object) => one.constructor.name),
    ),
    value(
      "typed-arrays-big",
      "`BigInt64Array` and `BigUint64Array`",
      () => [new BigInt64Array([-1n, 2n]), new BigUint64Array([2n ** 64n - 1n])],
      ([one]) => one[0],
    ),
    value(
      "typed-array-float16",
      "`Float16Array`",
      () => new (globalThis as any).Float16Array([0.5, 1]),
      (one) => one[0],
    ),
    value(
      "typed-array-view",
      "a view of a part of a buffer: the part",
      () => new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
      (one) => [...one],
    ),
    value(
      "typed-array-empty",
      "empty typed arrays",
      () => [new Uint8Array(0), new Float64Array(0)],
      ([one]) => one.length,
    ),
    value(
      "shared-buffer",
      "views that share a buffer",
      () => {
        const buffer = new ArrayBuffer(8);
        return {
          bytes: new Uint8Array(buffer, 2, 4),
          whole: new Float64Array(buffer),
          data: new DataView(buffer, 4),
          buffer,
        };
      },
      ({ bytes, whole, data, buffer }) => {
        bytes[0] = 7;
        return [
          bytes.buffer === buffer,
          whole.buffer === buffer,
          data.buffer === buffer,
          bytes.byteOffset,
          data.byteOffset,
          new Uint8Array(buffer)[2],
        ];
      },
    ),
    value(
      "data-view",
      "`DataView`",
      () => new DataView(new Uint8Array([1, 2]).buffer),
      (one) => one.getUint16(0),
    ),
    value(
      "buffer",
      "`Buffer` stays a `Buffer`",
      () => Buffer.from("hello"),
      (one) => [Buffer.isBuffer(one), one.toString()],
    ),
    value(
      "buffer-among",
      "buffers among data, sliced and empty",
      () => ({
        a: Buffer.from("abcdef").subarray(2, 4),
        b: Buffer.alloc(0),
        c: Buffer.allocUnsafe(3).fill(1),
      }),
      ({ a, b }) => [a.toString("latin1"), Buffer.isBuffer(b)],
    ),
    value(
      "error",
      "errors with their class, message and stack",
      () => new Error("plain"),
      (one) => [one instanceof Error, one.message, typeof one.stack],
    ),
    value(
      "error-types",
      "errors of every built-in class",
      () =>
        [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError].map(
          (Type) => new Type(Type.name),
        ),
      (list) => list.map((one: Error) => [one.name, one instanceof TypeError]),
    ),
    value(
      "error-properties",
      "errors with `code`, `cause` and own properties",
      () =>
        Object.assign(new Error("m", { cause: new TypeError("inner", { cause: "text" }) }), {
          code: "E_CODE",
          details: { n: [1] },
        }),
      (one) => [one.code, one.cause.message, one.cause.cause, one.details.n[0]],
    ),
    value(
      "error-aggregate",
      "`AggregateError`",
      () => new AggregateError([new Error("a"), "b"], "both"),
      (one) => [one.errors.length, one.message],
    ),
    value(
      "error-suppressed",
      "`SuppressedError`",
      () => new SuppressedError(new Error("later"), new Error("first"), "both"),
      (one) => [one.error.message, one.suppressed.message],
    ),
    value(
      "error-cycle",
      "an error that is its own cause",
      () => {
        const error = new Error("self");
        error.cause = error;
        return error;
      },
      (one) => one.cause === one,
    ),
    value(
      "error-undefined-cause",
      "an error whose cause is `undefined`",
      () => new Error("x", { cause: undefined }),
      (one) => Object.hasOwn(one, "cause"),
    ),
    value(
      "error-renamed",
      "an error with a name of its own",
      () => Object.assign(new Error("x"), { name: "Special" }),
      (one) => [one.name, String(one)],
    ),
    value(
      "dom-exception",
      "`DOMException`",
      () => new DOMException("no", "AbortError"),
      (one) => [one.name, one.code, one instanceof Error],
    ),
    value(
      "url",
      "`URL`",
      () => new URL("https://u:p@host:8080/a/../b?q=1&q=2#h"),
      (one) => [one.href, one.searchParams.getAll("q"), one instanceof URL],
    ),
    value(
      "url-search-params",
      "`URLSearchParams`",
      () =>
        new URLSearchParams([
          ["a", "1"],
          ["a", "2"],
          ["ü", "&="],
        ]),
      (one) => [one.getAll("a"), one.get("ü")],
    ),
    value(
      "headers",
      "`Headers`",
      () =>
        new Headers([
          ["X-One", "1"],
          ["x-one", "2"],
          ["accept", "*/*"],
        ]),
      (one) => [one.get("x-one"), [...one].length],
    ),
    value(
      "json-like",
      "a large mixed object",
      () =>
        Array.from({ length: 200 }, (_, n) => ({
          id: n,
          name: `n${n}`,
          tags: ["a", n % 2 ? "odd" : null],
          at: new Date(n),
          nested: { n: n / 7 },
        })),
      (list) => list.length,
    ),
    value(
      "dictionary",
      "a dictionary of many keys",
      () => Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`key ${n}`, n])),
      (one) => one["key 1999"],
    ),
    value(
      "five-megabytes",
      "5 MB of bytes",
      () => new Uint8Array(5 * 1024 * 1024).map((_, n) => n & 255),
      (one) => one.length,
    ),
    value(
      "five-megabytes-text",
      "5 MB of text",
      () => "0123456789".repeat(500_000),
      (one) => one.length,
    ),
    value("intl-and-arguments", "`arguments` objects, as arrays", () => {
      function give(..._values: number[]) {
        // biome-ignore lint/complexity/noArguments: that is the value
        return Array.from(arguments);
      }
      return give(1, 2);
    }),
  ],
};

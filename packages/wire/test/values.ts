/** The values that the codec must carry, each with what must hold of its copy. */
export interface Case {
  name: string;
  make(): unknown;
  /** Source of a function that says whether its argument is a true copy: it runs in Node and inside an isolate. */
  holds: string;
  /** False when a bare isolate lacks the type. */
  inIsolate?: boolean;
}

class Missing extends TypeError {
  readonly status = 404;
  code = "E_MISSING";
  override get name(): string {
    return "Missing";
  }
}

function cyclic(): object {
  const value: Record<string, unknown> = { list: [] };
  value.self = value;
  (value.list as unknown[]).push(value);
  return value;
}

export const cases: Case[] = [
  { name: "undefined", make: () => undefined, holds: "(v) => v === undefined" },
  { name: "null", make: () => null, holds: "(v) => v === null" },
  { name: "booleans", make: () => [true, false], holds: "(v) => v[0] === true && v[1] === false" },
  { name: "zero", make: () => 0, holds: "(v) => Object.is(v, 0)" },
  { name: "minus zero", make: () => -0, holds: "(v) => Object.is(v, -0)" },
  {
    name: "NaN and infinities",
    make: () => [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    holds: "(v) => Number.isNaN(v[0]) && v[1] === Infinity && v[2] === -Infinity",
  },
  {
    name: "integers at every border",
    make: () => [127, 128, -1, -128, 255, 65536, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 32, 2 ** 53 - 1],
    holds:
      "(v) => v.join() === '127,128,-1,-128,255,65536,2147483647,-2147483648,2147483648,4294967296,9007199254740991'",
  },
  {
    name: "fractions",
    make: () => [0.1, -1e-300, 5e-324, 1.7976931348623157e308],
    holds: "(v) => v[0] === 0.1 && v[1] === -1e-300 && v[2] === 5e-324 && v[3] === Number.MAX_VALUE",
  },
  {
    name: "bigints",
    make: () => [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n, -(2n ** 200n)],
    holds:
      "(v) => v[2] === 2n ** 63n - 1n && v[3] === -(2n ** 63n) && v[4] === 2n ** 64n && v[5] === -(2n ** 200n) && v[0] === 0n && v[1] === -1n",
  },
  { name: "an empty string", make: () => "", holds: "(v) => v === ''" },
  {
    name: "strings of every length near the borders",
    make: () => [31, 32, 63, 64, 255, 256, 257, 70000].map((n) => "x".repeat(n)),
    holds:
      "(v) => v.map((s) => s.length).join() === '31,32,63,64,255,256,257,70000' && v.every((s) => /^x+$/.test(s))",
  },
  {
    name: "strings beyond ASCII",
    make: () => ["é", "ü".repeat(40), "漢字".repeat(300), "😀".repeat(40000)],
    holds:
      "(v) => v[0] === 'é' && v[1] === 'ü'.repeat(40) && v[2] === '漢字'.repeat(300) && v[3] === '😀'.repeat(40000)",
  },
  {
    name: "lone surrogates",
    make: () => ["\ud800", `a\udc00${"b".repeat(500)}`],
    holds: "(v) => v[0] === '\\ud800' && v[1] === 'a\\udc00' + 'b'.repeat(500)",
  },
  {
    name: "plain objects",
    make: () => ({ a: 1, b: { c: [true, null] }, 7: "seven" }),
    holds:
      '(v) => JSON.stringify(v) === \'{"7":"seven","a":1,"b":{"c":[true,null]}}\' && Object.getPrototypeOf(v) === Object.prototype',
  },
  {
    name: "undefined as a property and as an element",
    make: () => ({ a: undefined, b: [undefined] }),
    holds: "(v) => 'a' in v && v.a === undefined && v.b.length === 1 && 0 in v.b",
  },
  {
    name: "many objects of few shapes",
    make: () => Array.from({ length: 500 }, (_, i) => (i % 3 ? { id: i, name: `n${i}` } : { other: i })),
    holds: "(v) => v.length === 500 && v[1].name === 'n1' && v[3].other === 3 && v[499].id === 499",
  },
  {
    name: "a __proto__ key",
    make: () => JSON.parse('{"__proto__": {"bad": true}, "ok": 1}'),
    holds: "(v) => Object.hasOwn(v, '__proto__') && v.bad === undefined && v.ok === 1",
  },
  {
    name: "keys named like methods",
    make: () => ({ constructor: 1, toString: 2, hasOwnProperty: 3, toJSON: 4 }),
    holds: "(v) => v.constructor === 1 && v.toString === 2 && v.hasOwnProperty === 3 && v.toJSON === 4",
  },
  {
    name: "shared identity",
    make: () => {
      const one = { n: 1 };
      return [one, one, [one]];
    },
    holds: "(v) => v[0] === v[1] && v[2][0] === v[0]",
  },
  {
    name: "identity of many objects",
    make: () => {
      const many = Array.from({ length: 40 }, (_, i) => ({ i }));
      return [many, [...many].reverse()];
    },
    holds: "(v) => v[0].every((one, i) => one === v[1][39 - i])",
  },
  { name: "cycles", make: cyclic, holds: "(v) => v.self === v && v.list[0] === v" },
  {
    name: "a cycle through a map and a set",
    make: () => {
      const map = new Map<unknown, unknown>();
      map.set(map, new Set([map]));
      return map;
    },
    holds: "(v) => v.has(v) && v.get(v).has(v)",
  },
  {
    name: "holes",
    make: () => {
      const list = [1, 2, 3];
      delete list[1];
      return list;
    },
    holds: "(v) => v.length === 3 && !(1 in v) && v[2] === 3",
  },
  {
    name: "a sparse array",
    make: () => {
      const list: number[] = [];
      list[4_000_000] = 1;
      return list;
    },
    holds: "(v) => v.length === 4000001 && Object.keys(v).length === 1",
  },
  {
    name: "a long list of numbers",
    make: () => [Number.NaN, 2 ** 53, -1, 0.5, ...Array.from({ length: 200 }, (_, i) => i)],
    holds:
      "(v) => v.length === 204 && Number.isNaN(v[0]) && v[1] === 2 ** 53 && v[2] === -1 && v[3] === 0.5 && v[203] === 199",
  },
  {
    name: "a long list of numbers with -0, and the same list twice",
    make: () => {
      const list = [-0, ...Array.from({ length: 200 }, (_, i) => i)];
      const other = Array.from({ length: 100 }, (_, i) => i);
      return [list, other, other];
    },
    holds: "(v) => Object.is(v[0][0], -0) && v[0].length === 201 && v[1] === v[2] && v[1][99] === 99",
  },
  {
    name: "a long list of numbers with a named property",
    make: () =>
      Object.assign(
        Array.from({ length: 100 }, (_, i) => i),
        { extra: 1 },
      ),
    holds: "(v) => v.length === 100 && v[99] === 99 && v.extra === 1",
  },
  {
    name: "an array with named properties",
    make: () => Object.assign([1], { extra: { a: 1 } }),
    holds: "(v) => Array.isArray(v) && v[0] === 1 && v.extra.a === 1",
  },
  {
    name: "a regular expression's match",
    make: () => "a1b".match(/(\d)/),
    holds: "(v) => v[0] === '1' && v.index === 1 && v.input === 'a1b'",
  },
  {
    name: "maps",
    make: () =>
      new Map<unknown, unknown>([
        ["a", 1],
        [{ k: 1 }, [2]],
        [Number.NaN, 3],
      ]),
    holds: "(v) => v instanceof Map && v.get('a') === 1 && v.get(NaN) === 3 && v.size === 3",
  },
  {
    name: "sets",
    make: () => new Set([1, "1", null]),
    holds: "(v) => v instanceof Set && v.has(1) && v.has('1') && v.has(null)",
  },
  {
    name: "dates",
    make: () => [new Date(0), new Date(-1), new Date(8.64e15), new Date(1234567890123)],
    holds: "(v) => v.map((d) => d.getTime()).join() === '0,-1,8640000000000000,1234567890123'",
  },
  {
    name: "an invalid date",
    make: () => new Date(Number.NaN),
    holds: "(v) => v instanceof Date && Number.isNaN(v.getTime())",
  },
  {
    name: "regular expressions",
    make: () => {
      const one = /a\/b+/giu;
      one.lastIndex = 3;
      return one;
    },
    holds: "(v) => v instanceof RegExp && v.source === 'a\\\\/b+' && v.flags === 'giu' && v.lastIndex === 3",
  },
  {
    name: "an ArrayBuffer",
    make: () => new Uint8Array([1, 2, 3]).buffer,
    holds: "(v) => v instanceof ArrayBuffer && v.byteLength === 3",
  },
  {
    name: "a resizable ArrayBuffer",
    make: () => new ArrayBuffer(4, { maxByteLength: 16 }),
    holds: "(v) => v.resizable && v.maxByteLength === 16 && v.byteLength === 4",
  },
  ...[
    "Int8Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "Float16Array",
    "Float32Array",
    "Float64Array",
  ].map(
    (type): Case => ({
      name: type,
      make: () =>
        new (globalThis as never as Record<string, new (list: number[]) => unknown>)[type]!([1, 2, 100]),
      holds: `(v) => v instanceof ${type} && v.join() === "1,2,100"`,
    }),
  ),
  {
    name: "BigInt64Array and BigUint64Array",
    make: () => [new BigInt64Array([-5n]), new BigUint64Array([5n])],
    holds:
      "(v) => v[0] instanceof BigInt64Array && v[0][0] === -5n && v[1] instanceof BigUint64Array && v[1][0] === 5n",
  },
  {
    name: "a DataView",
    make: () => new DataView(new Uint8Array([0, 1, 2]).buffer, 1),
    holds: "(v) => v instanceof DataView && v.byteLength === 2 && v.getUint8(1) === 2",
  },
  {
    name: "two views of one buffer",
    make: () => {
      const memory = new ArrayBuffer(8);
      return [new Uint8Array(memory, 2, 4), new Uint16Array(memory, 4, 2)];
    },
    holds:
      "(v) => { v[1][0] = 0x0201; return v[0].buffer === v[1].buffer && v[0][2] === 1 && v[0].byteOffset === 2; }",
  },
  {
    name: "a view and its buffer",
    make: () => {
      const view = new Uint8Array(new ArrayBuffer(8), 1, 2);
      return { view, memory: view.buffer };
    },
    holds: "(v) => v.view.buffer === v.memory && v.memory.byteLength === 8",
  },
  {
    name: "large binary",
    make: () => [new Uint8Array(300_000).fill(7), "after"],
    holds: "(v) => v[0].length === 300000 && v[0][299999] === 7 && v[1] === 'after'",
  },
  {
    name: "a Buffer",
    make: () => Buffer.from("hello"),
    holds: "(v) => v instanceof Uint8Array && String.fromCharCode(...v) === 'hello'",
  },
  {
    name: "an error",
    make: () => new RangeError("too far", { cause: new Error("inner") }),
    holds:
      "(v) => v instanceof RangeError && v.message === 'too far' && v.cause instanceof Error && v.cause.message === 'inner' && /values\\.ts/.test(v.stack) && Object.keys(v).length === 0",
  },
  ...["Error", "TypeError", "SyntaxError", "ReferenceError", "EvalError", "URIError"].map(
    (type): Case => ({
      name: `a ${type}`,
      make: () => new (globalThis as never as Record<string, new (text: string) => unknown>)[type]!("m"),
      holds: `(v) => v instanceof ${type} && v.constructor === ${type} && v.name === "${type}" && v.message === "m"`,
    }),
  ),
  {
    name: "an AggregateError",
    make: () => new AggregateError([new TypeError("a"), 5], "several"),
    holds:
      "(v) => v instanceof AggregateError && v.errors[0] instanceof TypeError && v.errors[1] === 5 && v.message === 'several'",
  },
  {
    name: "an error of a user's class",
    make: () => new Missing("gone"),
    holds:
      "(v) => v instanceof TypeError && v.name === 'Missing' && v.constructor.name === 'Missing' && v.status === 404 && v.code === 'E_MISSING' && v.message === 'gone'",
  },
  {
    name: "an error with a name of its own",
    make: () => Object.assign(new Error("m"), { name: "Odd", detail: [1] }),
    holds: "(v) => v.name === 'Odd' && v.detail[0] === 1 && Object.keys(v).join() === 'name,detail'",
  },
  {
    name: "an error that is its own cause",
    make: () => {
      const error = new Error("loop");
      error.cause = error;
      return error;
    },
    holds: "(v) => v.cause === v",
  },
  {
    name: "a DOMException",
    make: () => new DOMException("stop", "AbortError"),
    holds: "(v) => v.name === 'AbortError' && v.message === 'stop' && v.code === 20",
    inIsolate: false,
  },
  {
    name: "boxed values",
    make: () => [Object(1), Object("ab"), Object(false), Object(5n)],
    holds:
      "(v) => v[0] instanceof Number && v[0] == 1 && v[1] instanceof String && v[1] == 'ab' && v[2] instanceof Boolean && v[2] == false && typeof v[3] === 'object' && v[3] == 5n",
  },
  {
    name: "well-known symbols",
    make: () => [Symbol.iterator, Symbol.asyncIterator],
    holds: "(v) => v[0] === Symbol.iterator && v[1] === Symbol.asyncIterator",
  },
  {
    name: "registered symbols",
    make: () => Symbol.for("bonfire.test"),
    holds: "(v) => v === Symbol.for('bonfire.test')",
  },
  {
    name: "unique symbols, with their identity",
    make: () => {
      const one = Symbol("mine");
      return [one, one, Symbol("mine")];
    },
    holds: "(v) => v[0] === v[1] && v[0] !== v[2] && v[0].description === 'mine'",
  },
  {
    name: "symbol keys",
    make: () => ({ [Symbol.for("k")]: 1, [Symbol.toStringTag]: "T" }),
    holds: "(v) => v[Symbol.for('k')] === 1 && String(v) === '[object T]'",
  },
  {
    name: "objects without prototype",
    make: () => Object.assign(Object.create(null), { a: 1 }),
    holds: "(v) => Object.getPrototypeOf(v) === null && v.a === 1",
  },
  {
    name: "objects with a prototype of their own",
    make: () => Object.assign(Object.create({ inherited: 1 }), { own: 2 }),
    holds: "(v) => v.inherited === 1 && !Object.hasOwn(v, 'inherited') && v.own === 2",
  },
  {
    name: "non-enumerable and read-only properties",
    make: () => Object.defineProperty({ a: 1 }, "hidden", { value: 2 }),
    holds:
      "(v) => v.hidden === 2 && Object.keys(v).join() === 'a' && !Object.getOwnPropertyDescriptor(v, 'hidden').writable",
  },
  {
    name: "frozen objects and arrays",
    make: () => Object.freeze({ list: Object.freeze([1]) }),
    holds: "(v) => Object.isFrozen(v) && Object.isFrozen(v.list) && v.list[0] === 1",
  },
  {
    name: "sealed and inextensible objects",
    make: () => [Object.seal({ a: 1 }), Object.preventExtensions({ b: 1 })],
    holds:
      "(v) => Object.isSealed(v[0]) && !Object.isFrozen(v[0]) && !Object.isExtensible(v[1]) && v[1].b === 1",
  },
  {
    name: "a frozen cycle",
    make: () => {
      const one: Record<string, unknown> = {};
      one.self = one;
      return Object.freeze(one);
    },
    holds: "(v) => v.self === v && Object.isFrozen(v)",
  },
  {
    name: "a map with properties",
    make: () => Object.assign(new Map([[1, 2]]), { label: "m" }),
    holds: "(v) => v.get(1) === 2 && v.label === 'm'",
  },
  {
    name: "URLs",
    make: () => new URL("https://a.example/b?c=d#e"),
    holds: "(v) => v instanceof URL && v.href === 'https://a.example/b?c=d#e'",
    inIsolate: false,
  },
  {
    name: "URLSearchParams",
    make: () => new URLSearchParams("a=1&a=2"),
    holds: "(v) => v instanceof URLSearchParams && v.getAll('a').join() === '1,2'",
    inIsolate: false,
  },
  {
    name: "Headers",
    make: () =>
      new Headers([
        ["x-a", "1"],
        ["x-b", "2"],
      ]),
    holds: "(v) => v instanceof Headers && v.get('x-a') === '1'",
    inIsolate: false,
  },
];

/** Values that are made there and come back. */
import type { Pool } from "@bonfire/runtime";
import type { Group, Refusal } from "../row.ts";

function notData(message: RegExp, instead: string): Refusal {
  return { code: "VALUE_REFUSED", message, instead };
}

export const valuesBack: Group = {
  title: "Results",
  rows: [
    { id: "back-undefined", says: "nothing at all", call: (pool: Pool) => pool.call(() => {}) },
    { id: "back-null", says: "`null`", call: (pool: Pool) => pool.call(() => null) },
    {
      id: "back-numbers",
      says: "`-0`, `NaN`, infinities, bigints",
      call: (pool: Pool) => pool.call(() => [-0, NaN, -Infinity, 2n ** 70n]),
    },
    {
      id: "back-promise",
      says: "a promise of a value",
      call: (pool: Pool) => pool.call(() => Promise.resolve({ a: 1 })),
    },
    {
      id: "back-thenable",
      says: "a thenable",
      call: (pool: Pool) => pool.call(() => ({ then: (done: (n: number) => void) => done(3) })),
    },
    {
      id: "back-delayed",
      says: "a value after a timer",
      call: (pool: Pool) => pool.call(() => new Promise((done) => setTimeout(() => done("late"), 5))),
    },
    {
      id: "back-symbols",
      says: "symbols",
      call: (pool: Pool) =>
        pool.call(() => {
          const key = Symbol("made there");
          return { key, [key]: 1, well: Symbol.iterator, registered: Symbol.for("r") };
        }),
    },
    {
      id: "back-object",
      says: "objects with hidden and read-only properties",
      call: (pool: Pool) => pool.call(() => Object.defineProperty({ a: 1 }, "hidden", { value: 2 })),
    },
    {
      id: "back-frozen",
      says: "frozen and sealed objects",
      call: (pool: Pool) => pool.call(() => [Object.freeze({ a: 1 }), Object.seal([1])]),
    },
    {
      id: "back-null-prototype",
      says: "objects without a prototype",
      call: (pool: Pool) => pool.call(() => Object.groupBy([1, 2, 3], (n) => (n % 2 ? "odd" : "even"))),
    },
    {
      id: "back-cycle",
      says: "cycles and shared identity",
      call: (pool: Pool) =>
        pool.call(() => {
          const one: { self?: unknown; list?: unknown[] } = {};
          one.self = one;
          one.list = [one, one];
          return one;
        }),
    },
    {
      id: "back-collections",
      says: "maps, sets and dates",
      call: (pool: Pool) => pool.call(() => [new Map([[{ k: 1 }, new Set([1])]]), new Date(5)]),
    },
    { id: "back-sparse", says: "sparse arrays", call: (pool: Pool) => pool.call(() => [1, , 3]) },
    { id: "back-regexp", says: "regular expressions", call: (pool: Pool) => pool.call(() => /a+/giu) },
    {
      id: "back-boxed",
      says: "boxed values",
      call: (pool: Pool) => pool.call(() => [Object(1), Object("s"), Object(1n)]),
    },
    {
      id: "back-typed-arrays",
      says: "typed arrays with their types",
      call: (pool: Pool) =>
        pool.call(() => [new Float32Array([1.5]), new Uint8ClampedArray([300]), new BigInt64Array([1n])]),
    },
    {
      id: "back-shared-buffer",
      says: "views that share a buffer",
      call: (pool: Pool) =>
        pool.call(() => {
          const buffer = new ArrayBuffer(4);
          return [new Uint8Array(buffer), new Uint16Array(buffer), buffer];
        }),
    },
    {
      id: "back-buffer",
      says: "a `Buffer`",
      call: (pool: Pool) => pool.call(() => Buffer.from("made there")),
    },
    {
      id: "back-buffer-big",
      says: "a `Buffer` that is not of node's pool",
      call: (pool: Pool) => pool.call(() => Buffer.alloc(100_000, "x")),
    },
    {
      id: "back-url",
      says: "`URL`, `URLSearchParams` and `Headers`",
      call: (pool: Pool) =>
        pool.call(() => [new URL("http://a/b?c=d"), new URLSearchParams("a=b"), new Headers({ a: "b" })]),
    },
    {
      id: "back-error",
      says: "an error as a value",
      call: (pool: Pool) =>
        pool.call(() => Object.assign(new RangeError("value", { cause: new Error("c") }), { code: "X" })),
    },
    {
      id: "back-dom-exception",
      says: "a `DOMException`",
      call: (pool: Pool) => pool.call(() => new DOMException("m", "TimeoutError")),
    },
    {
      id: "back-five-megabytes",
      says: "5 MB of bytes",
      call: (pool: Pool) => pool.call(() => new Uint8Array(5 * 1024 * 1024).fill(7)),
    },
    {
      id: "back-five-megabytes-text",
      says: "5 MB of text",
      call: (pool: Pool) => pool.call(() => "zażółć ".repeat(600_000)),
    },
    {
      id: "back-many",
      says: "many small objects",
      call: (pool: Pool) => pool.call(() => Array.from({ length: 20_000 }, (_, n) => ({ n, text: `t${n}` }))),
    },
    {
      id: "back-intrinsics",
      says: "functions and objects of the language",
      call: (pool: Pool) => pool.call(() => [JSON, Math.max]),
      refused: notData(/"Math\.max".*function: return data/, "return data"),
    },
    {
      id: "back-iterated",
      says: "what an iterator gives, collected",
      call: (pool: Pool) => pool.call(() => [...new Map([["a", 1]]).entries()]),
    },
    {
      id: "back-function",
      says: "a function",
      call: (pool: Pool) => pool.call(() => ({ deep: [{ fn: () => 1 }] })),
      refused: notData(/"result\.deep\[0\]\.fn".*function/, "return data"),
    },
    {
      id: "back-class",
      says: "a class that is made inside",
      call: (pool: Pool) => pool.call(() => class Inside {}),
      refused: notData(/"result".*function \(Inside\)/, "return data"),
    },
    {
      id: "back-instance-inside",
      says: "an instance of a class that is declared inside the closure",
      call: (pool: Pool) =>
        pool.call(() => {
          class Inside {
            n = 1;
          }
          return { made: new Inside() };
        }),
      refused: notData(/"result\.made".*Inside/, "return a plain object, or declare the class in the file"),
    },
    {
      id: "back-getter",
      says: "an object with a getter",
      call: (pool: Pool) =>
        pool.call(() => ({
          get n() {
            return 1;
          },
        })),
      refused: notData(/"result\.n".*function/, "return data"),
    },
    {
      id: "back-promise-inside",
      says: "a promise inside a result",
      call: (pool: Pool) => pool.call(() => ({ pending: Promise.resolve(1) })),
      refused: notData(/"result\.pending".*Promise: await it first/, "await it first"),
    },
    {
      id: "back-weak",
      says: "weak collections",
      call: (pool: Pool) => pool.call(() => ({ cache: new WeakMap() })),
      refused: notData(/"result\.cache".*WeakMap/, "return plain data"),
    },
    {
      id: "back-generator",
      says: "a generator inside a result",
      call: (pool: Pool) =>
        pool.call(() => [
          (function* () {
            yield 1;
          })(),
        ]),
      refused: notData(/"result\[0\]"/, "collect its values into an array"),
    },
    {
      id: "back-iterator",
      says: "an iterator of a collection",
      call: (pool: Pool) => pool.call(() => ({ it: new Map().entries() })),
      refused: notData(/"result\.it"/, "collect its values into an array"),
    },
    {
      id: "back-array-buffer-shared",
      says: "a `SharedArrayBuffer`",
      call: (pool: Pool) => pool.call(() => ({ memory: new Uint8Array(new SharedArrayBuffer(4)) })),
      refused: notData(/"result\.memory".*memory/, "return a copy"),
    },
    {
      id: "back-emitter",
      says: "an event emitter",
      call: (pool: Pool) => pool.call(async () => ({ on: new (await import("node:events")).EventEmitter() })),
      refused: notData(/"result\.on"/, "return data"),
    },
    {
      id: "back-private",
      says: "an instance with `#private` fields",
      call: (pool: Pool) => pool.call(() => ({ secret: new WithPrivate() })),
      refused: notData(/"result\.secret".*#private/, "return plain data"),
    },
    {
      id: "back-proxy",
      says: "a `Proxy`, as a copy of what it shows",
      call: (pool: Pool) => pool.call(() => ({ list: new Proxy({ a: 1 }, {}) })),
    },
    {
      id: "back-throwing-proxy",
      says: "a `Proxy` that throws",
      call: (pool: Pool) =>
        pool.call(() => ({
          list: new Proxy([1], {
            ownKeys() {
              throw new Error("no keys");
            },
          }),
        })),
      refused: notData(/"result\.list".*no keys/, "return its target"),
    },
    {
      id: "back-too-deep",
      says: "a value that is nested too deeply",
      call: (pool: Pool) =>
        pool.call(() => {
          let deep: unknown[] = [];
          for (let n = 0; n < 200_000; n++) deep = [deep];
          return deep;
        }),
      refused: notData(/nested too deeply/, "return a flatter structure"),
    },
    {
      id: "back-global-this",
      says: "`globalThis`, by identity",
      call: (pool: Pool) => pool.call(() => [globalThis]),
    },
  ],
};

class WithPrivate {
  #n = 1;
  get n(): number {
    return this.#n;
  }
}

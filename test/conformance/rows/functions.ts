/** Functions among what is captured. */
import { basename } from "node:path";
import type { Pool } from "@bonfire/runtime";
import type { Group } from "../row.ts";
import byDefault, { imported, readHidden } from "../support/named.ts";

const memo = Object.assign((n: number): number => n * 2, { calls: 3, tags: ["m"] });
function withProperties(): string {
  return withProperties.label;
}
withProperties.label = "label";
const known = function sumDown(n: number): number {
  return n < 1 ? 0 : n + sumDown(n - 1);
};
class Knower {
  know(): string {
    return known.name;
  }
}
const compose =
  (...steps: ((n: number) => number)[]) =>
  (n: number): number =>
    steps.reduce((value, step) => step(value), n);

export const functions: Group = {
  title: "Functions among the captures",
  rows: [
    {
      id: "function-in-object",
      says: "a function in an object, with its captures",
      call: (pool: Pool) => {
        const by = { n: 3 };
        const table = { scale: (n: number) => n * by.n };
        return pool.call(() => table.scale(5));
      },
    },
    {
      id: "function-in-array",
      says: "functions in an array",
      call: (pool: Pool) => {
        const steps = [1, 2].map((by) => (n: number) => n + by);
        return pool.call(() => steps.reduce((n, step) => step(n), 0));
      },
    },
    {
      id: "function-in-map",
      says: "functions in a `Map` and a `Set`",
      call: (pool: Pool) => {
        const map = new Map([["a", () => 1]]);
        const set = new Set([() => 2]);
        return pool.call(() => [map.get("a")!(), [...set][0]!()]);
      },
    },
    {
      id: "function-composed",
      says: "functions that a function composed",
      call: (pool: Pool) => {
        const both = compose(
          (n) => n + 1,
          (n) => n * 2,
        );
        return pool.call(() => both(3));
      },
    },
    {
      id: "function-captures-function",
      says: "a captured function that captures a function that captures",
      call: (pool: Pool) => {
        const make = (n: { n: number }) => () => n.n;
        const inner = make({ n: 4 });
        const outer = [() => inner() + 1];
        return pool.call(() => outer[0]!());
      },
    },
    {
      id: "function-identity",
      says: "a function that is captured twice stays one",
      call: (pool: Pool) => {
        const handler = [() => 1][0]!;
        const table = { one: handler, two: handler };
        return pool.call(() => [table.one === table.two, table.one === handler]);
      },
    },
    {
      id: "function-identity-local",
      says: "a local function beside itself among data",
      call: (pool: Pool) => {
        const base = { n: 1 };
        const local = () => base.n;
        const table = { local, imported, compose };
        return pool.call(() => [
          table.local === local,
          table.imported === imported,
          table.compose === compose,
          local(),
        ]);
      },
    },
    {
      id: "function-own-properties",
      says: "own properties on a function",
      call: (pool: Pool) => pool.call(() => [memo(4), memo.calls, memo.tags]),
    },
    {
      id: "function-own-properties-declared",
      says: "own properties that a declared function was given",
      call: (pool: Pool) => pool.call(() => [withProperties(), withProperties.label]),
    },
    {
      id: "function-known-by-another-name",
      says: "a function of the file whose own name is another than its variable's",
      call: (pool: Pool) => pool.call(() => [known.name, known(2), new Knower().know()]),
    },
    {
      id: "function-name-length",
      says: "a captured function's `name` and `length`",
      call: (pool: Pool) => {
        const table = { add: (a: number, b: number) => a + b, sub: (a: number, b = 1) => a - b };
        function declared(_a: number) {}
        const { add } = table;
        return pool.call(() => [
          add.name,
          add.length,
          table.sub.name,
          table.sub.length,
          declared.name,
          declared.length,
        ]);
      },
      not: { bundler: "without `keepNames`, esbuild renames what has a namesake" },
    },
    {
      id: "function-name-defined",
      says: "a function whose `name` was defined anew",
      call: (pool: Pool) => {
        const fn = [() => 1][0]!;
        Object.defineProperty(fn, "name", { value: "renamed", configurable: true });
        return pool.call(() => [fn.name, fn()]);
      },
    },
    {
      id: "tagged-closure-as-value",
      says: "a function that was itself handed to a pool, among the captures",
      call: async (pool: Pool) => {
        const job = Object.assign((n = 1) => n + 1, { label: "job" });
        const first = await pool.call(job);
        const table = { job };
        return [
          first,
          await pool.call(() => [table.job(4), table.job.name, table.job.length, table.job.label]),
        ];
      },
    },
    {
      id: "shipped-closure-as-value",
      says: "an inline function that was handed to a pool before",
      call: async (pool: Pool) => {
        const by = { n: 2 };
        const kept: (() => unknown)[] = [];
        const through = (fn: () => unknown) => {
          kept.push(fn);
          return fn;
        };
        const first = await pool.call(through((a = 1, b = 2) => [a, b, by.n]));
        const [again] = kept;
        return [first, await pool.call(() => [again!(), again!.name, again!.length])];
      },
    },
    {
      id: "method-this-kept",
      says: "methods of a captured object, with its `this`",
      call: (pool: Pool) => {
        const account = {
          balance: 10,
          get doubled() {
            return this.balance * 2;
          },
          read() {
            return this.balance;
          },
        };
        return pool.call(() => [account.read(), account.doubled]);
      },
    },
    {
      id: "setter",
      says: "a setter of a captured object",
      call: (pool: Pool) => {
        const box = {
          stored: 0,
          set value(n: number) {
            this.stored = n;
          },
        };
        return pool.call(() => {
          box.value = 4;
          return box.stored;
        });
      },
    },
    {
      id: "async-methods",
      says: "async, generator and async generator methods",
      call: (pool: Pool) => {
        const table = {
          async later() {
            return 1;
          },
          *each() {
            yield 2;
          },
          async *both() {
            yield 3;
          },
        };
        return pool.call(async () => {
          const seen = [await table.later(), ...table.each()];
          for await (const n of table.both()) seen.push(n);
          return seen;
        });
      },
    },
    {
      id: "constructor-function",
      says: "a function that is used with `new`",
      call: (pool: Pool) => {
        const Point = function (this: { x: number }, x: number) {
          this.x = x;
        } as unknown as new (
          x: number,
        ) => { x: number };
        return pool.call(() => new Point(3).x);
      },
    },
    {
      id: "imported-as-value",
      says: "imported functions in an object",
      call: (pool: Pool) => {
        const table = { imported, byDefault, readHidden };
        return pool.call(() => [table.imported(), table.byDefault(), table.readHidden()]);
      },
    },
    {
      id: "builtin-as-value",
      says: "an export of a node builtin, as a value",
      call: (pool: Pool) => {
        const table = { base: basename };
        return pool.call(() => table.base("a/b.c"));
      },
    },
    {
      id: "intrinsic-as-value",
      says: "functions and objects of the language, as values",
      call: (pool: Pool) => {
        const ops = [Math.max, JSON.stringify, Array.prototype.slice, Object, Promise] as const;
        return pool.call(() => [
          ops[0](1, 2),
          ops[1]({ a: 1 }),
          ops[2] === Array.prototype.slice,
          ops[3] === Object,
          ops[4] === Promise,
        ]);
      },
    },
    {
      id: "global-as-value",
      says: "globals of node, as values",
      call: (pool: Pool) => {
        const table = [setTimeout, URL, structuredClone, TextEncoder, globalThis];
        return pool.call(() => [
          table[0] === setTimeout,
          table[1] === URL,
          table[2] === structuredClone,
          table[3] === TextEncoder,
          table[4] === globalThis,
        ]);
      },
    },
    {
      id: "function-with-default-capture",
      says: "a captured function whose default values capture",
      call: (pool: Pool) => {
        const base = { n: 2 };
        const table = { add: (a: number, b = base.n) => a + b };
        return pool.call(() => [table.add(1), table.add(1, 1)]);
      },
    },
    {
      id: "function-frozen",
      says: "a frozen function and one with a symbol property",
      call: (pool: Pool) => {
        const tag = Symbol.for("tag");
        const fn = [Object.assign(() => 1, { [tag]: 5 })][0]!;
        const frozen = [Object.freeze(() => 2)][0]!;
        return pool.call(() => [fn(), fn[tag], frozen(), Object.isFrozen(frozen)]);
      },
    },
    {
      id: "function-reads-later-state",
      says: "a captured function that reads a variable as it is at the call",
      call: async (pool: Pool) => {
        let n = 1;
        const table = { read: () => n };
        n = 5;
        return pool.call(() => table.read());
      },
    },
    {
      id: "callback-with-this",
      says: "functions that are passed on to array methods inside",
      call: (pool: Pool) => {
        const isSmall = { test: (n: number) => n < 3 }.test;
        return pool.call(() => [1, 2, 3, 4].filter(isSmall));
      },
    },
    {
      id: "recursive-function-value",
      says: "a function value that calls itself by a captured name",
      call: (pool: Pool) => {
        const table = {
          sum(n: number): number {
            return n === 0 ? 0 : n + table.sum(n - 1);
          },
        };
        return pool.call(() => table.sum(4));
      },
    },
    {
      id: "mutual-function-values",
      says: "function values that call each other",
      call: (pool: Pool) => {
        const table: Record<string, (n: number) => boolean> = {};
        table.even = (n) => n === 0 || table.odd!(n - 1);
        table.odd = (n) => n !== 0 && table.even!(n - 1);
        return pool.call(() => [table.even!(4), table.odd!(4)]);
      },
    },
    {
      id: "curried",
      says: "curried functions",
      call: (pool: Pool) => {
        const add = (a: number) => (b: number) => (c: number) => a + b + c;
        const partly = add(1)(2);
        return pool.call(() => [partly(3), add(1)(1)(1)]);
      },
    },
  ],
};

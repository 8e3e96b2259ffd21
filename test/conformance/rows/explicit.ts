/** `pool.call(captures, fn)`. */
import type { Pool } from "@bonfire/runtime";
import { chunk } from "lodash-es";
import type { Group } from "../row.ts";
import { makeCircle } from "../support/shapes.ts";

const OUTSIDE = { n: 1 };

export const explicit: Group = {
  title: "Explicit captures",
  rows: [
    {
      id: "explicit-values",
      says: "captures by name",
      call: (pool: Pool) => pool.call({ a: 1, b: "x" }, ({ a, b }) => [a, b]),
    },
    {
      id: "explicit-async",
      says: "an async function",
      call: (pool: Pool) => pool.call({ n: 2 }, async ({ n }) => (await n) * 2),
    },
    { id: "explicit-none", says: "no captures", call: (pool: Pool) => pool.call({}, () => 3) },
    {
      id: "explicit-rich",
      says: "maps, dates, errors, buffers",
      call: (pool: Pool) =>
        pool.call(
          { map: new Map([[1, new Date(2)]]), bytes: Buffer.from("b"), error: new TypeError("t") },
          (all) => all,
        ),
    },
    {
      id: "explicit-function",
      says: "a function among them, with its captures",
      call: (pool: Pool) => {
        const by = { n: 3 };
        return pool.call({ scale: (n: number) => n * by.n }, ({ scale }) => scale(4));
      },
    },
    {
      id: "explicit-instance",
      says: "an instance among them",
      call: (pool: Pool) => pool.call({ circle: makeCircle(2) }, ({ circle }) => circle.describe()),
    },
    {
      id: "explicit-builtin",
      says: "a builtin, imported inside",
      call: (pool: Pool) =>
        pool.call({ file: "a/b.c" }, async ({ file }) => (await import("node:path")).basename(file)),
    },
    {
      id: "explicit-shared",
      says: "shared identity",
      call: (pool: Pool) => {
        const one = {};
        return pool.call({ one, list: [one] }, ({ one, list }) => list[0] === one);
      },
    },
    {
      id: "explicit-method",
      says: "a method as the function",
      call: (pool: Pool) => {
        const table = {
          run({ n }: { n: number }) {
            return n + 1;
          },
        };
        return pool.call({ n: 1 }, table.run);
      },
    },
    {
      id: "explicit-defaults",
      says: "defaults and a rest in its parameter",
      call: (pool: Pool) =>
        pool.call(
          { a: 1, c: 3, d: 4 } as { a: number; b?: number; c: number; d: number },
          ({ a, b = 2, ...rest }) => [a, b, rest],
        ),
    },
    {
      id: "explicit-outer-variable",
      says: "a variable that is not among them",
      call: (pool: Pool) => pool.call({ a: 1 }, ({ a }) => a + OUTSIDE.n),
      needs: "loader",
      refused: {
        code: "CAPTURE_REFUSED",
        message: /`OUTSIDE`, which is not among its named captures: add it/,
        instead: "add it to the captures, or use the loader",
      },
    },
    {
      id: "explicit-import",
      says: "an import of the file",
      call: (pool: Pool) => pool.call({ list: [1, 2, 3] }, ({ list }) => chunk(list, 2)),
      needs: "loader",
      refused: {
        code: "CAPTURE_REFUSED",
        message: /`chunk`, which is not among its named captures/,
        instead: "import it inside, or use the loader",
      },
    },
    {
      id: "explicit-refused",
      says: "a value that cannot travel",
      call: (pool: Pool) =>
        pool.call({ deep: { list: [Promise.resolve()] } }, ({ deep }) => deep.list.length),
      refused: {
        code: "VALUE_REFUSED",
        message: /"arguments\[0\]\.deep\.list\[0\]".*Promise: await it first/,
        instead: "await it first",
      },
    },
  ],
};

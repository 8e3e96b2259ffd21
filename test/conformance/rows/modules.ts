/** What a closure imports. */

import * as path from "node:path";
import { basename as base, join } from "node:path";
import util from "node:util";
import type { Pool } from "@bonfire/runtime";
import { Square } from "@bonfire-test/shapes";
import { addDays, format } from "date-fns";
import { chunk, groupBy } from "lodash-es";
import semver, { satisfies } from "semver";
import { z } from "zod";
import { aliased } from "~/support/aliased.ts";
import type { Group } from "../row.ts";
import { everything, original, RENAMED, Circle as Round } from "../support/again.ts";
import data from "../support/data.json" with { type: "json" };
import { double, Thing, where } from "../support/legacy.cjs";
import * as named from "../support/named.ts";
import byDefault, { CONSTANT, imported, type OnlyType, readHidden, settings } from "../support/named.ts";
import { folder, here, lastOf } from "../support/place.ts";

const schema = z.object({ name: z.string(), age: z.number().min(0) });

export const modules: Group = {
  title: "Imports and modules",
  rows: [
    {
      id: "import-named",
      says: "a named import",
      call: (pool: Pool) => pool.call(() => [imported(), CONSTANT]),
    },
    { id: "import-default", says: "a default import", call: (pool: Pool) => pool.call(() => byDefault()) },
    {
      id: "import-namespace",
      says: "a namespace import",
      call: (pool: Pool) =>
        pool.call(() => [named.imported(), named.CONSTANT, named.default(), Object.keys(named).length]),
    },
    {
      id: "import-renamed",
      says: "a renamed import",
      call: (pool: Pool) => pool.call(() => [base("a/b"), new Round(1).area()]),
    },
    {
      id: "import-re-exported",
      says: "re-exported names, also by `export *`",
      call: (pool: Pool) =>
        pool.call(() => [RENAMED, everything.CONSTANT, original(), new Round(2).describe()]),
    },
    {
      id: "import-type",
      says: "type-only imports beside others",
      call: (pool: Pool) =>
        pool.call(() => {
          const only: OnlyType = { n: 1 };
          return only.n;
        }),
    },
    {
      id: "import-object",
      says: "an object that another file exports",
      call: (pool: Pool) => pool.call(() => settings),
    },
    {
      id: "import-hidden-state",
      says: "a function that reads a variable of its file",
      call: (pool: Pool) => pool.call(() => readHidden()),
    },
    { id: "import-json", says: "JSON", call: (pool: Pool) => pool.call(() => data) },
    {
      id: "import-live-binding",
      says: "live bindings, inside one call",
      call: (pool: Pool) =>
        pool.call(async () => {
          const state = await import("../support/counting.ts");
          const before = state.counted;
          state.countUp();
          return state.counted - before;
        }),
    },
    {
      id: "import-commonjs",
      says: "a CommonJS file, named",
      call: (pool: Pool) => pool.call(() => [double(4), new Thing().n, where()]),
      not: { bundler: "esbuild's ES modules cannot `require` a builtin, shipped code can" },
    },
    {
      id: "import-commonjs-package",
      says: "a CommonJS package, default and named",
      call: (pool: Pool) =>
        pool.call(() => [semver.valid("1.2.3"), satisfies("1.2.3", "^1.0.0"), semver.inc("1.2.3", "minor")]),
    },
    {
      id: "import-lodash",
      says: "lodash-es",
      call: (pool: Pool) => pool.call(() => [chunk([1, 2, 3], 2), groupBy(["a", "bb"], "length")]),
    },
    {
      id: "import-zod",
      says: "zod, made inside",
      call: (pool: Pool) => pool.call(() => z.object({ a: z.number() }).safeParse({ a: 1 })),
    },
    {
      id: "import-zod-error",
      says: "zod, refusing a value",
      call: (pool: Pool) =>
        pool.call(() => {
          const result = z.object({ a: z.number() }).safeParse({ a: "x" });
          return [result.success, result.error?.issues];
        }),
    },
    {
      id: "import-date-fns",
      says: "date-fns",
      call: (pool: Pool) => {
        const start = new Date(Date.UTC(2026, 0, 31));
        return pool.call(() => [format(addDays(start, 1), "yyyy-MM-dd"), addDays(start, 1)]);
      },
    },
    {
      id: "import-workspace",
      says: "a workspace package in TypeScript",
      call: (pool: Pool) => pool.call(() => new Square(3).area()),
    },
    {
      id: "import-tsconfig-paths",
      says: "an alias of tsconfig's `paths`",
      call: (pool: Pool) => pool.call(() => aliased),
    },
    {
      id: "import-builtin-named",
      says: "a node builtin, named",
      call: (pool: Pool) => pool.call(() => join("a", "..", "b")),
    },
    {
      id: "import-builtin-namespace",
      says: "a node builtin, as a namespace",
      call: (pool: Pool) => pool.call(() => path.extname("a.ts")),
    },
    {
      id: "import-builtin-default",
      says: "a node builtin, by default",
      call: (pool: Pool) => pool.call(() => util.inspect({ a: [1] })),
    },
    {
      id: "import-builtin-in-helper",
      says: "a helper file that imports a builtin",
      call: (pool: Pool) => pool.call(() => lastOf("a/b")),
    },
    {
      id: "import-meta-url",
      says: "`import.meta.url` in the closure",
      call: (pool: Pool) => pool.call(() => import.meta.url),
      not: { bundler: "`import.meta` is the source's in shipped code, the output's elsewhere" },
    },
    {
      id: "import-meta-dirname",
      says: "`import.meta.dirname` and `filename` in the closure",
      call: (pool: Pool) => pool.call(() => [import.meta.dirname, import.meta.filename]),
      not: { bundler: "`import.meta` is the source's in shipped code, the output's elsewhere" },
    },
    {
      id: "import-meta-helper",
      says: "`import.meta` in a file that it imports",
      call: (pool: Pool) => pool.call(() => [here(), folder()]),
      not: { bundler: "`import.meta` is the source's in shipped code, the output's elsewhere" },
    },
    {
      id: "dynamic-import-file",
      says: "`import()` of a file of the project",
      call: (pool: Pool) =>
        pool.call(async () => {
          const { lazy, default: later } = await import("../support/lazy/index.ts");
          return [lazy, later()];
        }),
    },
    {
      id: "dynamic-import-package",
      says: "`import()` of a package",
      call: (pool: Pool) => pool.call(async () => (await import("lodash-es")).uniq([1, 1, 2])),
    },
    {
      id: "dynamic-import-commonjs",
      says: "`import()` of a CommonJS package",
      call: (pool: Pool) => pool.call(async () => (await import("semver")).default.major("3.2.1")),
    },
    {
      id: "dynamic-import-builtin",
      says: "`import()` of a node builtin",
      call: (pool: Pool) => pool.call(async () => (await import("node:path")).posix.sep),
    },
    {
      id: "dynamic-import-json",
      says: "`import()` of JSON",
      call: (pool: Pool) =>
        pool.call(async () => (await import("../support/data.json", { with: { type: "json" } })).default),
    },
    {
      id: "dynamic-import-template",
      says: "`import()` of a template without holes",
      call: (pool: Pool) => pool.call(async () => (await import(`../support/named.ts`)).CONSTANT),
    },
    {
      id: "dynamic-import-then",
      says: "`import().then()`",
      call: (pool: Pool) => pool.call(() => import("../support/named.ts").then(({ imported }) => imported())),
    },
    {
      id: "dynamic-import-same",
      says: "`import()` and `import` give one module",
      call: (pool: Pool) =>
        pool.call(async () => (await import("../support/named.ts")).imported === imported),
    },
    {
      id: "dynamic-import-computed-builtin",
      says: "`import()` of a builtin whose name is computed",
      call: (pool: Pool) => {
        const name = "path" as string;
        return pool.call(async () => ((await import(`node:${name}`)) as typeof path).basename("a/b"));
      },
    },
    {
      id: "dynamic-import-computed-file",
      says: "`import()` of a template that names the file's folder",
      call: (pool: Pool) => {
        const name = "named" as string;
        return pool.call(async () => (await import(`../support/${name}.ts`)).CONSTANT);
      },
    },
    {
      id: "dynamic-import-computed-package",
      says: "`import()` of a package whose name is computed, which is looked for where the executor was started",
      call: (pool: Pool) => {
        const name = "semver" as string;
        return pool.call(async () => ((await import(name)) as typeof import("semver")).valid("1.2.3"));
      },
      needs: "process realm",
      refused: {
        code: "GRANT_MISSING",
        message: /"semver".*its name was computed/,
        instead: "write the literal name",
      },
    },
    {
      id: "builtin-prefix",
      says: "builtins with and without `node:`",
      call: (pool: Pool) =>
        pool.call(async () => (await import("path")).basename("a/b") + (await import("node:os")).EOL),
    },
    {
      id: "builtin-fs-granted",
      says: "`node:fs`, granted by `files`",
      call: (pool: Pool) =>
        pool.call(async () => {
          const { writeFile, readFile, rm } = await import("node:fs/promises");
          // Inline it is beside those of the runs that go on at the same time.
          const file = `row-${crypto.randomUUID()}.txt`;
          await writeFile(file, "written");
          const written = await readFile(file, "utf8");
          await rm(file);
          return written;
        }),
      granted: true,
    },
    {
      id: "builtin-child-process-granted",
      says: "`node:child_process`, granted by `programs`",
      call: (pool: Pool) =>
        pool.call(async () => {
          const { execFileSync } = await import("node:child_process");
          return execFileSync("echo", ["hello"], { encoding: "utf8" });
        }),
      granted: true,
    },
    {
      id: "env-granted",
      says: "`process.env`, granted by `env`",
      call: (pool: Pool) => pool.call(() => process.env.BONFIRE_ROW),
      granted: true,
    },
    {
      id: "builtin-fs",
      says: "`node:fs` without a grant",
      call: (pool: Pool) => pool.call(async () => (await import("node:fs")).existsSync("/")),
      needs: "process realm",
      refused: {
        code: "GRANT_MISSING",
        message: /node:fs.*add grants: \{ files: true \}/,
        instead: "grant `files`",
      },
    },
    {
      id: "builtin-net",
      says: "`node:net` and other builtins that a sandbox never has",
      call: (pool: Pool) => pool.call(async () => (await import("node:net")).isIP("1.1.1.1")),
      needs: "process realm",
      refused: {
        code: "GRANT_MISSING",
        message: /node:net.*realm: "process"/,
        instead: 'use `realm: "process"`',
      },
    },
    {
      id: "whole-module",
      says: "a whole module as a value",
      call: (pool: Pool) => {
        const table = { named };
        return pool.call(() => table.named.CONSTANT);
      },
      refused: {
        code: "CAPTURE_REFUSED",
        message: /"table\.named".*whole module: import it inside/,
        instead: "import it inside the closure",
      },
      not: { bundler: "a module is a plain object there, and refused if one of its values is" },
    },
    {
      id: "builtin-module-value",
      says: "a node builtin as a value",
      call: (pool: Pool) => {
        const table = { path: path.posix };
        return pool.call(() => table.path.join("a", "b"));
      },
    },
    {
      id: "value-made-by-package",
      says: "an object with methods that a package made (a zod schema)",
      call: (pool: Pool) => pool.call(() => schema.parse({ name: "x", age: 1 })),
      refused: {
        code: "CAPTURE_REFUSED",
        message: /"schema/,
        instead: "make it inside the closure, or in a file that it imports",
      },
    },
    {
      id: "value-made-by-package-imported",
      says: "an object with methods that a package made (a zod schema), made in a file that the closure imports",
      call: (pool: Pool) =>
        pool.call(async () => (await import("../support/schema.ts")).person.parse({ name: "x" })),
    },
  ],
};

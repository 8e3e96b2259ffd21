/** Modules that await: in a file of their own, as the bundle of such a file is asynchronous. */

import type { Pool } from "@bonfire/runtime";
import { answer } from "@bonfire-test/awaits";
import type { Group } from "../row.ts";
import { awaited } from "../support/awaited.ts";

export const topLevelAwait: Group = {
  title: "Top-level await",
  rows: [
    {
      id: "await-package",
      says: "a package with top-level await",
      call: (pool: Pool) => pool.call(() => answer),
    },
    {
      id: "await-file",
      says: "a file with top-level await",
      call: (pool: Pool) => pool.call(() => awaited.n),
    },
    {
      id: "await-dynamic",
      says: "`import()` of a package with top-level await",
      call: (pool: Pool) => pool.call(async () => (await import("@bonfire-test/awaits")).answer),
    },
  ],
};

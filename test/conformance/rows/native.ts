/** Native addons: in a file of their own, as they are refused when the file is bundled. */
import type { Pool } from "@bonfire/runtime";
import type { Group } from "../row.ts";

export const native: Group = {
  title: "Native addons",
  rows: [
    {
      id: "native-addon",
      says: "a `.node` file",
      call: (pool: Pool) =>
        pool.call(() => import("../support/addon.node" as string & "../support/addon.node")),
      refused: {
        code: "BUNDLE_FAILED",
        message: /native addon "\.\.\/support\/addon\.node".*/,
        instead: "a `process` realm and a computed `import()`",
      },
    },
  ],
};

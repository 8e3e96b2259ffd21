/** Starts the bench under the loader, the way a program that cares for speed runs. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const { status } = spawnSync(
  process.execPath,
  [
    "--expose-gc",
    "--import",
    "@bonfire/loader",
    join(import.meta.dirname, "main.ts"),
    ...process.argv.slice(2),
  ],
  {
    stdio: "inherit",
    cwd: join(import.meta.dirname, ".."),
    // It captures without the loader on purpose.
    env: { ...process.env, BONFIRE_HINTS: "0" },
  },
);
process.exit(status ?? 1);

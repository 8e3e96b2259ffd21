/** Finds the default backend, a package of its own because it brings the executor and so a native addon. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { BonfireError } from "@bonfire/wire";
import type { RealmKind } from "./bootstrap.ts";
import type { Backend } from "./port.ts";

const PACKAGE = "@bonfire/backend-local";

/** Throws `BACKEND_MISSING` if the package is not installed beside the program. */
export async function defaultBackend(realm: RealmKind): Promise<Backend> {
  const module = (await import(resolve())) as { localBackend(): Backend; inlineBackend(): Promise<Backend> };
  return realm === "inline" ? module.inlineBackend() : module.localBackend();
}

function resolve(): string {
  const starts = [process.argv[1], join(process.cwd(), "_"), import.meta.filename].filter(
    (path) => path !== undefined,
  );
  for (const start of starts) {
    try {
      return pathToFileURL(createRequire(start).resolve(PACKAGE)).href;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new BonfireError(
    "BACKEND_MISSING",
    `Cannot find ${PACKAGE}, which runs executors on this machine: install it beside @bonfire/runtime, or give the pool a backend`,
  );
}

/** The script of the actor runtime, read when the first isolate needs it, with V8's code cache for it. */
import { readFileSync } from "node:fs";
import type { BundleCode } from "./sandbox.ts";

let script: BundleCode | undefined;

export function actorScript(): BundleCode {
  script ??= { hash: "actors", code: readFileSync(new URL("../actors.js", import.meta.url), "utf8") };
  return script;
}

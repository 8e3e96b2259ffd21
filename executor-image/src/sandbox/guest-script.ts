/** The script that every isolate runs, read once per process, with V8's code cache for it. */
import { readFileSync } from "node:fs";
import ivm from "isolated-vm";

const NAME = "bonfire:guest";

let code: string | undefined;
let cache: ivm.ExternalCopy<ArrayBuffer> | undefined;

/**
 * Compiles the guest into an isolate: two milliseconds with the cache, thirty without. V8 takes the cache of the build
 * only for the same binary with the same V8 flags; otherwise one is made here for the isolates that follow.
 */
export function compileGuest(isolate: ivm.Isolate): ivm.Script {
  code ??= readFileSync(new URL("../guest.js", import.meta.url), "utf8");
  cache ??= new ivm.ExternalCopy(
    new Uint8Array(readFileSync(new URL("../guest.cache", import.meta.url))).buffer,
  );
  const script = isolate.compileScriptSync(code, { filename: NAME, cachedData: cache }) as CompiledScript;
  if (script.cachedDataRejected !== true) return script;
  const fresh = isolate.compileScriptSync(code, {
    filename: NAME,
    produceCachedData: true,
  }) as CompiledScript;
  cache = fresh.cachedData;
  return fresh;
}

/** What isolated-vm adds to a script that it was asked to cache; its types leave it out. */
interface CompiledScript extends ivm.Script {
  readonly cachedDataRejected?: boolean;
  readonly cachedData?: ivm.ExternalCopy<ArrayBuffer>;
}

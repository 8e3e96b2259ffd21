/** What `require("node:…")` and `import("node:…")` give inside: Node's own pure modules, and ours over host abilities. */
import { importRefusal, isHostModule } from "@bonfire/wire";
import { childProcessModule } from "./child-process.ts";
import { cryptoModule } from "./crypto.ts";
import { filesModule, filesPromises } from "./files.ts";
import { hostModule, hostNamespace } from "./host-modules.ts";
import { facts, processObject, requireInternal } from "./library.ts";
import { REALM_RUNTIME, realmRuntime } from "./realm-runtime.ts";
import { zlibModule } from "./zlib.ts";

const own: Readonly<Record<string, () => unknown>> = {
  child_process: childProcessModule,
  console: () => globalThis.console,
  constants: () => ({ ...facts.constants.os, ...facts.constants.fs }),
  crypto: cryptoModule,
  fs: filesModule,
  "fs/promises": filesPromises,
  process: () => processObject,
  sys: () => requireInternal("util"),
  tty: () => ({ isatty: () => false, ReadStream: class ReadStream {}, WriteStream: class WriteStream {} }),
  zlib: zlibModule,
};

const loaded = new Map<string, unknown>([[REALM_RUNTIME, realmRuntime]]);
const namespaces = new Map<string, object>();

/** A builtin of this realm, or a host module. Throws GRANT_MISSING when the pool's grants do not open it. */
export function requireBuiltin(specifier: string): unknown {
  const name = specifier.startsWith("node:") ? specifier.slice(5) : specifier;
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const refusal = importRefusal(name, facts.grants);
  if (refusal !== undefined) throw refusal;
  if (isHostModule(specifier, facts.grants)) return hostModule(specifier);
  const module = Object.hasOwn(own, name) ? own[name]!() : requireInternal(name);
  loaded.set(name, module);
  return module;
}

/** As `import()`: the namespace of a builtin, with its exports and `default`. */
export async function importBuiltin(specifier: string): Promise<object> {
  if (isHostModule(specifier, facts.grants)) return hostNamespace(specifier);
  const known = namespaces.get(specifier);
  if (known !== undefined) return known;
  const module = requireBuiltin(specifier) as object;
  const namespace: Record<PropertyKey, unknown> = Object.create(null);
  for (const key of Object.getOwnPropertyNames(module)) {
    if (key === "default") continue;
    Object.defineProperty(namespace, key, {
      enumerable: true,
      get: () => (module as Record<string, unknown>)[key],
    });
  }
  Object.defineProperty(namespace, "default", { enumerable: true, value: module });
  Object.defineProperty(namespace, Symbol.toStringTag, { value: "Module" });
  namespaces.set(specifier, namespace);
  return namespace;
}

/**
 * What a pool allows its sandbox to touch, and which of node's builtin modules each permission opens. The driver
 * reads it before anything is sent and the guest reads it at import, so both refuse with the same sentence.
 */
import { BonfireError } from "./error.ts";

/** The host abilities a pool gives its realm. Everything that is not named is refused. */
export interface Grants {
  /** Programs that `node:child_process` may start, by name (`"ffmpeg"`) or absolute path. */
  readonly programs?: readonly string[];
  /** A private working directory per call, reached through `node:fs` and `node:fs/promises`. */
  readonly files?: boolean;
  /** `true` for any host, or the hosts that `fetch` may reach (`"api.example.com"`, `"*.example.com"`). */
  readonly fetch?: boolean | readonly string[];
  /** Environment variables, by name, that `process.env` shows. */
  readonly env?: readonly string[];
  /**
   * npm packages (`"sharp"`) that the cell itself loads, from the executor's working directory, and whose objects the
   * closure uses through asynchronous proxies. Such a package runs unconfined, with all that the executor may do.
   */
  readonly hostModules?: readonly string[];
}

/** What a builtin needs before an isolate may import it. */
export type GrantNeeded = "none needed" | keyof Grants | "process realm";

const OPEN = new Set([
  "assert",
  "assert/strict",
  "async_hooks",
  "buffer",
  "console",
  "constants",
  "crypto",
  "diagnostics_channel",
  "events",
  "os",
  "path",
  "path/posix",
  "path/win32",
  "perf_hooks",
  "process",
  "punycode",
  "querystring",
  "stream",
  "stream/consumers",
  "stream/promises",
  "stream/web",
  "string_decoder",
  "sys",
  "timers",
  "timers/promises",
  "tty",
  "url",
  "util",
  "util/types",
  "zlib",
]);

const BY_GRANT: Readonly<Record<string, keyof Grants>> = {
  child_process: "programs",
  fs: "files",
  "fs/promises": "files",
};

const EXAMPLE: Readonly<Record<keyof Grants, string>> = {
  programs: '{ programs: ["name"] }',
  files: "{ files: true }",
  fetch: '{ fetch: ["host"] }',
  env: '{ env: ["NAME"] }',
  hostModules: '{ hostModules: ["package"] }',
};

/** Which grant opens this builtin; `builtin` is its name with or without `node:`. */
export function grantFor(builtin: string): GrantNeeded {
  const name = withoutScheme(builtin);
  if (OPEN.has(name)) return "none needed";
  return Object.hasOwn(BY_GRANT, name) ? (BY_GRANT[name] as keyof Grants) : "process realm";
}

/** Whether `grants` holds this permission at all; a list that names nothing permits nothing. */
export function isGranted(grants: Grants, grant: keyof Grants): boolean {
  const value = grants[grant];
  return Array.isArray(value) ? value.length > 0 : value === true;
}

/** Why this builtin cannot be imported under these grants, or `undefined` if it can. */
export function importRefusal(builtin: string, grants: Grants): BonfireError | undefined {
  const needed = grantFor(builtin);
  if (needed === "none needed") return undefined;
  const name = withoutScheme(builtin);
  if (needed === "process realm" && !isBuiltinName(builtin)) return packageRefusal(builtin, grants);
  if (needed === "process realm") {
    return new BonfireError(
      "GRANT_MISSING",
      `Cannot import "node:${name}" as no grant gives it to a sandbox: use realm: "process" for your own code on your own machines`,
    );
  }
  if (isGranted(grants, needed)) return undefined;
  return missingGrant(`import "node:${name}"`, needed);
}

/** Whether the cell loads this specifier itself: a granted package, or a part of one (`"package/part"`). */
export function isHostModule(specifier: string, { hostModules = [] }: Grants): boolean {
  return hostModules.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}

/** The package that a specifier names (`"@scope/name/part"` is of `"@scope/name"`); `undefined` for a path or URL. */
export function packageOf(specifier: string): string | undefined {
  return /^(?:@[\w.~-]+\/)?[\w~-][\w.~-]*(?=\/|$)/.exec(specifier)?.[0];
}

function packageRefusal(specifier: string, grants: Grants): BonfireError | undefined {
  if (isHostModule(specifier, grants)) return undefined;
  const name = packageOf(specifier);
  return new BonfireError(
    "GRANT_MISSING",
    name === undefined
      ? `Cannot import "${specifier}" as it did not travel with the closure: write import() with the literal name of a file or package`
      : `Cannot import "${specifier}" as it does not travel (it is native, or its name was computed) and this pool grants no such host module: add grants: { hostModules: ["${name}"] } to the pool, or use realm: "process"`,
  );
}

/** The refusal of a use that needs `grant`: `Cannot <use> as this pool grants no <grant>: add …`. */
export function missingGrant(use: string, grant: keyof Grants): BonfireError {
  return new BonfireError(
    "GRANT_MISSING",
    `Cannot ${use} as this pool grants no ${grant}: add grants: ${EXAMPLE[grant]} to the pool`,
  );
}

function withoutScheme(builtin: string): string {
  return builtin.startsWith("node:") ? builtin.slice(5) : builtin;
}

/** Builtins that a program names without `node:` have short plain names; files and packages that were not bundled look otherwise. */
function isBuiltinName(specifier: string): boolean {
  return specifier.startsWith("node:") || KNOWN_BUILTIN.test(specifier);
}

/** Those that need the process realm; all others are in the tables above. */
const KNOWN_BUILTIN =
  /^(_\w+|child_process|cluster|dgram|dns|domain|fs|http|http2|https|inspector|module|net|readline|repl|tls|trace_events|v8|vm|wasi|worker_threads)(\/\w+)?$/;

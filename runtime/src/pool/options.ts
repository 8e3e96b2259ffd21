import { isBuiltin } from "node:module";
import { availableParallelism } from "node:os";
import { BonfireError, type Grants, packageOf } from "@bonfire/wire";
import type { RealmKind } from "../backend/bootstrap.ts";
import type { Backend } from "../backend/port.ts";
import { type Duration, milliseconds } from "../duration.ts";
import { refuseUnknown, wholeNumber } from "../option.ts";
import { isStore, type Store } from "../store/port.ts";
import type { Policy } from "../supervisor/policy.ts";
import { NO_RESOURCES, type Resources, resolveResources } from "../supervisor/resources.ts";
import type { IdleCheck } from "../supervisor/supervisor.ts";

export interface PoolOptions {
  /** Executors that are always there. Default 0. */
  min?: number;
  /** Executors at most, running and booting. Default: the number of this machine's cores, at least 2. */
  max?: number;
  /** Calls that one executor runs at a time. Default 1; raise it for work that waits rather than computes. */
  concurrency?: number;
  /** Slots that are kept free beyond what calls use, so that the next ones need not wait. Default 0. */
  buffer?: number;
  /**
   * How long an executor above `min` may be without work. Default `"10s"`. Up to twice as long where boots are slow, or
   * where executors that went were missed soon afterwards; up to three times for the first to be needed beside busy
   * ones.
   */
  idleAfter?: Duration;
  /**
   * Asked, in the driver that supervises the pool, before an executor goes because it was idle for `idleAfter`; `false`
   * keeps it for another `idleAfter`, and so does an error, which becomes a process warning.
   */
  idleCheck?: IdleCheck;
  /** How old an executor may get before another takes its place; its calls may finish. Default: any age. */
  lifetime?: Duration;
  /** Each executor serves one call and goes; `concurrency` must be 1. Default `false`. */
  singleUse?: boolean;
  /** How long an executor may take from its launch until it is ready. Default `"30s"`. */
  bootTimeout?: Duration;
  /** How long running work gets to finish when an executor stops. Default `"30s"`. */
  shutdownTimeout?: Duration;
  /** The deadline of a call that names none: waiting, booting and running together. Default `"5m"`. */
  timeout?: Duration;
  /** Cap of memory for the code of one driver on one executor, in MB. Default 512. */
  memory?: number;
  /** What each executor has; a call that needs more is refused. Default: nothing is declared. */
  resources?: Resources;
  /** A call that captures more bytes than this is refused. Default 64 MB (67,108,864). */
  maxCaptureBytes?: number;
  /** Calls that may wait for a slot; the next is rejected with `POOL_SATURATED`. Default 100,000. */
  maxQueue?: number;
  /**
   * Where shipped code runs: in an isolate (default), in a trusted plain Node process of its own, or, for tests and
   * debugging, in this process.
   */
  realm?: RealmKind;
  /** What the code may touch beyond computing. Default: nothing. */
  grants?: Grants;
  /** Where executors run. Default: processes on this machine, by `@bonfire/backend-local`. */
  backend?: Backend;
  /**
   * Elects the driver that supervises the pool, so that there is one also while NATS keeps drivers apart; the same store
   * for each driver. Default: the first to come supervises.
   */
  store?: Store;
  /** What happens to lines that shipped code prints: into this process's console (default), or only to `pool.on("log")`. */
  logs?: "inherit" | "ignore";
}

export interface ResolvedPoolOptions {
  readonly policy: Policy;
  readonly idleCheck: IdleCheck | undefined;
  readonly bootMs: number;
  readonly shutdownMs: number;
  readonly callMs: number;
  readonly memoryMb: number;
  readonly maxCaptureBytes: number;
  readonly maxQueue: number;
  readonly realm: RealmKind;
  readonly grants: Grants;
  /** Packages that the realm gives, so that bundles need not have them. */
  readonly hostModules: readonly string[];
  readonly backend: Backend | undefined;
  readonly store: Store | undefined;
  readonly logs: "inherit" | "ignore";
}

const KNOWN = [
  "min",
  "max",
  "concurrency",
  "buffer",
  "idleAfter",
  "idleCheck",
  "lifetime",
  "singleUse",
  "bootTimeout",
  "shutdownTimeout",
  "timeout",
  "memory",
  "resources",
  "maxCaptureBytes",
  "maxQueue",
  "realm",
  "grants",
  "backend",
  "store",
  "logs",
] as const satisfies readonly (keyof PoolOptions)[];
const KNOWN_GRANTS = [
  "programs",
  "files",
  "fetch",
  "env",
  "hostModules",
] as const satisfies readonly (keyof Grants)[];
/** The isolate itself, its codec and Node's library need this much. */
const LEAST_MEMORY_MB = 16;

/** Throws `UNKNOWN_OPTION` or `INVALID_OPTION`, naming the option. */
export function resolvePoolOptions(pool: string, options: PoolOptions): ResolvedPoolOptions {
  if (!/^[A-Za-z0-9][\w-]{0,63}$/.test(pool)) {
    throw new BonfireError(
      "INVALID_OPTION",
      `A pool's name is 1 to 64 letters, digits, "-" and "_", starting with a letter or digit; got ${JSON.stringify(pool)}`,
    );
  }
  refuseUnknown(`pool "${pool}"`, options, KNOWN);
  const {
    min = 0,
    max = Math.max(2, availableParallelism(), min),
    concurrency = 1,
    buffer = 0,
    idleAfter = "10s",
    idleCheck,
    lifetime,
    singleUse = false,
    bootTimeout = "30s",
    shutdownTimeout = "30s",
    timeout = "5m",
    memory = 512,
    resources = NO_RESOURCES,
    maxCaptureBytes = 64 * 1024 * 1024,
    maxQueue = 100_000,
    realm = "isolate",
    grants = {},
    backend,
    store,
    logs = "inherit",
  } = options;
  wholeNumber("min", min, 0);
  wholeNumber("max", max, 1);
  if (max < min) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "max" (${max}) of pool "${pool}" must be at least "min" (${min})`,
    );
  }
  if (typeof singleUse !== "boolean") {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "singleUse" must be true or false, got ${JSON.stringify(singleUse)}`,
    );
  }
  if (singleUse && concurrency !== 1) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "singleUse" of pool "${pool}" needs a "concurrency" of 1, got ${concurrency}: an executor serves one call`,
    );
  }
  if (idleCheck !== undefined && typeof idleCheck !== "function") {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "idleCheck" must be a function, got ${typeof idleCheck}`,
    );
  }
  if (store !== undefined && !isStore(store)) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "store" of pool "${pool}" must be a store, such as \`await fire.store()\` gives`,
    );
  }
  oneOf("realm", realm, ["isolate", "process", "inline"]);
  if (realm === "inline" && backend) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "realm" of pool "${pool}" is "inline", so its executors are in this process: leave "backend" out`,
    );
  }
  oneOf("logs", logs, ["inherit", "ignore"]);
  checkGrants(pool, grants);
  return {
    policy: {
      min,
      max,
      concurrency: wholeNumber("concurrency", concurrency, 1),
      buffer: wholeNumber("buffer", buffer, 0),
      idleAfter: milliseconds("idleAfter", idleAfter),
      lifetime: lifetime === undefined ? Number.POSITIVE_INFINITY : atLeast("lifetime", lifetime, 1_000),
      singleUse,
      resources: resolveResources(`pool "${pool}"`, resources),
    },
    idleCheck,
    bootMs: milliseconds("bootTimeout", bootTimeout),
    shutdownMs: milliseconds("shutdownTimeout", shutdownTimeout),
    callMs: milliseconds("timeout", timeout),
    memoryMb: wholeNumber("memory", memory, LEAST_MEMORY_MB),
    maxCaptureBytes: wholeNumber("maxCaptureBytes", maxCaptureBytes, 1),
    maxQueue: wholeNumber("maxQueue", maxQueue, 1),
    realm,
    grants,
    // A process realm could load them too, but what travels runs in the version that the driver has.
    hostModules: realm === "isolate" ? (grants.hostModules ?? []) : [],
    backend,
    store,
    logs,
  };
}

function atLeast(option: string, value: Duration, least: number): number {
  const ms = milliseconds(option, value);
  if (ms >= least) return ms;
  throw new BonfireError("INVALID_OPTION", `Option "${option}" must be at least ${least} ms, got ${ms}`);
}

/** A string where a list belongs would be read as its letters, and grant something else. */
function checkGrants(pool: string, grants: Grants): void {
  if (typeof grants !== "object" || grants === null) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "grants" of pool "${pool}" must be an object, got ${JSON.stringify(grants)}`,
    );
  }
  refuseUnknown(`grants of pool "${pool}"`, grants, KNOWN_GRANTS);
  const { files, fetch, programs, env, hostModules } = grants;
  if (files !== undefined && typeof files !== "boolean") throw badGrant("files", "true or false", files);
  if (fetch !== undefined && typeof fetch !== "boolean")
    listOfNames("fetch", "true, or a list of hosts", fetch);
  for (const [key, names] of Object.entries({ programs, env, hostModules })) {
    if (names !== undefined) listOfNames(key, "a list of names", names);
  }
  for (const name of hostModules ?? []) hostModule(name);
}

function listOfNames(grant: string, wanted: string, given: unknown): void {
  if (Array.isArray(given) && given.every((name) => typeof name === "string" && name !== "")) return;
  throw badGrant(grant, wanted, given);
}

function badGrant(grant: string, wanted: string, given: unknown): BonfireError {
  return new BonfireError(
    "INVALID_OPTION",
    `Grant "${grant}" must be ${wanted}, got ${JSON.stringify(given)}`,
  );
}

function hostModule(name: string): void {
  if (packageOf(name) === name && !isBuiltin(name)) return;
  throw new BonfireError(
    "INVALID_OPTION",
    `Grant "hostModules" names npm packages, got ${JSON.stringify(name)}: builtins and files are no host modules`,
  );
}

function oneOf(option: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return;
  throw new BonfireError(
    "INVALID_OPTION",
    `Option "${option}" must be ${allowed.map((name) => `"${name}"`).join(" or ")}, got ${JSON.stringify(value)}`,
  );
}

/**
 * What a tenant may read of a host module's objects: what the module itself put there, and nothing through which the
 * language leads on from any object to all others.
 */
import Module from "node:module";
import { types } from "node:util";
import { BonfireError } from "@bonfire/wire";

const CLIMBS = new Set([
  ...["constructor", "prototype", "__proto__", "caller", "callee", "arguments"],
  ...["__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"],
]);

const functions: readonly object[] = [() => {}, async () => {}, function* () {}, async function* () {}];

/** Prototypes of the language itself: `call`, `bind`, `toString` and the like are no part of a module's interface. */
const BARE = new Set<object | null>([
  Object.prototype,
  ...functions.map((one) => Object.getPrototypeOf(one) as object),
]);

// biome-ignore lint/security/noGlobalEval: named to be kept away, not called.
const evaluate = globalThis.eval;

/** Values that reach the whole realm; a module has no good reason to hand them out. */
const WHOLE_REALM = new Set<unknown>([
  ...[globalThis, process, Object, Reflect, Proxy, evaluate, Module, Module.prototype.require],
  ...functions.map((one) => (one as { constructor: unknown }).constructor),
]);

/** Throws if the value must not be reached from a sandbox. */
export function permitted<T>(value: T): T {
  if (!WHOLE_REALM.has(value) && !BARE.has(value as object)) return value;
  throw new BonfireError(
    "VALUE_REFUSED",
    "Cannot give this object of a host module to a sandbox as it leads to the whole executor",
  );
}

export function readMember(object: unknown, key: unknown): unknown {
  const name = memberName(key);
  if (object === null || object === undefined) {
    throw new TypeError(`Cannot read properties of ${object} (reading '${name}')`);
  }
  if (CLIMBS.has(name)) return undefined;
  // A proxy of the module's own answers for itself.
  if (types.isProxy(object)) return permitted((object as Record<string, unknown>)[name]);
  for (let holder: object | null = Object(object) as object; holder !== null && !BARE.has(holder); ) {
    if (Object.hasOwn(holder, name)) return permitted((object as Record<string, unknown>)[name]);
    holder = Object.getPrototypeOf(holder) as object | null;
  }
  return undefined;
}

export function writeMember(object: unknown, key: unknown, value: unknown): void {
  const name = memberName(key);
  if (CLIMBS.has(name) || object === null || typeof object !== "object") {
    throw new TypeError(`Cannot set ${JSON.stringify(name)} of this object of a host module`);
  }
  (object as Record<string, unknown>)[name] = value;
}

function memberName(key: unknown): string {
  if (typeof key === "string") return key;
  throw new TypeError("Cannot use a property of a host module's object whose name is no string");
}

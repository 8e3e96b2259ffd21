/** Which methods of a class others may call. Looked up once per class. */
import { BonfireError } from "@bonfire/wire";
import { Actor } from "./actor.ts";
import { isTaken } from "./ref.ts";

type Method = (this: unknown, ...args: unknown[]) => unknown;

export interface MethodTable {
  readonly methods: ReadonlyMap<string, Method>;
  readonly reentrant: ReadonlySet<string>;
  readonly trapsExit: boolean;
}

type Declared = {
  readonly name: string;
  readonly reentrant?: readonly string[];
  readonly trapExit?: boolean;
};

const NONE: ReadonlySet<string> = new Set();
const tables = new WeakMap<object, MethodTable>();

/** Throws `INVALID_ACTOR`. */
export function methodTable(type: Declared & { readonly prototype: object }): MethodTable {
  const known = tables.get(type);
  if (known) return known;
  const table = read(type);
  tables.set(type, table);
  return table;
}

function read(type: Declared & { readonly prototype: object }): MethodTable {
  const methods = new Map<string, Method>();
  // Only methods of the classes: a field that holds a function, or a getter, is state.
  let prototype = type.prototype;
  for (; prototype !== Actor.prototype; prototype = Object.getPrototypeOf(prototype) as object) {
    if (!prototype) throw invalid(type.name, "it does not extend Actor of @bonfire/runtime");
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value !== "function" || name === "constructor" || name in Actor.prototype) continue;
      if (isTaken(name)) throw invalid(type.name, `refs use the name of its method "${name}": rename it`);
      if (!methods.has(name)) methods.set(name, value as Method);
    }
  }
  const { reentrant = [] } = type;
  for (const name of reentrant) {
    if (!methods.has(name)) throw invalid(type.name, `"${name}" in its "reentrant" is none of its methods`);
  }
  return {
    methods,
    reentrant: reentrant.length === 0 ? NONE : new Set(reentrant),
    trapsExit: type.trapExit === true,
  };
}

function invalid(type: string, why: string): BonfireError {
  return new BonfireError("INVALID_ACTOR", `Cannot start ${type} as an actor as ${why}`);
}

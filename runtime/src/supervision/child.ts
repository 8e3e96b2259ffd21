/** What is supervised: which actors, how each is started, and when it is started again. */
import { BonfireError } from "@bonfire/wire";
import type { ActorClass, Declared, SpawnOptions } from "../actor/actor-class.ts";
import { resolveSpawnOptions, SPAWN_OPTIONS } from "../actor/actor-class.ts";
import type { AnyRef, Ref } from "../actor/ref.ts";
import { waitAgain } from "../naming/claim.ts";
import { refuseUnknown } from "../option.ts";
import { type Pool, requirePool } from "../pool/pool.ts";
import { type ResolvedSupervision, resolveSupervision, type SupervisionOptions } from "./options.ts";

/** When a child that has ended is started again: always, unless it ended in order, or never. */
export type Restart = "permanent" | "transient" | "temporary";

export interface ChildOptions extends Omit<SpawnOptions, "name"> {
  /** Default `"permanent"`. */
  restart?: Restart;
  /** Start it on an executor of this pool, and after a loss on another one. Default: in this process. */
  pool?: Pool;
}

/** A child of a supervision; `R` is what it is reached by. Made by `child`, `placed` or `supervision`. */
export interface Child<R = unknown> {
  /** @internal */
  readonly restart: Restart;
  /** @internal */
  readonly start: ChildStart;
  /** Only for types: what stands for the child in `Supervised.children`. */
  readonly reachedBy?: R;
}

export type ChildStart =
  | {
      readonly kind: "class";
      readonly type: ActorClass;
      readonly args: unknown[];
      readonly options: SpawnOptions;
    }
  | { readonly kind: "placed"; readonly place: (restarts: number) => AnyRef | Promise<AnyRef> }
  | { readonly kind: "supervision"; readonly options: ResolvedSupervision; readonly children: Children };

export type Children = Readonly<Record<string, Child>>;
/** The refs of children, by their names; a nested supervision's are one level deeper. */
export type ChildRefs<C extends Children> = {
  readonly [K in keyof C]: C[K] extends Child<infer R> ? R : never;
};

const RESTARTS: readonly string[] = ["permanent", "transient", "temporary"] satisfies Restart[];

/**
 * An actor of this class as a child. `args` are kept, and given to the constructor at each start.
 *
 * Throws `UNKNOWN_OPTION`, `INVALID_OPTION`.
 */
export function child<C extends ActorClass>(
  type: C & Declared<C>,
  args: ConstructorParameters<C>,
  options: ChildOptions = {},
): Child<Ref<InstanceType<C>>> {
  refuseUnknown("child", options, ["restart", "pool", ...SPAWN_OPTIONS]);
  const { restart = "permanent", pool, ...spawn } = options;
  const { ttl, wait } = resolveSpawnOptions(spawn);
  if (pool !== undefined) {
    requirePool(pool);
    const again = { ...spawn, wait: wait ?? waitAgain(ttl) };
    const place = (restarts: number) => pool.spawn(type, args, restarts > 0 ? again : spawn);
    return { restart: checked(restart), start: { kind: "placed", place } };
  }
  return { restart: checked(restart), start: { kind: "class", type, args, options: spawn } };
}

/**
 * A child that `start` puts wherever it likes, in this process or another, and returns a ref to. It is called again
 * for each restart. The actor ends when its supervision does.
 *
 * Throws `UNKNOWN_OPTION`, `INVALID_OPTION`.
 */
export function placed<T extends object>(
  start: () => Ref<T> | Promise<Ref<T>>,
  options: Pick<ChildOptions, "restart"> = {},
): Child<Ref<T>> {
  refuseUnknown("placed", options, ["restart"]);
  return { restart: checked(options.restart ?? "permanent"), start: { kind: "placed", place: start } };
}

/** A supervision as a child of another one. It is permanent. Throws `UNKNOWN_OPTION`, `INVALID_OPTION`. */
export function supervision<C extends Children>(
  options: SupervisionOptions,
  children: C,
): Child<ChildRefs<C>> {
  checkNames(children);
  return {
    restart: "permanent",
    start: { kind: "supervision", options: resolveSupervision(options), children },
  };
}

/** Throws `INVALID_OPTION`. */
export function checkNames(children: Children): void {
  for (const name of Object.keys(children)) {
    if (/^[A-Za-z_][\w-]{0,31}$/.test(name)) continue;
    throw new BonfireError(
      "INVALID_OPTION",
      `A child's name must begin with a letter and have at most 32 letters, digits, "_" and "-", got ${JSON.stringify(name)}`,
    );
  }
}

function checked(restart: Restart): Restart {
  if (RESTARTS.includes(restart)) return restart;
  throw new BonfireError(
    "INVALID_OPTION",
    `Option "restart" must be one of ${RESTARTS.join(", ")}, got ${JSON.stringify(restart)}`,
  );
}

/** What an actor asks to be the only one of, and what it has once it is. */
import { BonfireError } from "@bonfire/wire";
import { Actor } from "../actor/actor.ts";
import type { ActorClass, KeepOptions, ResolvedSpawnOptions } from "../actor/actor-class.ts";
import { methodTable } from "../actor/method-table.ts";
import type { Store } from "../store/port.ts";
import { nameKey, stateKey } from "./key.ts";

/** What concerns the actor alone, wherever its leases are kept. */
export interface Habits {
  readonly saveEvery: number;
  /** It stops when it has had nothing to do for so long, in ms. */
  readonly idleAfter?: number;
}

/** What an actor has to be the only one of. */
export interface Claim extends Habits {
  /** Of a name or a virtual actor. */
  readonly key: string | undefined;
  readonly ttl: number;
  readonly wait: number;
  readonly state: { readonly key: string | undefined; readonly store: Store | undefined } | undefined;
}

/** The state of an actor, guarded by its lease. */
export interface Kept {
  /** What was saved last; undefined if nothing was. */
  load(): Promise<Uint8Array | undefined>;
  /** Rejects with `STORE_UNAVAILABLE` if it may work later. */
  save(state: Uint8Array): Promise<void>;
}

/** How long an actor that is started again waits for the lease of the one before. */
export function waitAgain(ttl: number): number {
  return ttl + 1_000;
}

/** What `options` ask for; undefined for an actor like any other. Throws `INVALID_ACTOR`, `INVALID_OPTION`. */
export function claimOf(
  type: ActorClass,
  options: ResolvedSpawnOptions,
  restarts: number,
): Claim | undefined {
  methodTable(type);
  const { register, state, ttl, wait = restarts > 0 ? waitAgain(ttl) : 0, store } = options;
  if (register === undefined && !state) {
    if (store === undefined) return undefined;
    throw new BonfireError(
      "INVALID_OPTION",
      'Option "store" needs "state" or "register", which say under which key the state is kept',
    );
  }
  return {
    ...keeping(type, register === undefined ? undefined : nameKey(register), options),
    ttl,
    wait,
  };
}

/** What is kept of an actor that has `key`. Throws `INVALID_ACTOR`. */
export function keeping(
  type: ActorClass,
  key: string | undefined,
  { state, store, saveEvery }: Pick<KeepOptions, "state" | "store" | "saveEvery">,
): Pick<Claim, "key" | "state" | "saveEvery"> {
  const isKept = (type.prototype as Actor).snapshot !== Actor.prototype.snapshot;
  if (state && !isKept) {
    throw new BonfireError(
      "INVALID_ACTOR",
      `Cannot keep the state of ${type.name} as it has no snapshot(): add snapshot() and restore(state)`,
    );
  }
  if (!isKept || state === false) return { key, state: undefined, saveEvery };
  // A key or a store of its own needs a lease of its own; else the state is guarded by the lease of the name.
  const own = state ?? (store && key);
  return { key, state: { key: own === undefined ? undefined : stateKey(own), store }, saveEvery };
}

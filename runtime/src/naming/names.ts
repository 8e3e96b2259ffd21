/** Unique names: takes them for actors, finds who has them, and lends them to actors of other nodes. */
import { setTimeout as pause } from "node:timers/promises";
import { BonfireError, hasCode } from "@bonfire/wire";
import {
  type Address,
  formatAddress,
  gone,
  isSamePlace,
  namedHome,
  parseAddress,
  requireName,
} from "../actor/address.ts";
import type { Instance } from "../actor/instance.ts";
import { type AnyRef, type Ref, targetOf } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import { Lease } from "../store/lease.ts";
import type { Store } from "../store/port.ts";
import { Borrowed } from "./borrowed.ts";
import type { Claim, Kept } from "./claim.ts";
import { type Holding, Holdings } from "./holdings.ts";
import { nameKey } from "./key.ts";
import { Offers } from "./offers.ts";

/** A name that an actor has. */
export interface Registration extends AsyncDisposable {
  readonly name: string;
  /** Greater than that of every earlier holder of the name. */
  readonly token: bigint;
  /** Aborted when the actor has not the name any more, for whatever reason. */
  readonly signal: AbortSignal;
  /** Takes the name from the actor, which lives on without it; the next can have it at once. Idempotent. */
  release(): Promise<void>;
}

/** Between two tries while the store cannot be used. */
const RETRY_MS = 250;

/** The lease that guards a state, and where that is. */
interface Guarded {
  readonly store: Store;
  readonly lease: Lease;
}

export class Names {
  /** The name under which a node is asked about names; no actor can have it. */
  static readonly ACTOR = Borrowed.ACTOR;

  readonly holdings: Holdings;
  readonly offers: Offers;
  readonly #system: ActorSystem;
  readonly #store: () => Promise<Store>;

  constructor(system: ActorSystem, store: () => Promise<Store>) {
    this.#system = system;
    this.#store = store;
    this.holdings = new Holdings(system);
    this.offers = new Offers(system.node, this);
  }

  /** Takes what an actor of this node has to be the only one of; its end gives it back, also if it does not start. */
  async take(claim: Claim, instance: Instance): Promise<Kept | undefined> {
    const kept = await this.acquire(claim, instance.address, (_, lease) => {
      this.#system.returning.add(
        instance.address,
        instance.ended.then(() => lease.release()),
      );
      instance.fence(lease);
    });
    if (!kept) return undefined;
    const { store, lease } = kept;
    return { load: () => store.get(lease.key), save: (state) => store.put(lease.key, state, lease.token) };
  }

  /**
   * Takes the leases of `claim` for the actor at `place`, and hands them over one by one. Resolves with the one that
   * guards its state.
   */
  async acquire(
    claim: Claim,
    place: Address,
    taken: (store: Store, lease: Lease) => void | Promise<void>,
  ): Promise<Guarded | undefined> {
    const take = async (store: Store, key: string): Promise<Guarded> => {
      const lease = await this.#claim(store, key, place, claim);
      await taken(store, lease);
      return { store, lease };
    };
    const { key, state } = claim;
    const named = key === undefined ? undefined : await take(await this.#store(), key);
    if (!state) return undefined;
    const store = state.store ?? (await this.#store());
    return state.key === undefined ? (named as Guarded) : take(store, state.key);
  }

  /** Takes `key` for the actor at `place`; rejects with `NAME_TAKEN` if another has it after `wait` ms. */
  async #claim(
    store: Store,
    key: string,
    place: Address,
    { ttl, wait }: { readonly ttl: number; readonly wait: number },
  ): Promise<Lease> {
    const until = performance.now() + wait;
    for (;;) {
      try {
        const lease = await Lease.acquire(store, key, formatAddress(place), ttl);
        if (lease) return lease;
        const left = until - performance.now();
        if (left <= 0) throw await taken(store, key);
        await untilFreeOrLate(store, key, left);
      } catch (error) {
        // Who waits does so through an outage of the store too.
        if (!hasCode(error, "STORE_UNAVAILABLE") || performance.now() + RETRY_MS > until) throw error;
        await pause(RETRY_MS);
      }
    }
  }

  async register(name: string, ref: AnyRef, ttl: number, wait: number): Promise<Registration> {
    requireName("name", name);
    if (targetOf(ref)?.isNamed) {
      throw new BonfireError(
        "INVALID_OPTION",
        "Cannot register a ref that finds its actor by a name itself: pass the one that spawn() gave",
      );
    }
    const system = this.#system;
    const place = await system.find(ref);
    const store = await this.#store();
    const lease = await this.#claim(store, nameKey(name), place, { ttl, wait });
    const holding = this.holdings.hold(store, place, lease);
    try {
      if (place.node === system.node) this.#require(place).fence(lease);
      else await this.holdings.lend(holding);
    } catch (error) {
      // The actor may have heard of it nevertheless.
      system.returning.add(place, holding.release());
      throw error;
    }
    return registration(name, holding);
  }

  /** Who has the name now. */
  async whereis<T extends object>(name: string): Promise<Ref<T> | undefined> {
    requireName("name", name);
    const store = await this.#store();
    const found = await store.holder(nameKey(name));
    return found && this.#system.ref<T>(parseAddress(found.holder));
  }

  named<T extends object>(name: string): Ref<T> {
    requireName("name", name);
    return this.#system.named<T>(namedHome(Names.ACTOR, name));
  }

  /** What other nodes' runtimes ask of this one's, and the refs of this one. */
  handle(sender: string, method: string, args: readonly unknown[]): unknown {
    switch (method) {
      case "place":
        return this.#place(args[0] as string, args[1] as Address);
      case "take":
        return this.offers.take(sender, args[0] as string, args[1] as Address);
      case "term":
        return this.holdings.term(sender, args[0] as string);
      case "load":
        return this.holdings.load(sender, args[0] as string);
      case "save":
        return this.holdings.save(sender, args[0] as string, args[1] as Uint8Array);
      case "over":
        return this.holdings.over(sender, args[0] as Address);
      default:
        return this.#system.borrowed.handle(sender, method, args);
    }
  }

  /** Where the one with the name is; `stale`: where somebody could not reach it. */
  async #place(name: string, stale: Address): Promise<Address> {
    const store = await this.#store();
    const found = await store.holder(nameKey(name));
    if (!found) {
      throw new BonfireError(
        "NO_SUCH_NAME",
        `No actor has the name "${name}": register one, or ask again when it has been`,
      );
    }
    const place = parseAddress(found.holder);
    // Its process may be gone with its lease still running: then nobody has it for so long.
    if (isSamePlace(place, stale) && !(await this.#system.controls.isThere(place))) throw gone(place);
    return place;
  }

  #require({ actor, epoch }: Address): Instance {
    const instance = this.#system.local(actor);
    if (instance?.isAlive && (!epoch || instance.address.epoch === epoch)) return instance;
    throw gone({ node: this.#system.node, actor });
  }
}

function registration(name: string, { lease, release }: Holding): Registration {
  const { token, signal } = lease;
  return {
    name,
    token,
    signal,
    release: () => release(),
    [Symbol.asyncDispose]: () => release(),
  };
}

async function taken(store: Store, key: string): Promise<BonfireError> {
  const found = await store.holder(key);
  const who = found ? `${found.holder} has it` : "another had it a moment ago";
  return new BonfireError(
    "NAME_TAKEN",
    `Cannot take "${key}" as ${who}: use another name, or option "wait" to wait for it`,
  );
}

async function untilFreeOrLate(store: Store, key: string, ms: number): Promise<void> {
  const late = AbortSignal.timeout(Math.ceil(ms));
  try {
    await store.whenFree(key, late);
  } catch (error) {
    if (!late.aborted) throw error;
  }
}

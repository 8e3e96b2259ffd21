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
import type { Reason } from "../actor/reason.ts";
import { type AnyRef, type Ref, targetOf } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import { Lease } from "../store/lease.ts";
import type { Store } from "../store/port.ts";
import { nameKey } from "./key.ts";
import { LentLease, type Term } from "./lent-lease.ts";

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

/** How long an actor of another node may take to hear that it has a name no more. */
const TAKE_BACK_MS = 1_000;
/** Between two tries while the store cannot be used. */
const RETRY_MS = 250;

interface Loan {
  readonly lease: Lease;
  readonly place: Address;
}

export class Names {
  /** The name under which a node is asked about names; no actor can have it. */
  static readonly ACTOR = "$names";

  readonly #system: ActorSystem;
  /** Leases that this node keeps for actors of others. */
  readonly #loans = new Map<string, Loan>();
  /** Those that actors of this node have from others. */
  readonly #borrowed = new Map<string, LentLease>();
  readonly #registrations = new Set<Registration>();
  /** By the address of the actor. */
  readonly #returning = new Map<string, Promise<unknown>>();

  constructor(system: ActorSystem) {
    this.#system = system;
  }

  /** Takes `key` for the actor at `place`; rejects with `NAME_TAKEN` if another has it after `wait` ms. */
  async claim(
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

  /** Gives the lease back when the actor has ended. */
  returnAfter({ ended, address }: Instance, lease: Lease): void {
    this.#track(
      address,
      ended.then(() => lease.release()),
    );
  }

  /** Resolves when the names of an actor of this node that has ended are free; undefined if it has none. */
  freed(place: Address): Promise<unknown> | undefined {
    return this.#returning.get(formatAddress(place));
  }

  #track(place: Address, returning: Promise<void>): void {
    const key = formatAddress(place);
    const settled = returning.catch((error: unknown) => {
      // Then it is free when its time is up.
      if (!hasCode(error, "STORE_UNAVAILABLE") && !hasCode(error, "CLOSED")) throw error;
    });
    const all = Promise.all([this.#returning.get(key), settled]).finally(() => {
      if (this.#returning.get(key) === all) this.#returning.delete(key);
    });
    this.#returning.set(key, all);
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
    const lease = await this.claim(await system.store(), nameKey(name), place, { ttl, wait });
    try {
      if (place.node === system.node) this.#require(place).fence(lease);
      else await this.#lend(place, lease);
    } catch (error) {
      // The actor may have heard of it nevertheless.
      this.#track(place, this.#release(place, lease, undefined));
      throw error;
    }
    return this.#registration(name, place, lease);
  }

  #registration(name: string, place: Address, lease: Lease): Registration {
    const { token, signal } = lease;
    let releasing: Promise<void> | undefined;
    const release = (reason?: Reason) => {
      releasing ??= this.#release(place, lease, reason);
      return releasing;
    };
    const unwatch = this.#system.monitor(place, (reason) => this.#track(place, release(reason)));
    const registration = {
      name,
      token,
      signal,
      release: () => release(),
      [Symbol.asyncDispose]: () => release(),
    };
    this.#registrations.add(registration);
    const over = () => {
      unwatch();
      this.#registrations.delete(registration);
      if (this.#loans.get(lease.key)?.lease === lease) this.#loans.delete(lease.key);
    };
    signal.addEventListener("abort", over, { once: true });
    return registration;
  }

  /** `reason`: why the actor has ended, if it has. */
  async #release(place: Address, lease: Lease, reason: Reason | undefined): Promise<void> {
    const system = this.#system;
    if (place.node === system.node) {
      system.local(place.actor)?.unfence(lease);
    } else if (reason === undefined || reason.kind === "lost") {
      // The actor has to know first that it may act without the name. If it cannot be told, or is only said to be
      // gone, it may go on for as long as it was last promised, and the store keeps the name for longer than that.
      const isTold = reason === undefined && (await this.#takeBack(place, lease.key));
      if (!isTold) lease.abandon();
    }
    this.#loans.delete(lease.key);
    await lease.release();
  }

  async #takeBack({ node, actor, epoch }: Address, key: string): Promise<boolean> {
    try {
      await this.#ask(node, "unfence", [{ node, actor, epoch }, key], TAKE_BACK_MS);
      return true;
    } catch {
      // Whatever the reason: it was not told.
      return false;
    }
  }

  async #lend(place: Address, lease: Lease): Promise<void> {
    this.#loans.set(lease.key, { lease, place });
    const isFenced = await this.#ask(place.node, "fence", [place, lease.key]);
    if (!isFenced) throw gone(place);
  }

  /** Who has the name now. */
  async whereis<T extends object>(name: string): Promise<Ref<T> | undefined> {
    requireName("name", name);
    const store = await this.#system.store();
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
      case "fence":
        return this.#fence(sender, args[0] as Address, args[1] as string);
      case "unfence":
        return this.#unfence(sender, args[0] as Address, args[1] as string);
      case "term":
        return this.#term(sender, args[0] as string);
      default:
        throw new BonfireError("PROTOCOL", `There is no question "${method}" about names`);
    }
  }

  /** Where the one with the name is; `stale`: where somebody could not reach it. */
  async #place(name: string, stale: Address): Promise<Address> {
    const store = await this.#system.store();
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

  /** An actor of ours gets a name that `keeper` keeps for it. False: the actor is not there. */
  async #fence(keeper: string, place: Address, key: string): Promise<boolean> {
    if (this.#find(place)?.setup.isSystem) {
      throw new BonfireError("NOT_YOURS", `Actor ${place.actor} belongs to the runtime of its node`);
    }
    const ask = () => this.#ask(keeper, "term", [key]) as Promise<Term | undefined>;
    const lent = await LentLease.take(key, ask);
    const instance = this.#find(place);
    if (!lent || !instance?.isAlive) {
      lent?.close();
      return false;
    }
    const id = borrowing(keeper, place, key);
    this.#borrowed.set(id, lent);
    instance.fence(lent);
    void instance.ended.then(() => this.#giveUp(id));
    return true;
  }

  #unfence(keeper: string, place: Address, key: string): void {
    const id = borrowing(keeper, place, key);
    const lent = this.#borrowed.get(id);
    if (!lent) return;
    this.#find(place)?.unfence(lent);
    this.#giveUp(id);
  }

  #giveUp(id: string): void {
    this.#borrowed.get(id)?.close();
    this.#borrowed.delete(id);
  }

  /** How long an actor of `sender` may still act under the name. */
  #term(sender: string, key: string): Term | undefined {
    const loan = this.#loans.get(key);
    if (loan?.place.node !== sender || !loan.lease.valid) return undefined;
    return { token: loan.lease.token, remaining: loan.lease.remaining };
  }

  #ask(node: string, method: string, args: unknown[], deadline?: number): Promise<unknown> {
    return this.#system.ask({ node, actor: Names.ACTOR }, method, args, deadline);
  }

  #find({ actor, epoch }: Address) {
    const instance = this.#system.local(actor);
    return !epoch || instance?.address.epoch === epoch ? instance : undefined;
  }

  #require(place: Address) {
    const instance = this.#find(place);
    if (!instance?.isAlive) throw gone(place);
    return instance;
  }

  /** Frees every name that this node keeps. */
  async close(): Promise<void> {
    const registrations = Array.from(this.#registrations, (registration) => registration.release());
    await Promise.allSettled([...registrations, ...this.#returning.values()]);
  }
}

function borrowing(keeper: string, place: Address, key: string): string {
  return `${keeper} ${formatAddress(place)} ${key}`;
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

/**
 * Runs an actor that is the only one of its name, key or state: takes the leases before its constructor runs, gives it
 * its state, saves that, and gives the leases back after its end.
 */
import { BonfireError, decode, hasCode } from "@bonfire/wire";
import { Actor, type Context } from "../actor/actor.ts";
import type { ActorClass, KeepOptions, ResolvedSpawnOptions } from "../actor/actor-class.ts";
import { type Behaviour, type Handled, Source } from "../actor/behaviour.ts";
import { ClassBehaviour } from "../actor/class-behaviour.ts";
import { encodeState } from "../actor/envelope.ts";
import type { Instance } from "../actor/instance.ts";
import type { Letter } from "../actor/letter.ts";
import { type MethodTable, methodTable } from "../actor/method-table.ts";
import type { Reason } from "../actor/reason.ts";
import type { AnyRef } from "../actor/ref.ts";
import type { Origin } from "../actor/system.ts";
import type { Lease } from "../store/lease.ts";
import type { Store } from "../store/port.ts";
import { nameKey, stateKey } from "./key.ts";

/** What an actor has to be the only one of. */
export interface Claim {
  /** Of a name or a virtual actor. */
  readonly key: string | undefined;
  readonly ttl: number;
  readonly wait: number;
  readonly state: { readonly key: string | undefined; readonly store: Store | undefined } | undefined;
  readonly saveEvery: number;
  /** It stops when it has had nothing to do for so long, in ms. */
  readonly idleAfter?: number;
}

/** What `options` ask for; undefined for an actor like any other. Throws `INVALID_ACTOR`, `INVALID_OPTION`. */
export function claimOf(
  type: ActorClass,
  options: ResolvedSpawnOptions,
  { restarts = 0 }: Origin,
): Claim | undefined {
  methodTable(type);
  const { register, state, ttl, wait = restarts > 0 ? ttl + 1_000 : 0, store } = options;
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

interface Kept {
  readonly store: Store;
  readonly lease: Lease;
}

export class ClaimedBehaviour implements Behaviour {
  readonly #class: ActorClass;
  readonly #args: unknown[];
  readonly #claim: Claim;
  readonly #table: MethodTable;
  #actor: Actor | undefined;
  #inner: ClassBehaviour | undefined;
  #instance: Instance | undefined;
  #kept: Kept | undefined;
  #unsaved = 0;
  /** Messages under way. */
  #active = 0;
  #usedAt = performance.now();
  #idle: NodeJS.Timeout | undefined;

  constructor(type: ActorClass, args: unknown[], claim: Claim) {
    this.#class = type;
    this.#args = args;
    this.#claim = claim;
    this.#table = methodTable(type);
  }

  get type(): string {
    return this.#class.name;
  }

  get trapsExit(): boolean {
    return this.#table.trapsExit;
  }

  interleaves(method: string): boolean {
    return this.#table.reentrant.has(method);
  }

  async start(context: Context): Promise<void> {
    this.#instance = context as Instance;
    const { system } = context;
    const { key, state, idleAfter } = this.#claim;
    const named = key === undefined ? undefined : await this.#take(await system.store(), key);
    if (state) {
      const store = state.store ?? (await system.store());
      const lease = state.key === undefined ? (named as Lease) : await this.#take(store, state.key);
      this.#kept = { store, lease };
    }
    const actor = new this.#class(...this.#args);
    this.#actor = actor;
    this.#inner = new ClassBehaviour(actor, system.decoding);
    Actor.enter(actor, context);
    await this.#restore();
    await this.#inner.start(context);
    if (idleAfter === undefined) return;
    this.#watchIdle(idleAfter);
    void this.#instance.ended.then(() => clearTimeout(this.#idle));
  }

  /** Takes a lease for the actor; its end gives it back, also if it does not start. */
  async #take(store: Store, key: string): Promise<Lease> {
    const instance = this.#instance as Instance;
    const { names } = instance.system;
    const lease = await names.claim(store, key, instance.address, this.#claim);
    names.returnAfter(instance, lease);
    instance.fence(lease);
    return lease;
  }

  async #restore(): Promise<void> {
    if (!this.#kept) return;
    const saved = await this.#kept.store.get(this.#kept.lease.key);
    if (saved) (this.#actor as Actor).restore(decode(saved, (this.#instance as Instance).system.decoding));
  }

  handle(letter: Letter): Handled | Promise<Handled> {
    const handled = (this.#inner as ClassBehaviour).handle(letter);
    if (this.#claim.idleAfter === undefined) return this.#counted(letter, handled);
    this.#usedAt = performance.now();
    if (handled instanceof Uint8Array) return this.#counted(letter, handled);
    return this.#counted(letter, this.#whileActive(handled));
  }

  /** Every so many messages, the state is saved before the last of them is answered. */
  #counted(letter: Letter, handled: Handled | Promise<Handled>): Handled | Promise<Handled> {
    if (!this.#kept || this.interleaves(letter.method)) return handled;
    return ++this.#unsaved < this.#claim.saveEvery ? handled : this.#thenSave(handled);
  }

  async #thenSave(handling: Handled | Promise<Handled>): Promise<Handled> {
    const handled = await handling;
    // A generator has only begun: the next message sees to it.
    if (!(handled instanceof Uint8Array)) return handled;
    try {
      await this.#save();
    } catch (error) {
      // Tried again after the next message, unless the lease, and with it the actor, ends before that.
      if (!hasCode(error, "STORE_UNAVAILABLE")) (this.#instance as Instance).endNow({ kind: "error", error });
    }
    return handled;
  }

  async #save(): Promise<void> {
    const { store, lease } = this.#kept as Kept;
    const state = (this.#actor as Actor).snapshot();
    this.#unsaved = 0;
    try {
      await store.put(lease.key, encodeState(state), lease.token);
    } catch (error) {
      this.#unsaved = this.#claim.saveEvery;
      throw error;
    }
  }

  down(who: AnyRef, reason: Reason): void | Promise<void> {
    return this.#inner?.down(who, reason);
  }

  exit(who: AnyRef, reason: Reason): void | Promise<void> {
    return this.#inner?.exit(who, reason);
  }

  async stop(reason: Reason): Promise<void> {
    await this.#inner?.stop(reason);
    // What has failed may be the state itself: the last one that was saved is the better one.
    if (this.#kept && this.#inner && reason.kind !== "error") await this.#save();
  }

  // Idleness

  async #whileActive(handling: Handled | Promise<Handled>): Promise<Handled> {
    this.#active++;
    try {
      const handled = await handling;
      return handled instanceof Uint8Array
        ? handled
        : new ActiveSource(handled, (work) => this.#during(work));
    } finally {
      this.#leave();
    }
  }

  async #during<T>(work: () => Promise<T>): Promise<T> {
    this.#active++;
    return work().finally(() => this.#leave());
  }

  #leave(): void {
    this.#active--;
    this.#usedAt = performance.now();
  }

  #watchIdle(idleAfter: number): void {
    const left = this.#active > 0 ? idleAfter : this.#usedAt + idleAfter - performance.now();
    const look = () => {
      if (this.#active > 0 || performance.now() - this.#usedAt < idleAfter) this.#watchIdle(idleAfter);
      else void this.#instance?.stop();
    };
    this.#idle = setTimeout(look, Math.max(1, left)).unref();
  }
}

/** A stream that counts as use while its reader waits for an item. */
class ActiveSource extends Source {
  readonly #inner: Source;
  readonly #during: <T>(work: () => Promise<T>) => Promise<T>;

  constructor(inner: Source, during: <T>(work: () => Promise<T>) => Promise<T>) {
    super();
    this.#inner = inner;
    this.#during = during;
  }

  pull(room: number): Promise<Uint8Array | undefined> {
    return this.#during(() => this.#inner.pull(room));
  }

  end(): Promise<void> {
    return this.#inner.end();
  }
}

/** The leases that this node keeps for registered actors, and lends to those of them that are of other nodes. */
import { BonfireError } from "@bonfire/wire";
import { type Address, gone, isSamePlace } from "../actor/address.ts";
import type { Reason } from "../actor/reason.ts";
import type { ActorSystem } from "../actor/system.ts";
import { StaleToken } from "../store/error.ts";
import type { Lease } from "../store/lease.ts";
import type { Store } from "../store/port.ts";
import { Borrowed } from "./borrowed.ts";
import type { Term } from "./lent-lease.ts";

/** How long an actor of another node may take to hear that it has a name no more. */
const TAKE_BACK_MS = 1_000;

export interface Holding {
  readonly place: Address;
  readonly lease: Lease;
  /** Idempotent. `reason`: why the actor has ended, if it has. */
  release(reason?: Reason): Promise<void>;
}

interface Entry extends Holding {
  readonly store: Store;
}

export class Holdings {
  readonly #system: ActorSystem;
  /** By the keys of their leases. */
  readonly #entries = new Map<string, Entry>();

  constructor(system: ActorSystem) {
    this.#system = system;
  }

  /** Keeps `lease` for the actor at `place` until it is released or that has ended. */
  hold(store: Store, place: Address, lease: Lease): Holding {
    let releasing: Promise<void> | undefined;
    const release = (reason?: Reason) => {
      releasing ??= this.#release(place, lease, reason);
      return releasing;
    };
    const entry = { store, place, lease, release };
    this.#entries.set(lease.key, entry);
    const unwatch = this.#system.monitor(place, (reason) =>
      this.#system.returning.add(place, release(reason)),
    );
    const over = () => {
      unwatch();
      if (this.#entries.get(lease.key) === entry) this.#entries.delete(lease.key);
    };
    lease.signal.addEventListener("abort", over, { once: true });
    return entry;
  }

  /** Lets the actor, which is of another node, act by the lease. Rejects with `NO_SUCH_ACTOR`. */
  async lend({ place, lease }: Holding): Promise<void> {
    const isFenced = await this.#ask(place.node, "fence", [place, lease.key]);
    if (!isFenced) throw gone(place);
  }

  /** How long an actor of `sender` may still act under the name. */
  term(sender: string, key: string): Term | undefined {
    const lease = this.#of(sender, key)?.lease;
    return lease?.valid ? { token: lease.token, remaining: lease.remaining } : undefined;
  }

  load(sender: string, key: string): Promise<Uint8Array | undefined> {
    return this.#require(sender, key).store.get(key);
  }

  /** Rejects with `STALE_TOKEN` if the actor's time was over. */
  save(sender: string, key: string, state: Uint8Array): Promise<void> {
    const { store, lease } = this.#require(sender, key);
    return store.put(key, state, lease.token);
  }

  /** An actor of `sender` says that it has ended. */
  async over(sender: string, place: Address): Promise<void> {
    if (place.node !== sender) throw notYours(sender);
    const ended = [...this.#entries.values()].filter((entry) => isSamePlace(entry.place, place));
    const { returning } = this.#system;
    for (const { release } of ended) returning.add(place, release({ kind: "normal" }));
    // Its monitor may have been the first to say so.
    await returning.of(place);
  }

  #of(sender: string, key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry?.place.node === sender ? entry : undefined;
  }

  #require(sender: string, key: string): Entry {
    const entry = this.#of(sender, key);
    if (entry) return entry;
    throw new StaleToken(key);
  }

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

  #ask(node: string, method: string, args: unknown[], deadline?: number): Promise<unknown> {
    return this.#system.ask({ node, actor: Borrowed.ACTOR }, method, args, deadline);
  }

  /** Frees every name that this node keeps. */
  async close(): Promise<void> {
    await Promise.allSettled(Array.from(this.#entries.values(), ({ release }) => release()));
  }
}

export function notYours(sender: string): BonfireError {
  return new BonfireError("NOT_YOURS", `Node ${sender} asks for what another node's actor has`);
}

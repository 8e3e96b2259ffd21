/** Keeps one member in a group of the store, which forgets those that do not come again. */
import { hasCode } from "@bonfire/wire";
import type { Store } from "../store/port.ts";

const RENEWALS = 3;

export class Membership {
  readonly #store: Store;
  readonly #group: string;
  readonly #member: string;
  readonly #ttl: number;
  #timer: NodeJS.Timeout | undefined;
  #joining: Promise<void> = Promise.resolve();
  #left: Promise<void> | undefined;

  private constructor(store: Store, group: string, member: string, ttl: number) {
    this.#store = store;
    this.#group = group;
    this.#member = member;
    this.#ttl = ttl;
  }

  /** Resolves when the member is in. */
  static async join(store: Store, group: string, member: string, ttl: number): Promise<Membership> {
    await store.join(group, member, ttl);
    const membership = new Membership(store, group, member, ttl);
    membership.#timer = setInterval(() => membership.#again(), ttl / RENEWALS).unref();
    return membership;
  }

  #again(): void {
    // While the store cannot be used nobody can read the group either; the next turn comes soon.
    this.#joining = this.#store.join(this.#group, this.#member, this.#ttl).catch(() => undefined);
  }

  /** Idempotent. Rejects with `STORE_UNAVAILABLE`; then the member is out when its time is up. */
  leave(): Promise<void> {
    clearInterval(this.#timer);
    // Not before a renewal that is under way, which would bring it back.
    this.#left ??= this.#joining.then(() => this.#store.leave(this.#group, this.#member));
    return this.#left;
  }
}

/** For who cannot be taken out: nobody renews it, so it is out when its time is up. Throws anything else. */
export function outInTime(error: unknown): void {
  if (!hasCode(error, "STORE_UNAVAILABLE") && !hasCode(error, "CLOSED")) throw error;
}

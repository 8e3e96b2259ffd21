/** Names and states for actors that this node has others start: each is taken when its actor begins. */
import { randomUUID } from "node:crypto";
import { BonfireError } from "@bonfire/wire";
import type { Address } from "../actor/address.ts";
import type { Claim } from "./claim.ts";
import { notYours } from "./holdings.ts";
import type { Taken, Ticket } from "./lent-claim.ts";
import type { Names } from "./names.ts";

export interface Offer {
  readonly ticket: Ticket;
  /** The actor has started, or never will. */
  close(): void;
}

export class Offers {
  readonly #keeper: string;
  readonly #names: Names;
  readonly #open = new Map<string, Claim>();

  constructor(keeper: string, names: Names) {
    this.#keeper = keeper;
    this.#names = names;
  }

  open(claim: Claim): Offer {
    const secret = randomUUID();
    const { saveEvery, idleAfter, wait } = claim;
    this.#open.set(secret, claim);
    const ticket = { keeper: this.#keeper, secret, wait, saveEvery };
    return {
      ticket: idleAfter === undefined ? ticket : { ...ticket, idleAfter },
      close: () => void this.#open.delete(secret),
    };
  }

  /** The actor at `place` begins. Rejects with `NAME_TAKEN`, `STORE_UNAVAILABLE`. */
  async take(sender: string, secret: string, place: Address): Promise<Taken> {
    const claim = this.#open.get(secret);
    if (place.node !== sender) throw notYours(sender);
    if (!claim) throw withdrawn();
    const keys: string[] = [];
    const kept = await this.#names.acquire(claim, place, async (store, lease) => {
      // Nobody waits for the actor any more.
      if (!this.#open.has(secret)) {
        await lease.release();
        throw withdrawn();
      }
      this.#names.holdings.hold(store, place, lease);
      keys.push(lease.key);
    });
    return { keys, kept: kept?.lease.key };
  }
}

function withdrawn(): BonfireError {
  return new BonfireError("CALL_CANCELLED", "Nobody waits for this actor to start any more");
}

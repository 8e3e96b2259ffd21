/** Names that are about to be free, as the actors that had them have ended. */
import { hasCode } from "@bonfire/wire";
import { type Address, formatAddress } from "../actor/address.ts";

export class Returning {
  /** By the address of the actor. */
  readonly #under = new Map<string, Promise<unknown>>();

  /** `returning` frees a name of the actor at `place`. */
  add(place: Address, returning: Promise<unknown>): void {
    const key = formatAddress(place);
    const settled = returning.catch((error: unknown) => {
      // Then it is free when its time is up.
      if (!AWAY.some((code) => hasCode(error, code))) throw error;
    });
    const all = Promise.all([this.#under.get(key), settled]).finally(() => {
      if (this.#under.get(key) === all) this.#under.delete(key);
    });
    this.#under.set(key, all);
  }

  /** Resolves when the names of an actor of this node that has ended are free; undefined if it has none. */
  of(place: Address): Promise<unknown> | undefined {
    return this.#under.get(formatAddress(place));
  }

  /** Resolves when nothing is under way any more. */
  async all(): Promise<void> {
    await Promise.allSettled(this.#under.values());
  }
}

/** Why whoever keeps a name was not told, or could not tell the store. */
export const AWAY = [
  "STORE_UNAVAILABLE",
  "CLOSED",
  "NO_SUCH_ACTOR",
  "ACTOR_LOST",
  "ASK_TIMEOUT",
  "LINK_DOWN",
] as const;

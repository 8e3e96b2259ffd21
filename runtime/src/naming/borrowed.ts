/** What actors of this node have from another one, which keeps the leases in its store and lends them. */
import { BonfireError } from "@bonfire/wire";
import { type Address, formatAddress } from "../actor/address.ts";
import type { Instance } from "../actor/instance.ts";
import type { ActorSystem } from "../actor/system.ts";
import { LentLease, type Term } from "./lent-lease.ts";

export class Borrowed {
  /** The name under which a node is asked about names; no actor can have it. */
  static readonly ACTOR = "$names";

  readonly #system: ActorSystem;
  readonly #leases = new Map<string, LentLease>();

  constructor(system: ActorSystem) {
    this.#system = system;
  }

  /** What the keeper of a lease asks of the node of its actor. */
  handle(sender: string, method: string, args: readonly unknown[]): unknown {
    const [place, key] = args as [Address, string];
    switch (method) {
      case "fence":
        return this.fence(sender, place, key);
      case "unfence":
        return this.#unfence(sender, place, key);
      default:
        throw new BonfireError("PROTOCOL", `There is no question "${method}" about names`);
    }
  }

  /** From now on the actor acts only by the lease that `keeper` keeps for it. False: the actor or the lease is gone. */
  async fence(keeper: string, place: Address, key: string): Promise<boolean> {
    if (this.#find(place)?.setup.isSystem) {
      throw new BonfireError("NOT_YOURS", `Actor ${place.actor} belongs to the runtime of its node`);
    }
    const to = { node: keeper, actor: Borrowed.ACTOR };
    const ask = () => this.#system.ask(to, "term", [key]) as Promise<Term | undefined>;
    const lent = await LentLease.take(key, ask);
    const instance = this.#find(place);
    if (!lent || !instance?.isAlive) {
      lent?.close();
      return false;
    }
    const id = borrowing(keeper, place, key);
    this.#leases.set(id, lent);
    instance.fence(lent);
    void instance.ended.then(() => this.#giveUp(id));
    return true;
  }

  #unfence(keeper: string, place: Address, key: string): void {
    const id = borrowing(keeper, place, key);
    const lent = this.#leases.get(id);
    if (!lent) return;
    this.#find(place)?.unfence(lent);
    this.#giveUp(id);
  }

  #giveUp(id: string): void {
    this.#leases.get(id)?.close();
    this.#leases.delete(id);
  }

  #find({ actor, epoch }: Address): Instance | undefined {
    const instance = this.#system.local(actor);
    return !epoch || instance?.address.epoch === epoch ? instance : undefined;
  }
}

function borrowing(keeper: string, place: Address, key: string): string {
  return `${keeper} ${formatAddress(place)} ${key}`;
}

import type { Ref } from "../actor/ref.ts";
import type { PoolClient } from "../pool/client.ts";
import type { Demand, DriverView } from "./decide.ts";

/** What a driver says of itself. Absolute, so that a report that was lost or repeated does no harm. */
export interface Report {
  /** Calls that have no slot, neither in hand nor being made ready, by what they need; most often one entry. */
  readonly demand: readonly Demand[];
  /** Slots in which calls run; 0 where the policy keeps no buffer, as nobody asks. */
  readonly busy: number;
  /** Slots in hand or being made ready, by executor. */
  readonly held: Readonly<Record<string, number>>;
  /** The number of the last grant that has arrived. */
  readonly seen: number;
  /** How long slots that were given back had been unused, ms. */
  readonly idleMs: number;
}

export interface Grant {
  readonly number: number;
  readonly executor: string;
  readonly slots: number;
}

/** What the supervisor knows of one driver, with the grants that the driver has not confirmed yet. */
export class DriverRecord {
  readonly id: string;
  readonly client: Ref<PoolClient>;
  /** It has reported. */
  isHeard = false;
  #demand: readonly Demand[] = [];
  #held: Report["held"];
  #busy = 0;
  #grants: Grant[] = [];
  #lastGrant = 0;

  /** `held` until it reports. */
  constructor(id: string, client: Ref<PoolClient>, held: Report["held"]) {
    this.id = id;
    this.client = client;
    this.#held = held;
  }

  /** Notes a grant that is sent under this number; numbers grow over all drivers. */
  granted(number: number, executor: string, slots: number): void {
    this.#lastGrant = number;
    this.#grants.push({ number, executor, slots });
  }

  /** Takes in a report; what it has seen is under way no more. */
  reported({ demand, busy, held, seen }: Report): void {
    this.isHeard = true;
    this.#demand = demand;
    this.#held = held;
    this.#busy = busy;
    this.#grants = this.#grants.filter(({ number }) => number > seen);
  }

  /** What it has not confirmed, the earliest first. */
  get unconfirmed(): readonly Grant[] {
    return this.#grants;
  }

  /** Slots of this executor that it holds, or that are on their way. */
  slotsOf(executor: string): number {
    const held = this.#held[executor] ?? 0;
    return this.#grants.reduce((sum, grant) => sum + (grant.executor === executor ? grant.slots : 0), held);
  }

  /** Nothing of this executor will arrive any more. */
  forget(executor: string): void {
    this.#grants = this.#grants.filter((grant) => grant.executor !== executor);
  }

  view(): DriverView {
    const underway = this.#grants.reduce((sum, { slots }) => sum + slots, 0);
    return {
      id: this.id,
      demand: this.#demand,
      busy: this.#busy,
      underway,
      lastGrant: this.#lastGrant,
    };
  }
}

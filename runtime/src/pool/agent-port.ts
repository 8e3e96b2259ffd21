import type { Actor } from "../actor/actor.ts";
import type { Address } from "../actor/address.ts";
import type { Adopted } from "../supervisor/adoption.ts";

/** What drivers and supervisors ask of an executor's agent. The agent itself is in `@bonfire/executor`. */
export interface AgentPort extends Actor {
  /** The asking driver's own cell on this executor, started if need be. */
  admit(): Promise<CellOffer>;
  /** The asking driver needs its cell no longer. */
  dismiss(): Promise<void>;
  /** Its supervisor counts on it no more and has its machine ended. */
  released(): void;
  /** A supervisor that follows the last one wants the executor. Undefined if it may not have it, at least not yet. */
  adopt(supervisor: Address, token: bigint): Adopted | "leaving" | undefined;
  /**
   * Whether the asking supervisor may end the executor's machine. With `letGo` it does not want it any longer: then not
   * if drivers have cells here, and another supervisor may adopt it.
   */
  mayEnd(letGo: boolean): boolean;
}

export interface CellOffer {
  /** The actor that ends when the cell's process does, with the reason. */
  readonly keeper: Address;
  /** The cell's node id. */
  readonly node: string;
}

/** What a driver asks of the actor that keeps its cell. */
export interface KeeperPort extends Actor {
  /** A call did not end in time. If the cell's process does not answer either, it is killed, and this rejects. */
  overdue(reason: string): Promise<void>;
}

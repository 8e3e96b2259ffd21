import type { BonfireError } from "@bonfire/wire";
import { Actor } from "../actor/actor.ts";
import type { Address } from "../actor/address.ts";
import type { Reason } from "../actor/reason.ts";
import type { AnyRef } from "../actor/ref.ts";

/** What the supervisor's messages do on the driver's side. */
export interface ClientHost {
  granted(number: number, executor: string, agent: Address, slots: number): void;
  recalled(keep: number): void;
  executorLost(executor: string, error: BonfireError): void;
  bootFailed(error: BonfireError, final: boolean): void;
  fleetChanged(ready: number, booting: number): void;
  supervisorGone(reason: Reason): void;
}

/** The actor through which a pool's supervisor speaks to one driver. */
export class PoolClient extends Actor {
  readonly #host: ClientHost;

  constructor(host: ClientHost) {
    super();
    this.#host = host;
  }

  /** Watches the supervisor, once the driver knows which it is. */
  follow(supervisor: Address): void {
    this.context.monitor(supervisor);
  }

  grant(number: number, executor: string, agent: Address, slots: number): void {
    this.#host.granted(number, executor, agent, slots);
  }

  recall(keep: number): void {
    this.#host.recalled(keep);
  }

  lost(executor: string, error: BonfireError): void {
    this.#host.executorLost(executor, error);
  }

  bootFailed(error: BonfireError, final: boolean): void {
    this.#host.bootFailed(error, final);
  }

  fleet(ready: number, booting: number): void {
    this.#host.fleetChanged(ready, booting);
  }

  override onDown(_who: AnyRef, reason: Reason): void {
    this.#host.supervisorGone(reason);
  }
}

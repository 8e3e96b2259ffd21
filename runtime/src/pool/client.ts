import type { BonfireError } from "@bonfire/wire";
import { Actor } from "../actor/actor.ts";
import type { Address } from "../actor/address.ts";
import type { Reason } from "../actor/reason.ts";
import { type AnyRef, placeOf } from "../actor/ref.ts";
import type { FleetCounts, FleetEvent } from "../supervisor/fleet-event.ts";
import type { Policy } from "../supervisor/policy.ts";
import type { Resources } from "../supervisor/resources.ts";

/** Slots of an executor, given to a driver. */
export interface GrantOffer {
  /** Numbers grow; one that is not above the last was seen already. */
  readonly number: number;
  readonly executor: string;
  readonly agent: Address;
  readonly slots: number;
  /** What the executor has, for the calls that need something. */
  readonly resources: Resources;
  /** Each slot is for one call and is to be given back after it. */
  readonly once: boolean;
}

/** What the supervisor's messages do on the driver's side. */
export interface ClientHost {
  granted(offer: GrantOffer): void;
  recalled(keep: number): void;
  /** The executor is going: its slots are to be given back, each as soon as it is free. */
  withdrawn(executor: string): void;
  /** No executor of the pool can serve the waiting calls that need this. */
  refused(resources: Resources, error: BonfireError): void;
  policyChanged(policy: Policy): void;
  executorLost(executor: string, error: BonfireError): void;
  bootFailed(error: BonfireError, final: boolean): void;
  fleetChanged(counts: FleetCounts, event: FleetEvent | undefined): void;
  supervisorGone(reason: Reason): void;
}

/**
 * The actor through which a pool's supervisor speaks to one driver. What a supervisor says that is gone, as one may
 * that was only frozen, is not heard: another has its executors by now.
 */
export class PoolClient extends Actor {
  readonly #current: ClientHost;
  /** The drivers that supervised, and do no more. */
  readonly #past = new Set<string>();
  #unwatch: (() => void) | undefined;

  constructor(host: ClientHost) {
    super();
    this.#current = host;
  }

  /** Watches the supervisor, once the driver knows which it is. */
  follow(supervisor: Address): void {
    this.#unwatch?.();
    this.#unwatch = this.context.monitor(supervisor);
    this.#past.delete(supervisor.node);
  }

  get #host(): ClientHost | undefined {
    return this.#past.has(this.context.sender) ? undefined : this.#current;
  }

  grant(offer: GrantOffer): void {
    this.#host?.granted(offer);
  }

  withdraw(executor: string): void {
    this.#host?.withdrawn(executor);
  }

  refuse(resources: Resources, error: BonfireError): void {
    this.#host?.refused(resources, error);
  }

  policy(policy: Policy): void {
    this.#host?.policyChanged(policy);
  }

  recall(keep: number): void {
    this.#host?.recalled(keep);
  }

  lost(executor: string, error: BonfireError): void {
    this.#host?.executorLost(executor, error);
  }

  bootFailed(error: BonfireError, final: boolean): void {
    this.#host?.bootFailed(error, final);
  }

  fleet(counts: FleetCounts, event?: FleetEvent): void {
    this.#host?.fleetChanged(counts, event);
  }

  override onDown(who: AnyRef, reason: Reason): void {
    this.#past.add(placeOf(who).node);
    this.#current.supervisorGone(reason);
  }
}

import { BonfireError } from "@bonfire/wire";
import { refuseUnknown, wholeNumber } from "../option.ts";
import type { Resources } from "./resources.ts";

/** How a pool grows and shrinks; that of the driver that opened it holds for all. */
export interface Policy {
  /** Executors that are always there. */
  readonly min: number;
  /** Executors at most, booting and ready. One that drains is on its way out and not counted. */
  readonly max: number;
  /** Slots of one executor. */
  readonly concurrency: number;
  /** Slots that are kept free beyond what calls use. */
  readonly buffer: number;
  /** ms without a lease after which an executor that nothing else keeps goes. */
  readonly idleAfter: number;
  /** ms after which an executor is replaced; Infinity = never. */
  readonly lifetime: number;
  /** An executor serves one call and goes. */
  readonly singleUse: boolean;
  /** What each executor has. */
  readonly resources: Resources;
}

/** What of a policy may be changed while the pool runs. */
export interface Scale {
  /** Executors that are always there. */
  readonly min?: number;
  /** Executors at most. */
  readonly max?: number;
  /** Slots that are kept free. */
  readonly buffer?: number;
}

const KNOWN = ["min", "max", "buffer"] as const satisfies readonly (keyof Scale)[];

/** The policy with the change. Throws `UNKNOWN_OPTION`, `INVALID_OPTION`. */
export function scaled(pool: string, policy: Policy, change: Scale): Policy {
  if (typeof change !== "object" || change === null) {
    throw new BonfireError(
      "INVALID_OPTION",
      "scale takes what is to change: pool.scale({ min, max, buffer })",
    );
  }
  refuseUnknown(`scale of pool "${pool}"`, change, KNOWN);
  const { min = policy.min, max = policy.max, buffer = policy.buffer } = change;
  wholeNumber("min", min, 0);
  wholeNumber("max", max, 1);
  wholeNumber("buffer", buffer, 0);
  if (max < min) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "max" (${max}) of pool "${pool}" must be at least "min" (${min})`,
    );
  }
  return { ...policy, min, max, buffer };
}

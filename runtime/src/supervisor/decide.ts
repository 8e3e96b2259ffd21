/**
 * What a pool's supervisor does next, as a pure function of what it sees: no clock, no network, so that the rules
 * can be read, tested and simulated by themselves. It looks at every driver and executor a fixed number of times.
 */
import { grantSlots } from "./grant-slots.ts";
import type { Policy } from "./policy.ts";
import { recallSlots } from "./recall-slots.ts";
import { resize } from "./resize.ts";
import type { Resources } from "./resources.ts";
import { wantsOf } from "./want.ts";

export interface ExecutorView {
  readonly id: string;
  readonly phase: "booting" | "ready" | "draining";
  /** Slots that drivers hold, or that are on their way to them, by driver. */
  readonly leases: ReadonlyMap<string, number>;
  /** Their sum. */
  readonly leased: number;
  /** Since when nobody holds a slot. */
  readonly idleSince: number;
  /** When its lifetime is over; Infinity = never. */
  readonly expiresAt: number;
  /** Its one call (`singleUse`) was given to it. */
  readonly spent: boolean;
  /** Until when leases of one that drains are waited for. */
  readonly drainBy: number;
  /** The executor in whose place it was launched, as that one's lifetime is over. */
  readonly replaces: string | undefined;
  readonly resources: Resources;
}

/** Waiting calls of one driver that need the same. */
export interface Demand {
  /** Higher is served first. */
  readonly priority: number;
  /** What the executor must have. Default: nothing. */
  readonly resources?: Resources;
  /** The executor that served their key before: slots are granted there if it has any free. */
  readonly prefers?: string;
  readonly waiting: number;
  /** How long the first of them has waited, ms. */
  readonly oldestMs: number;
}

export interface DriverView {
  readonly id: string;
  /** Calls that have no slot yet. */
  readonly demand: readonly Demand[];
  /** Slots in which calls run. */
  readonly busy: number;
  /** Slots that are on their way to the driver. */
  readonly underway: number;
  /** Orders drivers by when they were last given something; smaller is longer ago. */
  readonly lastGrant: number;
}

export type RetireReason = "idle" | "drained" | "lifetime" | "single-use" | "room";

export type Action =
  | {
      readonly kind: "launch";
      readonly count: number;
      readonly resources: Resources;
      readonly replaces?: string;
    }
  | { readonly kind: "grant"; readonly executor: string; readonly driver: string; readonly slots: number }
  /** The driver gives back what it holds above `keep`, as soon as it is free. */
  | { readonly kind: "recall"; readonly driver: string; readonly keep: number }
  /** No executor of the pool can ever serve calls that need this. */
  | {
      readonly kind: "refuse";
      readonly driver: string;
      readonly resources: Resources;
      readonly reason: string;
    }
  /**
   * Its drivers give back what they hold of it, as soon as it is free; nobody is granted a slot of it any more. With
   * `patient` its calls may take as long as they like.
   */
  | { readonly kind: "drain"; readonly executor: string; readonly patient?: true }
  | { readonly kind: "retire"; readonly executor: string; readonly reason: RetireReason };

/** What earlier decisions led to. */
export interface Memory {
  /** No executor may be launched before this time: the last launches failed. */
  readonly launchAfter?: number;
  /** How long an idle executor is kept at least, in ms. Default: `idleAfter` of the policy. */
  readonly idleFor?: number;
}

export interface Decision {
  readonly actions: readonly Action[];
  /** When to look again though nothing happens; Infinity = never. */
  readonly wakeAt: number;
}

export function decide(
  drivers: readonly DriverView[],
  fleet: readonly ExecutorView[],
  policy: Policy,
  now: number,
  { launchAfter = 0, idleFor = policy.idleAfter }: Memory = {},
): Decision {
  const actions: Action[] = [];
  const { claims, wants } = wantsOf(drivers, fleet, policy, actions);
  const granted = grantSlots(fleet, claims, wants, policy, actions);
  const { slots, wakeAt } = resize(
    { drivers, fleet, wants, granted, policy, now, launchAfter, idleFor },
    actions,
  );
  if (slots !== undefined) recallSlots(claims, wants, slots, actions);
  return { actions, wakeAt };
}

/**
 * What a pool's supervisor does next, as a pure function of what it sees: no clock, no network, so that the rules
 * can be read, tested and simulated by themselves.
 */

import type { Resources } from "./resources.ts";

export interface Policy {
  readonly min: number;
  readonly max: number;
  /** Slots of one executor. */
  readonly concurrency: number;
  /** ms without a lease after which an executor above `min` goes. */
  readonly idleAfter: number;
  /** What each executor has. */
  readonly resources: Resources;
}

export interface ExecutorView {
  readonly id: string;
  readonly phase: "booting" | "ready";
  /** Slots that drivers hold, or that are on their way to them, by driver. */
  readonly leases: ReadonlyMap<string, number>;
  /** Since when nobody holds a slot. */
  readonly idleSince: number;
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

export type Action =
  | { readonly kind: "launch"; readonly count: number }
  | { readonly kind: "grant"; readonly executor: string; readonly driver: string; readonly slots: number }
  /** The driver gives back what it holds above `keep`, as soon as it is free. */
  | { readonly kind: "recall"; readonly driver: string; readonly keep: number }
  | { readonly kind: "retire"; readonly executor: string };

export interface Decision {
  readonly actions: readonly Action[];
  /** When to look again though nothing happens; Infinity = never. */
  readonly wakeAt: number;
}

/** A driver as the rules below see it: what it lacks, and what it has. */
interface Claim {
  readonly driver: string;
  readonly lastGrant: number;
  lacks: number;
  holds: number;
}

export function decide(
  drivers: readonly DriverView[],
  fleet: readonly ExecutorView[],
  policy: Policy,
  now: number,
  /** No executor may be launched before this time: the last launches failed. */
  launchAfter = 0,
): Decision {
  const actions: Action[] = [];
  const claims = drivers.map((driver) => claimOf(driver, fleet));
  const granted = grant(fleet, claims, policy, actions);

  const unmet = claims.reduce((sum, { lacks }) => sum + lacks, 0);
  const booting = fleet.filter((executor) => executor.phase === "booting").length;
  const forCalls = Math.ceil(Math.max(0, unmet - booting * policy.concurrency) / policy.concurrency);
  const count = Math.min(Math.max(forCalls, policy.min - fleet.length), policy.max - fleet.length);
  const mayLaunch = now >= launchAfter;
  if (count > 0 && mayLaunch) actions.push({ kind: "launch", count });
  if (unmet > 0 && fleet.length >= policy.max) recall(claims, policy, actions);

  const idle = retire(fleet, granted, policy, now, actions);
  return { actions, wakeAt: count > 0 && !mayLaunch ? Math.min(idle, launchAfter) : idle };
}

function claimOf({ id, demand, underway, lastGrant }: DriverView, fleet: readonly ExecutorView[]): Claim {
  const waiting = demand.reduce((sum, { waiting }) => sum + waiting, 0);
  let holds = 0;
  for (const executor of fleet) holds += executor.leases.get(id) ?? 0;
  return { driver: id, lastGrant, lacks: Math.max(0, waiting - underway), holds };
}

/** Gives free slots to whoever waits, those who have least first. Returns the executors that got a lease. */
function grant(
  fleet: readonly ExecutorView[],
  claims: readonly Claim[],
  policy: Policy,
  actions: Action[],
): ReadonlySet<string> {
  const granted = new Set<string>();
  for (const executor of fleet) {
    if (executor.phase !== "ready") continue;
    let free = policy.concurrency - leased(executor);
    const hungry = claims
      .filter(({ lacks }) => lacks > 0)
      .sort((a, b) => a.holds - b.holds || a.lastGrant - b.lastGrant);
    for (const [index, claim] of hungry.entries()) {
      if (free <= 0) break;
      // A lone driver gets the whole executor, so that its next calls need no message; several share what is left.
      const share = Math.ceil(free / (hungry.length - index));
      const slots = hungry.length === 1 ? free : Math.min(claim.lacks, share);
      free -= slots;
      claim.lacks = Math.max(0, claim.lacks - slots);
      claim.holds += slots;
      granted.add(executor.id);
      actions.push({ kind: "grant", executor: executor.id, driver: claim.driver, slots });
    }
  }
  return granted;
}

/** At `max`, whoever holds more than an equal share gives it back; where there is less than one each, in turn. */
function recall(claims: readonly Claim[], policy: Policy, actions: Action[]): void {
  const claimants = claims.filter(({ lacks, holds }) => lacks > 0 || holds > 0);
  if (claimants.length < 2) return;
  const keep = Math.floor((policy.max * policy.concurrency) / claimants.length);
  for (const { driver, holds } of claimants) if (holds > keep) actions.push({ kind: "recall", driver, keep });
}

/** Lets go of what has been idle for long enough, never below `min`. Returns when the next one is due. */
function retire(
  fleet: readonly ExecutorView[],
  granted: ReadonlySet<string>,
  policy: Policy,
  now: number,
  actions: Action[],
): number {
  let spare = fleet.length - policy.min;
  let next = Number.POSITIVE_INFINITY;
  const idle = fleet
    .filter((executor) => executor.phase === "ready" && leased(executor) === 0 && !granted.has(executor.id))
    .sort((a, b) => a.idleSince - b.idleSince);
  for (const executor of idle) {
    if (spare <= 0) break;
    const due = executor.idleSince + policy.idleAfter;
    if (due > now) next = Math.min(next, due);
    else {
      actions.push({ kind: "retire", executor: executor.id });
      spare--;
    }
  }
  return next;
}

function leased(executor: ExecutorView): number {
  let slots = 0;
  for (const count of executor.leases.values()) slots += count;
  return slots;
}

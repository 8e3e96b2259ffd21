/**
 * What a pool's supervisor does next, as a pure function of what it sees: no clock, no network, so that the rules
 * can be read, tested and simulated by themselves.
 */

export interface Policy {
  readonly min: number;
  readonly max: number;
  /** Slots of one executor. */
  readonly concurrency: number;
  /** ms without a lease after which an executor above `min` goes. */
  readonly idleAfter: number;
}

export interface ExecutorView {
  readonly id: string;
  readonly phase: "booting" | "ready";
  /** Slots that drivers hold, by driver. */
  readonly leases: ReadonlyMap<string, number>;
  /** Since when nobody holds a slot. */
  readonly idleSince: number;
}

export interface DriverView {
  readonly id: string;
  /** Calls that have no slot yet. */
  readonly waiting: number;
  /** Slots that are on their way to the driver. */
  readonly underway: number;
}

export type Action =
  | { readonly kind: "launch"; readonly count: number }
  | { readonly kind: "grant"; readonly executor: string; readonly driver: string; readonly slots: number }
  | { readonly kind: "recall"; readonly driver: string; readonly slots: number }
  | { readonly kind: "retire"; readonly executor: string };

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
  /** No executor may be launched before this time: the last launches failed. */
  launchAfter = 0,
): Decision {
  const actions: Action[] = [];
  const need = new Map(drivers.map((driver) => [driver.id, Math.max(0, driver.waiting - driver.underway)]));
  const granted = grant(fleet, need, policy, actions);

  const unmet = [...need.values()].reduce((sum, calls) => sum + calls, 0);
  const booting = fleet.filter((executor) => executor.phase === "booting").length;
  const wanted = Math.max(
    booting + Math.ceil(Math.max(0, unmet - booting * policy.concurrency) / policy.concurrency),
    policy.min - (fleet.length - booting),
  );
  const count = Math.min(wanted - booting, policy.max - fleet.length);
  const mayLaunch = now >= launchAfter;
  if (count > 0 && mayLaunch) actions.push({ kind: "launch", count });
  if (unmet > 0 && fleet.length >= policy.max) recall(drivers, fleet, need, policy, actions);

  const idle = retire(fleet, granted, policy, now, actions);
  return { actions, wakeAt: count > 0 && !mayLaunch ? Math.min(idle, launchAfter) : idle };
}

/** Gives free slots to whoever waits; lowers `need`. Returns the executors that got a lease. */
function grant(
  fleet: readonly ExecutorView[],
  need: Map<string, number>,
  policy: Policy,
  actions: Action[],
): ReadonlySet<string> {
  const granted = new Set<string>();
  const free = fleet
    .filter((executor) => executor.phase === "ready")
    .map((executor) => ({ id: executor.id, slots: policy.concurrency - leased(executor) }))
    .filter((executor) => executor.slots > 0);
  for (const executor of free) {
    const hungry = [...need].filter(([, calls]) => calls > 0);
    hungry.forEach(([driver, calls], index) => {
      // A lone driver gets the whole executor, so that its next calls need no message; several share what is left.
      const share = Math.ceil(executor.slots / (hungry.length - index));
      const slots = hungry.length === 1 ? executor.slots : Math.min(calls, share);
      if (slots === 0) return;
      executor.slots -= slots;
      need.set(driver, Math.max(0, calls - slots));
      granted.add(executor.id);
      actions.push({ kind: "grant", executor: executor.id, driver, slots });
    });
  }
  return granted;
}

/** At `max`, whoever holds more than an equal share gives back what is above it, as soon as it is idle. */
function recall(
  drivers: readonly DriverView[],
  fleet: readonly ExecutorView[],
  need: ReadonlyMap<string, number>,
  policy: Policy,
  actions: Action[],
): void {
  const held = new Map<string, number>();
  for (const executor of fleet) {
    for (const [driver, slots] of executor.leases) held.set(driver, (held.get(driver) ?? 0) + slots);
  }
  const claimants = drivers.filter((driver) => (need.get(driver.id) ?? 0) > 0 || held.has(driver.id));
  if (claimants.length < 2) return;
  const share = Math.max(1, Math.floor((policy.max * policy.concurrency) / claimants.length));
  for (const [driver, slots] of held) {
    if (slots > share) actions.push({ kind: "recall", driver, slots: slots - share });
  }
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

/** How many executors there are to be: which are launched, drained and let go. The rules are in docs/pools.md. */
import type { Action, DriverView, ExecutorView, RetireReason } from "./decide.ts";
import { isOpen } from "./grant-slots.ts";
import { keptFor } from "./patience.ts";
import type { Policy } from "./policy.ts";
import { fits, type Resources, shapeFor } from "./resources.ts";
import type { Want } from "./want.ts";

export interface Situation {
  readonly drivers: readonly DriverView[];
  readonly fleet: readonly ExecutorView[];
  readonly wants: readonly Want[];
  /** Executors that get a lease by this decision. */
  readonly granted: ReadonlySet<string>;
  readonly policy: Policy;
  readonly now: number;
  readonly launchAfter: number;
  readonly idleFor: number;
}

/** `slots`: all that there are to share, if calls wait for which no executor can be launched now. */
export function resize(situation: Situation, actions: Action[]): { slots?: number; wakeAt: number } {
  const { fleet, granted, policy, now, launchAfter, idleFor } = situation;
  const mayLaunch = now >= launchAfter;
  let wakeAt = Number.POSITIVE_INFINITY;
  let room = policy.max - fleet.reduce((sum, { phase }) => sum + (phase === "draining" ? 0 : 1), 0);
  let supply = fleet.reduce(
    (sum, executor) => sum + (executor.phase === "booting" || isOpen(executor) ? 1 : 0),
    0,
  );
  const retire = ({ id }: ExecutorView, reason: RetireReason) =>
    actions.push({ kind: "retire", executor: id, reason });
  const wake = (at: number) => {
    wakeAt = Math.min(wakeAt, at);
  };

  for (const executor of fleet) {
    if (executor.phase === "draining") {
      if (executor.leased === 0 || now >= executor.drainBy) retire(executor, "drained");
      else wake(executor.drainBy);
    } else if (executor.phase === "ready" && executor.spent && executor.leased === 0) {
      retire(executor, "single-use");
      room++;
    }
  }

  const needs = launchesFor(situation);
  let unmet = 0;
  for (const { count } of needs) unmet += count;
  const kept = Math.max(policy.min, slotsWanted(situation));
  const idle = fleet
    .filter((executor) => isOpen(executor) && executor.leased === 0 && !granted.has(executor.id))
    .sort((a, b) => a.idleSince - b.idleSince);
  const gone = new Set<string>();
  const letGo = (executor: ExecutorView, reason: RetireReason) => {
    retire(executor, reason);
    gone.add(executor.id);
    supply--;
    room++;
  };

  const drain = (executor: ExecutorView, patient?: true) => {
    actions.push({ kind: "drain", executor: executor.id, ...(patient && { patient }) });
    gone.add(executor.id);
    supply--;
    room++;
  };

  const tooMany = room < 0 && mayLaunch ? surplus(-room, situation) : [];
  for (const executor of tooMany) {
    if (executor.leased === 0) letGo(executor, "room");
    else drain(executor, true);
  }
  if (room < 0 && !mayLaunch) wake(launchAfter);
  // Idle ones that none of those who wait can use make room for others.
  for (const executor of idle) {
    if (gone.has(executor.id)) continue;
    if (room >= unmet || supply <= policy.min || !mayLaunch) break;
    letGo(executor, "room");
  }
  for (const executor of expired(fleet, now, wake)) {
    if (gone.has(executor.executor.id)) continue;
    const { executor: old, successor } = executor;
    const unused = old.leased === 0 && !granted.has(old.id);
    if (unused && (successor === "ready" || supply > kept)) letGo(old, "lifetime");
    else if (successor === "ready") drain(old);
    else if (successor === undefined && mayLaunch) {
      // Without room its place is taken by the successor at once, so that there are never more than max.
      if (room <= 0) {
        if (unused) letGo(old, "lifetime");
        else drain(old);
      }
      actions.push({ kind: "launch", count: 1, resources: old.resources, replaces: old.id });
      supply++;
      room--;
    } else if (successor === undefined) wake(launchAfter);
  }

  const wanted = Math.max(unmet, kept - supply);
  let count = Math.max(0, Math.min(wanted, room));
  const stuck = unmet > (mayLaunch ? Math.max(0, room) : 0);
  if (count > 0 && !mayLaunch) wake(launchAfter);
  else if (count > 0) {
    for (const need of needs) {
      const launched = Math.min(need.count, count);
      if (launched > 0) actions.push({ kind: "launch", count: launched, resources: need.resources });
      count -= launched;
    }
    if (count > 0) actions.push({ kind: "launch", count, resources: policy.resources });
  }

  let spare = supply - kept;
  // The longest idle is the last that calls would need.
  const unused = idle.filter(({ id }) => !gone.has(id));
  const used = supply - unused.length;
  for (const [at, executor] of unused.entries()) {
    if (spare <= 0) break;
    const due = executor.idleSince + keptFor(unused.length - at, used, idleFor, policy);
    if (due > now) {
      wake(due);
      break;
    }
    retire(executor, "idle");
    spare--;
  }
  if (!stuck) return { wakeAt };
  return { slots: (mayLaunch ? policy.max : supply) * policy.concurrency, wakeAt };
}

/**
 * Those that go first as there are more than `max`, because it was lowered, or because drivers have brought in what the
 * last supervisor had: the least used. Nobody knew that when their calls were sent, so those may take their time.
 */
function surplus(count: number, { fleet, granted }: Situation): ExecutorView[] {
  return fleet
    .filter((executor) => isOpen(executor) && !granted.has(executor.id))
    .sort((a, b) => a.leased - b.leased || a.idleSince - b.idleSince)
    .slice(0, count);
}

/** Executors that the waiting calls need beyond those that boot, by what they must have. */
function launchesFor({ wants, fleet, policy }: Situation): { resources: Resources; count: number }[] {
  const unmet = wants.filter(({ lacks }) => lacks > 0);
  if (unmet.length === 0) return [];
  const booting = new Map<string, { resources: Resources; slots: number }>();
  for (const { phase, resources } of fleet) {
    if (phase !== "booting") continue;
    const kind = kindOf(resources);
    const shelf = booting.get(kind);
    if (shelf) shelf.slots += policy.concurrency;
    else booting.set(kind, { resources, slots: policy.concurrency });
  }
  const needs = new Map<string, { resources: Resources; slots: number }>();
  for (const { resources, lacks } of unmet) {
    let left = lacks;
    for (const shelf of booting.values()) {
      if (!fits(resources, shelf.resources)) continue;
      const met = Math.min(left, shelf.slots);
      shelf.slots -= met;
      left -= met;
    }
    if (left === 0) continue;
    const shape = shapeFor(resources, policy.resources);
    const kind = kindOf(shape);
    const need = needs.get(kind);
    if (need) need.slots += left;
    else needs.set(kind, { resources: shape, slots: left });
  }
  return [...needs.values()].map(({ resources, slots }) => ({
    resources,
    count: Math.ceil(slots / policy.concurrency),
  }));
}

function kindOf({ gpu }: Resources): string {
  return gpu?.kinds?.join() ?? "";
}

/** Executors that hold what calls use and what is kept free beyond it; 0 where nothing is kept free. */
function slotsWanted({ drivers, fleet, policy }: Situation): number {
  if (policy.buffer === 0) return 0;
  let slots = policy.buffer;
  for (const { busy, demand } of drivers) {
    slots += busy;
    for (const { waiting } of demand) slots += waiting;
  }
  // Calls on executors that take no others need no slot elsewhere.
  for (const executor of fleet) if (executor.phase === "draining" || executor.spent) slots -= executor.leased;
  return Math.min(policy.max, Math.ceil(Math.max(policy.buffer, slots) / policy.concurrency));
}

/** Those whose lifetime is over, with how far their successor is; the oldest first. */
function expired(fleet: readonly ExecutorView[], now: number, wake: (at: number) => void) {
  const over: ExecutorView[] = [];
  for (const executor of fleet) {
    if (executor.phase !== "ready" || executor.spent || executor.expiresAt === Number.POSITIVE_INFINITY)
      continue;
    if (executor.expiresAt <= now) over.push(executor);
    else wake(executor.expiresAt);
  }
  if (over.length === 0) return [];
  const successors = new Map<string, "booting" | "ready" | "draining">();
  for (const { replaces, phase } of fleet) if (replaces !== undefined) successors.set(replaces, phase);
  return over
    .sort((a, b) => a.expiresAt - b.expiresAt)
    .map((executor) => {
      const phase = successors.get(executor.id);
      return { executor, successor: phase === "draining" ? undefined : phase };
    });
}

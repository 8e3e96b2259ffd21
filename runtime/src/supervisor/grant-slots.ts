/** Gives free slots to those who wait: by priority, then to those who hold least, then to those served longest ago. */
import type { Action, ExecutorView } from "./decide.ts";
import type { Policy } from "./policy.ts";
import { fits, type Resources } from "./resources.ts";
import { byPriority, type Claim, type Party, type Want } from "./want.ts";
import { waterLevel } from "./water-level.ts";

/** Whether calls may be given to it. One whose lifetime is over serves until it is replaced. */
export function isOpen({ phase, spent }: ExecutorView): boolean {
  return phase === "ready" && !spent;
}

interface Open {
  readonly id: string;
  free: number;
}

/** Executors that have the same, so that a want looks at each kind once and not at each executor. */
interface Shelf {
  readonly resources: Resources;
  readonly open: Open[];
  /** Those before it have no free slot. */
  next: number;
  free: number;
}

/** Returns the executors that got a lease. */
export function grantSlots(
  fleet: readonly ExecutorView[],
  claims: ReadonlyMap<string, Claim>,
  wants: readonly Want[],
  policy: Policy,
  actions: Action[],
): ReadonlySet<string> {
  const granted = new Set<string>();
  if (wants.length === 0) return granted;
  const { shelves, byId } = arrange(fleet, policy.concurrency);
  // A lone driver gets whole executors, so that its next calls need no message; several share what there is.
  const whole = !policy.singleUse && isLone(claims);
  /** Slots that a lone driver got beyond what it asked for. */
  let surplus = 0;

  const give = (want: Want, shelf: Shelf, open: Open, most: number): number => {
    const slots = whole ? open.free : Math.min(open.free, most);
    open.free -= slots;
    shelf.free -= slots;
    const met = Math.min(want.lacks, slots);
    want.lacks -= met;
    want.claim.lacks -= met;
    want.claim.holds += slots;
    surplus += slots - met;
    granted.add(open.id);
    actions.push({ kind: "grant", executor: open.id, driver: want.claim.driver, slots });
    return slots;
  };

  const serve = (want: Want, quota: number): number => {
    const reused = Math.min(surplus, want.lacks);
    surplus -= reused;
    want.lacks -= reused;
    want.claim.lacks -= reused;
    const most = Math.min(quota, want.lacks);
    let left = most;
    const preferred = want.prefers === undefined ? undefined : byId.get(want.prefers);
    if (left > 0 && preferred && preferred.open.free > 0 && fits(want.resources, preferred.shelf.resources))
      left -= give(want, preferred.shelf, preferred.open, left);
    for (const shelf of shelves) {
      if (left <= 0) break;
      if (shelf.free === 0 || !fits(want.resources, shelf.resources)) continue;
      for (let at = shelf.next; left > 0 && shelf.free > 0; at++) {
        const open = shelf.open[at] as Open;
        if (open.free > 0) left -= give(want, shelf, open, left);
        shelf.next = at;
      }
    }
    return most - Math.max(0, left);
  };

  for (const level of byPriority(wants)) {
    const free = shelves.reduce((sum, shelf) => sum + shelf.free, 0);
    if (free === 0) break;
    for (const [party, quota] of shares(level, free)) {
      let left = quota;
      // Those first that know where they want to go.
      for (const want of party.wants) if (want.prefers !== undefined) left -= serve(want, left);
      for (const want of party.wants) left -= serve(want, left);
    }
    // What one could not use, as it needs another kind of executor, is for the others.
    for (const { wants } of level) for (const want of wants) serve(want, want.lacks);
  }
  return granted;
}

function isLone(claims: ReadonlyMap<string, Claim>): boolean {
  let hungry = 0;
  for (const { lacks } of claims.values()) if (lacks > 0) hungry++;
  return hungry === 1;
}

function arrange(fleet: readonly ExecutorView[], concurrency: number) {
  const shelves = new Map<string, Shelf>();
  const byId = new Map<string, { shelf: Shelf; open: Open }>();
  for (const executor of fleet) {
    const free = concurrency - executor.leased;
    if (free <= 0 || !isOpen(executor)) continue;
    // The executors of a pool differ in nothing else.
    const kind = executor.resources.gpu?.kinds?.join() ?? "";
    let shelf = shelves.get(kind);
    if (!shelf) {
      shelf = { resources: executor.resources, open: [], next: 0, free: 0 };
      shelves.set(kind, shelf);
    }
    const open = { id: executor.id, free };
    shelf.open.push(open);
    shelf.free += free;
    byId.set(executor.id, { shelf, open });
  }
  return { shelves: [...shelves.values()], byId };
}

/** How many slots each may have, so that all hold the same in the end as far as they want it. */
function shares(level: readonly Party[], free: number): [Party, number][] {
  const [first] = level;
  if (first && level.length === 1) return [[first, free]];
  const order = level.toSorted(
    (a, b) => a.claim.holds - b.claim.holds || a.claim.lastGrant - b.claim.lastGrant,
  );
  const vessels = order.map(({ claim, lacks }) => ({ from: claim.holds, to: claim.holds + lacks }));
  const even = waterLevel(vessels, free);
  const quotas = vessels.map(({ from, to }) => Math.max(0, Math.min(to, even) - from));
  let rest = free - quotas.reduce((sum, quota) => sum + quota, 0);
  return order.map((party, at): [Party, number] => {
    const { from, to } = vessels[at] as { from: number; to: number };
    const extra = rest > 0 && from <= even && to > even ? 1 : 0;
    rest -= extra;
    return [party, (quotas[at] as number) + extra];
  });
}

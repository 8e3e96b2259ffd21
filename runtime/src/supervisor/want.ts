/** What drivers lack, in the order in which it is served. */
import type { Action, DriverView, ExecutorView } from "./decide.ts";
import type { Policy } from "./policy.ts";
import { type Resources, unservable } from "./resources.ts";

export interface Claim {
  readonly driver: string;
  readonly lastGrant: number;
  /** Slots that the driver holds, those on their way included. */
  holds: number;
  /** Calls that have no slot, nor one on its way. */
  lacks: number;
}

/** Calls of one driver that lack slots of the same kind. */
export interface Want {
  readonly claim: Claim;
  readonly priority: number;
  readonly resources: Resources | undefined;
  readonly prefers: string | undefined;
  readonly oldestMs: number;
  lacks: number;
}

/** Wants that no executor can meet are refused here, and are none of the wants that come back. */
export function wantsOf(
  drivers: readonly DriverView[],
  fleet: readonly ExecutorView[],
  policy: Policy,
  actions: Action[],
): { claims: ReadonlyMap<string, Claim>; wants: Want[] } {
  const claims = new Map<string, Claim>();
  const wants: Want[] = [];
  for (const { id, demand, underway, lastGrant } of drivers) {
    const claim = { driver: id, lastGrant, holds: 0, lacks: 0 };
    claims.set(id, claim);
    // What is on its way serves those first that come first.
    let coming = underway;
    for (const { waiting, priority, resources, prefers, oldestMs } of inOrder(demand)) {
      const reason = unservable(resources, policy.resources);
      if (resources && reason) {
        actions.push({ kind: "refuse", driver: id, resources, reason });
        continue;
      }
      const lacks = Math.max(0, waiting - coming);
      coming = Math.max(0, coming - waiting);
      if (lacks === 0) continue;
      claim.lacks += lacks;
      wants.push({ claim, priority, resources, prefers, oldestMs, lacks });
    }
  }
  for (const { leases } of fleet) {
    for (const [driver, slots] of leases) {
      const claim = claims.get(driver);
      if (claim) claim.holds += slots;
    }
  }
  return { claims, wants: inOrder(wants) };
}

function inOrder<T extends { priority: number; oldestMs: number }>(list: readonly T[]): T[] {
  return list.length < 2 ? [...list] : list.toSorted((a, b) => b.priority - a.priority);
}

/** What one driver wants at one priority. */
export interface Party {
  readonly claim: Claim;
  readonly wants: Want[];
  readonly lacks: number;
}

/** The parties of each priority, the highest first. */
export function* byPriority(wants: readonly Want[]): Generator<Party[]> {
  for (let start = 0; start < wants.length; ) {
    const parties = new Map<Claim, { claim: Claim; wants: Want[]; lacks: number }>();
    const { priority } = wants[start] as Want;
    for (; wants[start]?.priority === priority; start++) {
      const want = wants[start] as Want;
      const party = parties.get(want.claim);
      if (!party) parties.set(want.claim, { claim: want.claim, wants: [want], lacks: want.lacks });
      else {
        party.wants.push(want);
        party.lacks += want.lacks;
      }
    }
    yield [...parties.values()];
  }
}

/**
 * How an executor passes from a supervisor that is gone to the next: drivers say which they have cells on, the new
 * supervisor asks each. Whose it is, its agent alone decides, so no two supervisors ever both have it.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Address } from "../actor/address.ts";
import type { Ref } from "../actor/ref.ts";
import type { AgentPort } from "../pool/agent-port.ts";
import type { Timing } from "../presence/timing.ts";
import type { Resources } from "./resources.ts";

/** How long the others wait for a supervisor whose driver was killed or cut off. */
export const LEASE_MS = 3_000;
/** How long a supervisor may take to answer whoever joins. */
export const JOIN_MS = 2_000;
const ASK_MS = 1_000;
const AGAIN_MS = 100;

/** An executor on which a driver has a cell, as the driver tells a supervisor that may not know it. */
export interface Holding {
  readonly agent: Address;
  readonly resources: Resources;
  /** What it holds of it, and nobody else may be given. */
  readonly slots: number;
  /** The last supervisor was taking it out of service. */
  readonly withdrawn: boolean;
}

/** What an agent says to a supervisor that may have it. */
export interface Adopted {
  /** The driver under whose name the platform lists it. */
  readonly owner: string;
  /** ms since its process began. */
  readonly ageMs: number;
  /** ms since it was ready, from which its lifetime counts. */
  readonly readyMs: number;
}

/**
 * How long an executor waits for its next supervisor, linked to NATS: until others have noticed that the last one is
 * gone, which silence tells them after the lease of presence; then its lease of a store may still have to end; then
 * whoever is elected asks for a supervisor first, which may not answer.
 */
export function adoptionMs({ lease }: Timing): number {
  return lease + LEASE_MS + JOIN_MS;
}

/**
 * Asks until the agent says yes, also a beat after it was first asked: other drivers learn so much later that the last
 * supervisor is gone, and until then may hold slots there that nobody has told of. Undefined if it has not, in time, as
 * the last supervisor lives; at once if it is ending, and when nobody wants it any more. One that does not answer is for
 * presence to judge.
 */
export async function adopt(
  agent: Ref<AgentPort>,
  as: { readonly supervisor: Address; readonly token: bigint; readonly timing: Timing },
  isWanted: () => boolean,
): Promise<Adopted | undefined> {
  const start = performance.now();
  while (isWanted()) {
    let wait = AGAIN_MS;
    try {
      const answer = await agent.with({ deadline: ASK_MS }).adopt(as.supervisor, as.token);
      const asked = performance.now() - start;
      if (answer === "leaving") return undefined;
      if (asked >= (answer ? as.timing.beat : adoptionMs(as.timing))) return answer;
      if (answer) wait = as.timing.beat - asked;
    } catch {
      // Its link or ours is down, or it is gone: then it is wanted no longer as soon as presence says so.
    }
    await pause(wait);
  }
  return undefined;
}

/**
 * Whether this supervisor may end the executor: another may have adopted it while we were frozen or cut off. With
 * `letGo` only if no driver has a cell there either; otherwise it is free from now on. Undefined if the agent cannot be
 * asked.
 */
export async function mayEnd(agent: Ref<AgentPort>, letGo: boolean): Promise<boolean | undefined> {
  try {
    return await agent.with({ deadline: ASK_MS }).mayEnd(letGo);
  } catch {
    return undefined;
  }
}

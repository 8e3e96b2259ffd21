/** Takes slots back where no more executors can be had: by priority, and in equal shares among equals. */
import type { Action } from "./decide.ts";
import { byPriority, type Claim, type Want } from "./want.ts";
import { waterLevel } from "./water-level.ts";

/**
 * Each driver may keep what it would get if all slots were dealt anew. What it holds counts as of its lowest waiting
 * priority, so that one urgent call does not keep many slots. A driver for which nothing waits keeps what the others
 * leave; it gives back only what is free, or becomes so, and that it has no use for.
 */
export function recallSlots(
  claims: ReadonlyMap<string, Claim>,
  wants: readonly Want[],
  slots: number,
  actions: Action[],
): void {
  // Who has just been served is among them, with nothing left to want: what it got is not taken back at once.
  const lowest = new Map(wants.map(({ claim, priority }) => [claim, priority]));
  const keeps = new Map<Claim, number>();
  let left = slots;
  const deal = (vessels: { claim: Claim; from: number; to: number }[]) => {
    const level = waterLevel(vessels, left);
    for (const { to } of vessels) left -= Math.min(to, level);
    for (const { claim, to } of vessels) {
      const kept = keeps.get(claim) ?? 0;
      // A slot that cannot be halved stays where it is; where there is less than one each, they go round.
      const stays = level > 0 && left > 0 && to > level && claim.holds > kept + level ? 1 : 0;
      left -= stays;
      keeps.set(claim, kept + Math.min(to, level) + stays);
    }
  };
  for (const level of byPriority(wants)) {
    deal(
      level.map(({ claim, wants, lacks }) => ({
        claim,
        from: 0,
        to: lacks + (wants[0]?.priority === lowest.get(claim) ? claim.holds : 0),
      })),
    );
  }
  const rest = [...claims.values()].filter((claim) => claim.holds > 0 && !lowest.has(claim));
  deal(rest.map((claim) => ({ claim, from: 0, to: claim.holds })));
  for (const [claim, keep] of keeps) {
    if (claim.holds > keep) actions.push({ kind: "recall", driver: claim.driver, keep });
  }
}

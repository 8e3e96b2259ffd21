/** What can have one holder has one at a time, and gets another if it has to. */
import { nodeOf, type Of } from "../event.ts";
import type { Facts, Findings } from "../facts.ts";

export function holders(facts: Facts): Findings {
  const broken: string[] = [];
  const owed: string[] = [];
  const wanted = new Map<string, Of<"supervised">>();
  for (const event of facts.of("supervised", "unsupervised")) {
    if (event.kind === "supervised") wanted.set(event.what, event as Of<"supervised">);
    else wanted.delete(event.what);
  }
  for (const [what, held] of Map.groupBy(facts.of("holds"), (event) => event.what)) {
    held.forEach(({ place, at }, index) => {
      const before = held[index - 1];
      if (!before) return;
      const end = facts.end(before.place);
      if (end && end.at <= at) return;
      if (facts.excused([nodeOf(before.place), nodeOf(place)], before.at, at)) return;
      broken.push(`${what} is held by ${place} while ${before.place} lives`);
    });
    const last = held.at(-1) as Of<"holds">;
    const by = wanted.get(what)?.by;
    if (by === undefined) continue;
    const isGone = facts.killed(by) !== undefined;
    if (!isGone && facts.end(last.place)) owed.push(`another holder of ${what} after ${last.place}`);
    // Whoever had it started is gone, and it with them.
    if (isGone && !facts.end(last.place)) owed.push(`the end of ${last.place}, as ${by} was killed`);
  }
  return { broken, owed };
}

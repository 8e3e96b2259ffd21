/** An actor that is linked to one that did not end in order ends too. */
import { nodeOf } from "../event.ts";
import type { Facts, Findings } from "../facts.ts";

export function links(facts: Facts): Findings {
  const owed: string[] = [];
  for (const { one, other } of facts.of("linked")) {
    // The other's half is made by a message, which may come too late: only the one that asked for it is certain.
    const end = facts.end(other);
    if (end && end.reason !== "normal" && !facts.end(one) && facts.killed(nodeOf(one)) === undefined)
      owed.push(`the end of ${one}, which is linked to ${other} that ended as ${end.reason}`);
  }
  return { broken: [], owed };
}

/** Actors on an executor end with it, and with the process that started them. */
import { nodeOf } from "../event.ts";
import type { Facts, Findings } from "../facts.ts";

export function ends(facts: Facts): Findings {
  const owed: string[] = [];
  const drained = facts.of("drained");
  for (const { place, driver, at } of facts.of("started")) {
    if (!driver || facts.end(place)) continue;
    if (drained.some((one) => nodeOf(place).startsWith(one.node) && one.at > at))
      owed.push(`the end of ${place}, whose executor was told to stop`);
  }
  return { broken: [], owed };
}

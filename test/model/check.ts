/** Everything that must hold for whatever happened. A further rule is a further file. */
import type { Event } from "./event.ts";
import { type Bounds, Facts, type Findings, type Rule } from "./facts.ts";
import { deliveries } from "./rules/deliveries.ts";
import { downs } from "./rules/downs.ts";
import { ends } from "./rules/ends.ts";
import { holders } from "./rules/holders.ts";
import { links } from "./rules/links.ts";
import { names } from "./rules/names.ts";

const RULES: readonly Rule[] = [downs, deliveries, links, holders, names, ends];

export function check(history: readonly Event[], bounds: Bounds): Findings {
  const facts = new Facts(history);
  const found = RULES.map((rule) => rule(facts, bounds));
  return {
    broken: found.flatMap(({ broken }) => broken),
    owed: found.flatMap(({ owed }) => owed),
  };
}

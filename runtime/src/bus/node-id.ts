import { nuid } from "nats";

/** A new id for a driver (`d`) or an executor (`e`): unique, DNS-safe, and a single token of a subject. */
export function newNodeId(kind: "d" | "e"): string {
  return `${kind}-${nuid.next().toLowerCase()}`;
}

/**
 * What the nodes of one machine have in common: an executor `e-x`, its cells `c-x-1` and their connections, such as
 * `e-x-presence`, are of the family `x`.
 */
export function familyOf(name: string): string {
  return name.split("-")[1] ?? name;
}

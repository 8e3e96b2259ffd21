import { nuid } from "nats";

/** A new id for a driver (`d`) or an executor (`e`): unique, DNS-safe, and a single token of a subject. */
export function newNodeId(kind: "d" | "e"): string {
  return `${kind}-${nuid.next().toLowerCase()}`;
}

/**
 * Speaks for the nodes of a cell's actors: this process is never kept busy by their code, and still there when theirs
 * has ended.
 */
import type { Presence } from "@bonfire/runtime/internal";
import type { CellHandle } from "./cell-process.ts";

/**
 * How long after an actor's end in order its node says goodbye. Who watched the actor has been told; a goodbye at once
 * could overtake what nats-server says to whoever is asking it just now.
 */
const LINGER_MS = 1_000;

export function announceActors(cell: CellHandle, presence: Presence): void {
  const nodes = new Set<string>();
  const leave = (node: string, detail: string) => {
    if (nodes.delete(node)) presence.bye(node, detail);
  };
  cell.onNode = ({ kind, node, detail }) => {
    if (kind === "entered") {
      nodes.add(node);
      presence.speakFor(node);
    } else if (detail !== "") leave(node, detail);
    else setTimeout(leave, LINGER_MS, node, detail).unref();
  };
  void cell.ended.then(({ message }) => {
    for (const node of nodes) leave(node, `its cell has ended: ${message}`);
  });
}

/**
 * Speaks for the nodes of a cell's actors: this process is never kept busy by their code, and still there when theirs
 * has ended.
 */
import type { Beater } from "@bonfire/runtime/internal";
import type { CellProcess } from "./cell-process.ts";

/** Begins to say that a node lives. */
export type Announce = (node: string) => Beater;

/**
 * How long after an actor's end in order its node says goodbye. Who watched the actor has been told; a goodbye at once
 * could overtake what nats-server says to whoever is asking it just now.
 */
const LINGER_MS = 1_000;

export function announceActors(cell: CellProcess, announce: Announce): void {
  const beaters = new Map<string, Beater>();
  const leave = (node: string, detail: string) => {
    const beater = beaters.get(node);
    beaters.delete(node);
    // If the link is down now, silence says the same later.
    beater?.bye(detail).catch((error: Error) => process.emitWarning(error));
  };
  cell.onNode = ({ kind, node, detail }) => {
    if (kind === "entered") beaters.set(node, announce(node));
    else if (detail !== "") leave(node, detail);
    else setTimeout(leave, LINGER_MS, node, detail).unref();
  };
  void cell.ended.then(({ message }) => {
    for (const node of beaters.keys()) leave(node, `its cell has ended: ${message}`);
  });
}

/**
 * Speaks for the nodes of a cell's actors: this process is never kept busy by their code, and still there when theirs
 * has ended.
 */
import type { Beater } from "@bonfire/runtime/internal";
import type { CellProcess } from "./cell-process.ts";

/** Begins to say that a node lives. */
export type Announce = (node: string) => Beater;

export function announceActors(cell: CellProcess, announce: Announce): void {
  const beaters = new Map<string, Beater>();
  const leave = (node: string, detail: string) => {
    const beater = beaters.get(node);
    beaters.delete(node);
    // If the link is down now, silence says the same later.
    beater?.bye(detail).catch((error: Error) => process.emitWarning(error));
  };
  cell.onNode = (news) => {
    if (news.kind === "entered") beaters.set(news.node, announce(news.node));
    else leave(news.node, news.detail);
  };
  void cell.ended.then(({ message }) => {
    for (const node of beaters.keys()) leave(node, `its cell has ended: ${message}`);
  });
}

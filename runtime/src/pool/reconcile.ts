/** After a link to NATS broke: when a cell is back, and which calls it never got, or has answered in vain. */
import { setTimeout as pause } from "node:timers/promises";
import { BonfireError, hasCode } from "@bonfire/wire";
import type { Call } from "./call.ts";
import type { CellLink } from "./cell-link.ts";
import { GONE_MS } from "./end-work.ts";

const AGAIN_MS = 100;

/** Resolves with the calls that are lost. A cell that stays silent is its keeper's business, and there are none. */
export async function lostCalls(cell: CellLink): Promise<Call[]> {
  const sent = [...cell.inFlight].filter(({ copyIn }) => copyIn === cell);
  for (;;) {
    const open = sent.filter((call) => cell.inFlight.has(call) && call.phase.name === "running");
    if (open.length === 0) return [];
    try {
      const missing = new Set(await cell.missing(open.map(({ id }) => id)));
      return open.filter(
        (call) => missing.has(call.id) && cell.inFlight.has(call) && call.phase.name === "running",
      );
    } catch {
      // Its own link comes back a little later than ours, or ours is down again; a call's deadline ends this.
      await pause(AGAIN_MS);
    }
  }
}

/**
 * Resolves when somebody listens again in a cell where nobody did, or when `isWanted` says no. `doubt` is called
 * whenever nobody has for 1.5 s.
 */
export async function listensAgain(
  cell: CellLink,
  isWanted: () => boolean,
  doubt: () => void,
): Promise<void> {
  let nobodySince = performance.now();
  while (isWanted()) {
    try {
      await cell.missing([]);
      return;
    } catch (error) {
      if (hasCode(error, "CELL_SILENT")) return;
      // Our own link says nothing of the cell's.
      if (!hasCode(error, "EXECUTOR_LOST")) nobodySince = performance.now();
    }
    if (performance.now() - nobodySince >= GONE_MS) {
      nobodySince = performance.now();
      doubt();
    }
    await pause(AGAIN_MS);
  }
}

export function callLost({ closure }: Call): BonfireError {
  return new BonfireError(
    "CALL_LOST",
    `Call at ${closure.at} was lost as a link to NATS broke: it may have run or not, so repeat it only if it may run twice`,
  );
}

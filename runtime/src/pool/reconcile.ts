/** After a link to NATS broke: which calls a cell never got, or has answered in vain. */
import { setTimeout as pause } from "node:timers/promises";
import { BonfireError } from "@bonfire/wire";
import type { Call } from "./call.ts";
import type { CellLink } from "./cell-link.ts";

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

export function callLost({ closure }: Call): BonfireError {
  return new BonfireError(
    "CALL_LOST",
    `Call at ${closure.at} was lost as a link to NATS broke: it may have run or not, so repeat it only if it may run twice`,
  );
}

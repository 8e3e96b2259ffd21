/** Ending a call's work in its cell, and knowing that it has ended. */
import { setTimeout as pause } from "node:timers/promises";
import { hasCode } from "@bonfire/wire";
import type { Ref } from "../actor/ref.ts";
import type { KeeperPort } from "./agent-port.ts";
import type { Call } from "./call.ts";
import type { CellLink } from "./cell-link.ts";

const AGAIN_MS = 100;
/** After an outage of NATS a cell may take so long until it listens again; its keeper tells if it is gone. */
export const BACK_MS = 5_000;
/** How often a busy cell is asked again to end a call. */
const RECHECK_MS = 500;
/** A cell under whose name nobody has listened for so long is no more: longer than presence needs, see `nobody` in presence/timing.ts. */
export const GONE_MS = 1_500;
/** How long an actor may keep its cell busy, as V8's limit in isolates says. */
const TURN_MS = 10_000;
/** Our link to NATS, or the cell's, is down, or the cell is gone. */
const UNREACHED = ["LINK_DOWN", "EXECUTOR_LOST"];

/**
 * Resolves when the slot of the work is free: with true if the work has ended, with false if that is not certain before
 * its cell has ended, too. Rejects if the cell is gone. While our link to NATS is down it waits: what else runs in the
 * cell goes on, and whether the cell is gone is its keeper's to say.
 */
export async function endWork(
  call: Call,
  cell: CellLink,
  keeper: Ref<KeeperPort>,
  message: string,
): Promise<boolean> {
  const since = performance.now();
  let nobodySince: number | undefined;
  while (cell.inFlight.has(call)) {
    try {
      const ended = await cell.cancel(call.id, message);
      if (ended !== "silent") return ended === "ended";
      nobodySince = undefined;
      // It does not even answer. Another call that is within its time may rightly keep it busy; if there is none,
      // its keeper finds out whether the cell is stuck, and kills it if so.
      if (hasTime(cell.inFlight, call, since)) await pause(RECHECK_MS);
      else await keeper.overdue(message);
    } catch (error) {
      const now = performance.now();
      // Our own link says nothing of the cell's.
      if (hasCode(error, "LINK_DOWN")) nobodySince = undefined;
      else nobodySince ??= now;
      const isOver = nobodySince !== undefined && now - nobodySince >= BACK_MS;
      if (isOver || !UNREACHED.some((code) => hasCode(error, code))) throw error;
      await pause(AGAIN_MS);
    }
  }
  return false;
}

/**
 * Whether a call of the cell other than `overdue`, which has been asked to end since `since`, is still within its
 * deadline, or an actor's turn within its limit.
 */
function hasTime(calls: Iterable<Call>, overdue: Call, since: number): boolean {
  const now = performance.now();
  for (const call of calls) {
    if (call === overdue || call.settled) continue;
    if (now < (call.actor ? since + TURN_MS : call.deadlineAt)) return true;
  }
  return false;
}

/** Resolves when no copy of a call that has failed can be running any more. */
export async function copyEnded(call: Call, signal: AbortSignal): Promise<void> {
  const cell = call.copyIn;
  let nobodySince: number | undefined;
  while (cell && !cell.hasEnded && !signal.aborted) {
    try {
      if ((await cell.cancel(call.id, "the call is tried again")) === "ended") return;
      nobodySince = undefined;
    } catch (error) {
      // Only what its own link to NATS cannot explain counts: a cell that lost it is back within this time.
      nobodySince = hasCode(error, "EXECUTOR_LOST") ? (nobodySince ?? performance.now()) : undefined;
      if (nobodySince !== undefined && performance.now() - nobodySince >= GONE_MS) return;
    }
    await pause(AGAIN_MS);
  }
}

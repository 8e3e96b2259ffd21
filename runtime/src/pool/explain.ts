/** Says why a call waits, or where it runs: a sentence for people, and the same as data. */
import { CallFlag } from "@bonfire/wire";
import type { FleetCounts } from "../supervisor/fleet-event.ts";
import type { Call } from "./call.ts";
import { spoken } from "./call-errors.ts";
import type { CellLink } from "./cell-link.ts";
import { comesBefore } from "./waiting-queue.ts";
import { PATIENCE_MS } from "./waiting-room.ts";

/** Most holders of slots that a sentence names; the data has all. */
const MOST_NAMED = 3;

/** A call that has a slot. */
export interface SlotHolder {
  readonly executor: string;
  /** The file, line and column of its closure. */
  readonly at: string;
  /** How long it has run. */
  readonly ms: number;
}

export interface Explanation {
  /** The whole of it in words. */
  readonly text: string;
  /**
   * `"preparing"`: its code is being bundled, or it waits to be tried again. `"waiting"`: for what `waitsFor` says.
   * `"running"`: on `executor`. `"live"`: it has its value, and something in it keeps its slot. `"ended"`: nothing
   * keeps anything for it any more. `"idle"`: of a pool, no call waits.
   */
  readonly state: "preparing" | "waiting" | "running" | "live" | "ended" | "idle";
  /** A slot that others have, an executor that boots, a boot to succeed at last, or the cell of its key. */
  readonly waitsFor?: "slot" | "boot" | "capacity" | "key";
  /** ms that it has waited, or run. */
  readonly ms?: number;
  /** Calls that are served before it. */
  readonly ahead?: number;
  /** Who has the slots that it could use. */
  readonly holders?: readonly SlotHolder[];
  /** Where it runs, or the executor of its key. */
  readonly executor?: string;
  /** Executors of the pool. */
  readonly executors: FleetCounts;
  /** How long the one that boots has taken by now, ms. */
  readonly bootingMs?: number;
  /** What the platform said when a boot failed last. */
  readonly bootFailure?: string;
}

/** What a dispatcher knows of its pool. */
export interface Surroundings {
  readonly pool: string;
  readonly executors: FleetCounts;
  readonly bootingSince: number;
  readonly bootFailure: string | undefined;
  readonly waiting: Iterable<Call> & { readonly size: number };
  readonly cells: Iterable<CellLink>;
}

export const ENDED = "The call has ended, or is not one of this pool";

/** `call` undefined: of the pool as a whole. */
export function explain(call: Call | undefined, around: Surroundings): Explanation {
  const { executors } = around;
  if (!call) {
    if (around.waiting.size > 0) return waiting(first(around.waiting), around);
    return { text: `No call of pool "${around.pool}" waits`, state: "idle", executors };
  }
  const { phase } = call;
  if (phase.name === "waiting") return waiting(call, around);
  if (phase.name === "settled") return { text: ENDED, state: "ended", executors };
  const { executor } = phase.cell;
  const ms = call.sentAt === 0 ? 0 : Math.round(performance.now() - call.sentAt);
  if (phase.name === "open") {
    const text = call.actor
      ? `${what(call)} lives on ${executor}, and keeps a slot there`
      : `${what(call)} has its value, and something alive in it keeps a slot of ${executor}`;
    return { text, state: "live", ms, executor, executors };
  }
  const does =
    phase.name === "receiving"
      ? "is sending its value from"
      : call.flags & CallFlag.actor
        ? "starts on"
        : "runs on";
  const text = `${what(call)} ${does} ${executor} since ${spoken(ms)}`;
  return { text, state: "running", ms, executor, executors };
}

function what({ closure, flags }: Call): string {
  return `The ${flags & CallFlag.actor ? "actor" : "call"} at ${closure.at}`;
}

function waiting(call: Call, around: Surroundings): Explanation {
  const { executors, bootFailure, bootingSince } = around;
  const now = performance.now();
  const ms = Math.round(now - (call.deadlineAt - call.budget));
  const home = call.home;
  const ahead = aheadOf(call, home ? home.atHome : around.waiting);
  const holders = [...(home ? [home] : around.cells)].flatMap((cell) => holdersOf(cell, now));
  const bootingMs = executors.booting > 0 ? Math.round(now - bootingSince) : undefined;
  const waitsFor = home
    ? "key"
    : bootFailure !== undefined
      ? "capacity"
      : bootingMs !== undefined
        ? "boot"
        : "slot";
  const reason = {
    key: `for the cell of its key ${JSON.stringify(call.affinity)} on ${home?.executor}, as it does for ${spoken(PATIENCE_MS)} at most`,
    capacity: `for an executor, as the last boot failed: ${bootFailure}`,
    boot: `for an executor that has been booting for ${spoken(bootingMs ?? 0)}`,
    slot: "for a slot",
  }[waitsFor];
  const text = `${what(call)} has waited ${spoken(ms)} ${reason}; ${ahead} ${ahead === 1 ? "call is" : "calls are"} before it${named(holders)}`;
  return {
    text,
    state: "waiting",
    waitsFor,
    ms,
    ahead,
    holders,
    executors,
    ...(home && { executor: home.executor }),
    ...(bootingMs !== undefined && { bootingMs }),
    ...(bootFailure !== undefined && { bootFailure }),
  };
}

function aheadOf(call: Call, others: Iterable<Call>): number {
  let ahead = 0;
  for (const other of others) if (comesBefore(other, call)) ahead++;
  return ahead;
}

function holdersOf({ executor, inFlight }: CellLink, now: number): SlotHolder[] {
  return [...inFlight].map(({ closure, sentAt }) => ({
    executor,
    at: closure.at,
    ms: sentAt === 0 ? 0 : Math.round(now - sentAt),
  }));
}

function named(holders: readonly SlotHolder[]): string {
  if (holders.length === 0) return "";
  const some = holders
    .slice(0, MOST_NAMED)
    .map(({ executor, at, ms }) => `${at} on ${executor} since ${spoken(ms)}`);
  const more = holders.length > MOST_NAMED ? `, and ${holders.length - MOST_NAMED} more` : "";
  return `, and the slots are taken by ${some.join(", ")}${more}`;
}

function first(calls: Iterable<Call>): Call {
  let first: Call | undefined;
  for (const call of calls) if (!first || comesBefore(call, first)) first = call;
  return first as Call;
}

/** The sentences of what can become of a call on the driver's side. */
import { BonfireError } from "@bonfire/wire";
import { type Reason, reasonError } from "../actor/reason.ts";
import type { Call } from "./call.ts";

/** Codes that tell the reader of a stream more than that its executor is gone. */
const SAYS_ENOUGH = new Set(["POOL_CLOSED", "EXECUTOR_LOST", "MEMORY_LIMIT"]);

export function cellGone(executor: string, reason: Reason): BonfireError {
  if (reason.kind === "no-such-actor")
    return new BonfireError(
      "EXECUTOR_LOST",
      `Executor ${executor} has the call's cell no longer, nor the reason why`,
    );
  if (reason.kind !== "normal") return reasonError(`The cell on executor ${executor}`, reason);
  return new BonfireError("EXECUTOR_LOST", `Executor ${executor} was stopped while the call ran`);
}

/** The error of a stream whose cell is gone. */
export function cutShort(call: Call, error: BonfireError): BonfireError {
  if (SAYS_ENOUGH.has(error.code)) return error;
  return new BonfireError(
    "EXECUTOR_LOST",
    `The executor of a stream of the call at ${call.closure.at} is gone: ${error.message}`,
    { cause: error },
  );
}

export function ranTooLong(call: Call, what: string, cause?: unknown): BonfireError {
  return new BonfireError(
    "CALL_TIMEOUT",
    `Call at ${call.closure.at} exceeded its deadline of ${spoken(call.budget)} while it ran${what}: give it more time, or split the work`,
    cause === undefined ? undefined : { cause },
  );
}

/** The deadline passed and the call never ran; `doing` is what it waited for. */
export function neverRan(call: Call, doing: string, cause: unknown): BonfireError {
  return new BonfireError(
    "CALL_TIMEOUT",
    `Call at ${call.closure.at} exceeded its deadline of ${spoken(call.budget)} while it ${doing}`,
    cause === undefined ? undefined : { cause },
  );
}

export function spoken(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(2))} s`;
}

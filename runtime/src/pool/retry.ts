/** Trying a call again, never two copies at a time. */
import { setTimeout as pause } from "node:timers/promises";
import { BonfireError, hasCode } from "@bonfire/wire";
import type { Call } from "./call.ts";
import { neverRan } from "./call-errors.ts";
import type { CallTerms, Retry } from "./call-terms.ts";
import { copyEnded } from "./end-work.ts";

/** The first wait; each further one is twice as long, and all are shortened at random by up to a half. */
const BACKOFF_MS = 100;
const BACKOFF_MAX_MS = 5_000;

/** Codes of what befell the place where a call ran, or was to run, and not the call. */
const LOSSES = [
  "ACTOR_LOST",
  "BOOT_FAILED",
  "CALL_LOST",
  "CELL_CRASHED",
  "CELL_RESET",
  "EXECUTOR_LOST",
  "LINK_DOWN",
];

export interface Attempts {
  readonly terms: CallTerms;
  readonly retry: Retry;
  /** performance.now() at which it is all over. */
  readonly deadlineAt: number;
  /** Makes a copy and sends it. Throws if it is refused. */
  start(isFirst: boolean): Call;
}

/** Rejects with what is not to be tried again as it is, and with `RETRIES_EXHAUSTED` when no tries are left. */
export async function withRetries({ terms, retry, deadlineAt, start }: Attempts): Promise<unknown> {
  const errors: unknown[] = [];
  for (;;) {
    const call = start(errors.length === 0);
    try {
      return await call.promise;
    } catch (error) {
      errors.push(error);
      if (terms.signal?.aborted || !(LOSSES.some((code) => hasCode(error, code)) || retry.on(error)))
        throw error;
      if (errors.length > retry.times) throw exhausted(call, errors);
    }
    const timeUp = AbortSignal.timeout(Math.max(0, Math.ceil(deadlineAt - performance.now())));
    const stop = terms.signal ? AbortSignal.any([terms.signal, timeUp]) : timeUp;
    await copyEnded(call, stop);
    await pause(backoff(errors.length), undefined, { signal: stop }).catch(() => undefined);
    terms.signal?.throwIfAborted();
    if (timeUp.aborted) throw neverRan(call, "waited to be tried again", new AggregateError(errors));
  }
}

function backoff(failures: number): number {
  const most = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** (failures - 1));
  return most * (1 - Math.random() / 2);
}

function exhausted({ closure }: Call, errors: unknown[]): BonfireError {
  const last = errors.at(-1);
  return new BonfireError(
    "RETRIES_EXHAUSTED",
    `Call at ${closure.at} failed ${errors.length} times, the last time with: ${last instanceof Error ? last.message : String(last)}`,
    { cause: new AggregateError(errors, "What each try failed with, the first one first") },
  );
}

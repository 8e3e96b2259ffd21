/** Why an isolate had to be given up, told from what isolated-vm threw, and the errors that its calls then get. */
import { BonfireError } from "@bonfire/wire";

export type Stop =
  /** It ran for longer than `limit` ms. */
  | { readonly kind: "deadline"; readonly culprit: number; readonly limit: number }
  | { readonly kind: "memory"; readonly culprit: number };

const TIMED_OUT = "Script execution timed out.";
const DISPOSED = /^Isolate (?:was|is) disposed/;

/**
 * The stop behind an error of an entry, or `undefined` when the error is a rejection that the guest did not handle.
 * `late`: whether the entry's time was over.
 */
export function stopOf(
  error: unknown,
  isolate: { readonly isDisposed: boolean },
  late: boolean,
  culprit: number,
  limit: number,
): Stop | undefined {
  const message = error instanceof Error ? error.message : "";
  if (late && (message === TIMED_OUT || isolate.isDisposed)) return { kind: "deadline", culprit, limit };
  return isolate.isDisposed || DISPOSED.test(message) ? { kind: "memory", culprit } : undefined;
}

/** A length of time as a person says it: `50 ms`, `1.5 s`. */
export function spoken(milliseconds: number): string {
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${Number((milliseconds / 1000).toFixed(2))} s`;
}

export function deadlineError(budget: number, where: "running" | "waiting"): BonfireError {
  const doing = where === "running" ? " while it was running synchronous code" : "";
  return new BonfireError(
    "CALL_TIMEOUT",
    `Call exceeded its ${spoken(budget)} deadline${doing}: raise its deadline or split the work`,
  );
}

export function memoryError(limitMb: number, cause?: unknown): BonfireError {
  return new BonfireError(
    "MEMORY_LIMIT",
    `Call exceeded the memory limit of ${limitMb} MB: raise the pool's memory or hold less at once`,
    cause === undefined ? undefined : { cause },
  );
}

/** What the other calls of the isolate get, which had begun and whose state is lost. */
export function resetError(stop: Stop, limitMb: number): BonfireError {
  const reason = stop.kind === "memory" ? `memory limit of ${limitMb} MB` : "deadline";
  return new BonfireError(
    "CELL_RESET",
    `Call was interrupted because another call of the same cell exceeded its ${reason}: retry it`,
  );
}

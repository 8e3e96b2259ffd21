import { BonfireError, encode } from "@bonfire/wire";

/** Why an actor ended: what a monitor is told. */
export type Reason =
  /** It stopped of its own accord or was asked to. */
  | { readonly kind: "normal" }
  /** It failed; `error` says how, with its stack. */
  | { readonly kind: "error"; readonly error: unknown }
  /** It was ended at once, without a word to it. */
  | { readonly kind: "killed" }
  /** Its process or machine is gone. */
  | { readonly kind: "lost"; readonly detail: string }
  /** There was nothing to monitor. */
  | { readonly kind: "no-such-actor" };

export const NORMAL: Reason = { kind: "normal" };
export const KILLED: Reason = { kind: "killed" };
export const NO_SUCH_ACTOR: Reason = { kind: "no-such-actor" };

/** The error that whoever depended on the actor gets. */
export function reasonError(who: string, reason: Reason): BonfireError {
  switch (reason.kind) {
    case "normal":
      return new BonfireError("ACTOR_STOPPED", `${who} has stopped`);
    case "error":
      return reason.error instanceof BonfireError
        ? reason.error
        : new BonfireError("ACTOR_FAILED", `${who} failed`, { cause: reason.error });
    case "killed":
      return new BonfireError("ACTOR_KILLED", `${who} was killed`);
    case "lost":
      return new BonfireError("ACTOR_LOST", `${who} is gone: ${reason.detail}`);
    case "no-such-actor":
      return new BonfireError("NO_SUCH_ACTOR", `${who} does not exist: it has ended, or never ran`);
  }
}

/** `reason` as it can be told to other nodes: an error that cannot travel is replaced by one that says so. */
export function telling(reason: Reason): Reason {
  if (reason.kind !== "error") return reason;
  try {
    encode(reason.error);
    return reason;
  } catch (refused) {
    const { message, stack } = asError(reason.error);
    const error = new BonfireError("ACTOR_FAILED", message, { cause: asError(refused) });
    if (stack !== undefined) error.stack = stack;
    return { kind: "error", error };
  }
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

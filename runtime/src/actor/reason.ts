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

/** A larger one might not fit into a message. */
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_TEXT = 4_000;

/** `reason` as it can be told to other nodes: an error that cannot travel is replaced by one that says so. */
export function telling(reason: Reason): Reason {
  if (reason.kind !== "error") return reason;
  const refused = refusal(reason.error);
  if (!refused) return reason;
  const { message, stack } = asError(reason.error);
  const error = new BonfireError("ACTOR_FAILED", message.slice(0, MAX_TEXT), { cause: refused });
  if (stack !== undefined) error.stack = stack.slice(0, MAX_TEXT);
  return { kind: "error", error };
}

/** Why an error cannot be told. */
function refusal(error: unknown): Error | undefined {
  try {
    const { length } = encode(error);
    if (length <= MAX_ERROR_BYTES) return undefined;
    return new BonfireError(
      "MESSAGE_TOO_LARGE",
      `An actor ended with an error of ${length} bytes, of which at most ${MAX_ERROR_BYTES} are told: keep large values out of errors`,
    );
  } catch (refused) {
    return asError(refused);
  }
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

import { BonfireError } from "@bonfire/wire";

/** Why an actor ended: what a monitor is told. */
export type Reason =
  /** It stopped of its own accord or was asked to. */
  | { readonly kind: "normal" }
  /** It failed; `error` says how. */
  | { readonly kind: "error"; readonly error: unknown }
  /** Its process or machine is gone. */
  | { readonly kind: "lost"; readonly detail: string }
  /** There was nothing to monitor. */
  | { readonly kind: "no-such-actor" };

export const NORMAL: Reason = { kind: "normal" };

/** The error that whoever depended on the actor gets. */
export function reasonError(who: string, reason: Reason): BonfireError {
  switch (reason.kind) {
    case "normal":
      return new BonfireError("ACTOR_STOPPED", `${who} has stopped`);
    case "error":
      return reason.error instanceof BonfireError
        ? reason.error
        : new BonfireError("ACTOR_FAILED", `${who} failed`, { cause: reason.error });
    case "lost":
      return new BonfireError("ACTOR_LOST", `${who} is gone: ${reason.detail}`);
    case "no-such-actor":
      return new BonfireError("NO_SUCH_ACTOR", `${who} does not exist: it has ended, or never ran`);
  }
}

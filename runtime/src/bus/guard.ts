/** Keeps what a receiver throws away from nats.js, whose reader ends for good if a callback throws. */
import { channel } from "node:diagnostics_channel";
import { hasCode, unpack } from "@bonfire/wire";
import type { Msg, NatsError } from "nats";

/** Messages that could not be read are published here, as `{ to, error }`, and dropped. */
const deadLetters = channel("bonfire:dead-letter");

/** A callback for nats.js. `receive` may throw: a message that is at fault is dropped, any other error surfaces. */
export function guarded(receive: (message: Msg) => void): (error: NatsError | null, message: Msg) => void {
  return (refused, message) => {
    // The server refused the subscription; there is no message.
    if (refused) return deadLetter("", refused);
    try {
      receive(message);
    } catch (error) {
      if (isUnreadable(error, message.data)) deadLetter(message.subject, error);
      else surface(error);
    }
  };
}

/** Throws outside of the caller, so that it becomes an uncaught exception as it would in any event emitter. */
export function surface(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/**
 * Whether `error` was the message's fault. A reader fails in many ways (a packer's own errors, a destructured number),
 * so this looks at the message again: whatever is not a packed list was not written by us.
 */
export function isUnreadable(error: unknown, data: Uint8Array): boolean {
  if (hasCode(error, "MALFORMED_VALUE") || hasCode(error, "VALUE_REFUSED")) return true;
  try {
    return !Array.isArray(unpack(data));
  } catch {
    return true; // that it cannot be read is the answer
  }
}

/** Tells whoever listens that a message was dropped. */
export function deadLetter(to: string, error: unknown): void {
  deadLetters.publish({ to, error });
}

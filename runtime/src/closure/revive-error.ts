/** What comes back from a call: values, with the driver's own classes, and errors whose stacks name the user's lines. */
import { type DecodeOptions, decode, hasCode } from "@bonfire/wire";
import type { Closure } from "./capture.ts";
import { findClass } from "./find-class.ts";
import { localStack, withCaller } from "./stack.ts";

const VALUES: DecodeOptions = { class: findClass, stack: (stack) => localStack(stack, undefined) };

/** The value of a reply; instances of the program's own classes are instances again. */
export function reviveValue(bytes: Uint8Array, handle?: DecodeOptions["handle"]): unknown {
  return decode(bytes, handle ? { ...VALUES, handle } : VALUES);
}

/**
 * A remote error as itself: same class, message, code and cause, and a stack that names the user's lines.
 * @param bytes the body of an error reply
 * @param callSite where the call was: an Error that was made there, its stack, or the closure, which knows its place.
 *   Its frames go below the remote ones.
 * @returns what was thrown: most often an Error, but a closure may throw anything
 */
export function reviveError(bytes: Uint8Array, callSite?: Error | string | Closure): unknown {
  const options = (): DecodeOptions => {
    // The first error of the message is the one that was thrown; what it holds has no call of its own.
    let driver = framesOf(callSite);
    const stack = (remote: string): string => {
      const local = localStack(remote, driver);
      driver = undefined;
      return local;
    };
    return { class: findClass, stack };
  };
  try {
    return decode(bytes, options());
  } catch (error) {
    if (!hasCode(error, "VALUE_REFUSED")) throw error;
    // Something among its properties is of a class that is not known here, for which no error should be lost.
    return decode(bytes, { stack: options().stack! });
  }
}

/** An error that came as a value, of a stream say, with the frames of the call that it belongs to. */
export function locateError(error: unknown, callSite: string | Closure): unknown {
  if (error instanceof Error && typeof error.stack === "string") {
    const value = withCaller(error.stack, framesOf(callSite));
    Object.defineProperty(error, "stack", { value, writable: true, configurable: true });
  }
  return error;
}

function framesOf(callSite: Error | string | Closure | undefined): string | undefined {
  if (callSite === undefined || typeof callSite === "string") return callSite;
  return callSite instanceof Error ? callSite.stack : `    at ${callSite.at}`;
}

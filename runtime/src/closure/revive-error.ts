/** What comes back from a call: values, with the driver's own classes, and errors whose stacks name the user's lines. */
import { type Callable, type DecodeOptions, decode } from "@bonfire/wire";
import type { Closure } from "./capture.ts";
import { classByKey } from "./registry.ts";
import { localStack } from "./stack.ts";

/** How far down a chain of causes stacks are put right. */
const DEPTH = 10;

/** The value of a reply; instances of the program's own classes are instances again. */
export function reviveValue(bytes: Uint8Array, handle?: DecodeOptions["handle"]): unknown {
  const options: DecodeOptions = { class: (key): Callable | undefined => classByKey(key) };
  if (handle) options.handle = handle;
  return decode(bytes, options);
}

/**
 * A remote error as itself: same class, message, code and cause, and a stack that names the user's lines.
 * @param error the body of an error reply, or the value in it
 * @param callSite where the call was: an Error that was made there, its stack, or the closure, which knows its place.
 *   Its frames go below the remote ones.
 * @returns what was thrown: most often an Error, but a closure may throw anything
 */
export function reviveError(error: unknown, callSite?: Error | string | Closure): unknown {
  const value = ArrayBuffer.isView(error) ? reviveValue(error as Uint8Array) : error;
  mapStacks(value, framesOf(callSite), DEPTH, new Set());
  return value;
}

function framesOf(callSite: Error | string | Closure | undefined): string | undefined {
  if (callSite === undefined || typeof callSite === "string") return callSite;
  return callSite instanceof Error ? callSite.stack : `    at ${callSite.at}`;
}

function mapStacks(value: unknown, driver: string | undefined, depth: number, seen: Set<unknown>): void {
  if (!(value instanceof Error) || depth === 0 || seen.has(value)) return;
  seen.add(value);
  if (typeof value.stack === "string") {
    const stack = localStack(value.stack, driver);
    Object.defineProperty(value, "stack", {
      value: stack,
      writable: true,
      configurable: true,
      enumerable: false,
    });
  }
  mapStacks(value.cause, undefined, depth - 1, seen);
  const { errors } = value as { errors?: unknown };
  if (Array.isArray(errors)) for (const one of errors) mapStacks(one, undefined, depth - 1, seen);
}

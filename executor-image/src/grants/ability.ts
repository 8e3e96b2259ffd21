/**
 * How code in a realm reaches the host: by named operations with plain JSON arguments and at most one piece of bytes
 * each way. An operation checks its own arguments, because a tenant wrote them.
 */
import type { CallScope } from "./call-scope.ts";

/** What an operation gives back. */
export interface Outcome {
  readonly value?: unknown;
  readonly bytes?: Uint8Array;
}

/** One operation; it may throw, and the error's `code`, `errno`, `syscall`, `path` and `dest` travel with it. */
export type Operation = (
  scope: CallScope,
  args: readonly any[],
  bytes: Uint8Array | undefined,
) => Outcome | Promise<Outcome>;

/** The operations of one ability by name. Those in `sync` may also be asked for synchronously. */
export interface Ability {
  readonly sync: Readonly<Record<string, (...parameters: Parameters<Operation>) => Outcome>>;
  readonly async: Readonly<Record<string, (...parameters: Parameters<Operation>) => Promise<Outcome>>>;
}

export function text(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw new TypeError(`Cannot use ${what} as it is no string`);
}

export function count(value: unknown, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError(`Cannot use ${what} as it is no whole number of at least 0`);
}

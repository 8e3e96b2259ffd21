/** Which values are alive: they stay where they are, and the other end gets something that stands for them. */
import { Refusal } from "../codec/refusal.ts";

export const HandleKind = {
  /** A function made by `remote()`. */
  remote: 1,
  signal: 2,
  readable: 3,
  writable: 4,
  /** What `for await` takes. */
  iterable: 5,
  /** A TransformStream, as an object of its two ends. */
  pair: 6,
  /** A ref to an actor. */
  actor: 7,
} as const;

/** The method by which a ref to an actor sends: `(method, tells, args)`; what has it travels as a handle. */
export const ACTOR: unique symbol = Symbol("bonfire.actor");

/** @returns the answer, of which a tell has none */
export type SendToActor = (method: string, tells: boolean, args: readonly unknown[]) => unknown;

const remotes = new WeakSet<object>();

/** Lets a function travel as a handle. */
export function markRemote(fn: object): void {
  remotes.add(fn);
}

/** What async generators inherit from, and the iterators that node makes. */
export const asyncIteratorPrototype = [1, 2, 3].reduce<object>(
  (value) => Object.getPrototypeOf(value) as object,
  (async function* () {})(),
);

/**
 * The kind of `value`, undefined if it is not alive. Of what can be iterated asynchronously these are generators and
 * the like, and what `isIterable` says: another object may be of a class that travels. Throws a `Refusal`.
 */
export function handleKind(value: object, isIterable?: (value: object) => boolean): number | undefined {
  if (typeof value === "function") return remotes.has(value) ? HandleKind.remote : undefined;
  switch ((value as Record<symbol, unknown>)[Symbol.toStringTag]) {
    case "AbortController":
      throw new Refusal("is an AbortController: pass its signal, or remote(() => controller.abort())");
    case "AbortSignal":
      return value instanceof AbortSignal ? HandleKind.signal : undefined;
    case "ReadableStream":
      return value instanceof ReadableStream ? unlocked(value, HandleKind.readable) : undefined;
    case "WritableStream":
      return value instanceof WritableStream ? unlocked(value, HandleKind.writable) : undefined;
    case "TransformStream":
      return value instanceof TransformStream ? HandleKind.pair : undefined;
  }
  if (typeof (value as { [ACTOR]?: SendToActor })[ACTOR] === "function") return HandleKind.actor;
  if (typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] !== "function")
    return undefined;
  const isGenerator = Object.prototype.isPrototypeOf.call(asyncIteratorPrototype, value);
  return isGenerator || isIterable?.(value) ? HandleKind.iterable : undefined;
}

function unlocked(stream: ReadableStream | WritableStream, kind: number): number {
  if (!stream.locked) return kind;
  throw new Refusal(`is a ${stream.constructor.name} that is locked: release its reader or writer first`);
}

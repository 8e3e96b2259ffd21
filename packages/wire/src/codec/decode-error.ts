/** Errors come back as themselves: with their built-in base, the name of their class, and the stack they had. */
import { BonfireError } from "../error.ts";
import type { Decoder } from "./decode.ts";

type ErrorClass = new (message?: string) => Error;

/** Stand-ins for error classes that this realm does not have, so that `constructor.name` and `name` stay. */
const standIns = new Map<string, object>();
const STAND_INS_KEPT = 1000;

export function error(decoder: Decoder): Error {
  const { reader } = decoder;
  const base = reader.text();
  const custom = reader.text();
  const name = reader.text();
  const made = makeError(base);
  Object.setPrototypeOf(made, prototypeFor(base, custom, name));
  decoder.objects.push(made);
  setStack(decoder, made);
  return made;
}

export function domException(decoder: Decoder): Error {
  const message = decoder.reader.text();
  const name = decoder.reader.text();
  const type = (globalThis as { DOMException?: new (message: string, name: string) => Error }).DOMException;
  const made = type ? new type(message, name) : Object.assign(new Error(message), { name });
  decoder.objects.push(made);
  setStack(decoder, made);
  return made;
}

/** A new error with no message, whose own stack costs nothing to make. */
function makeError(base: string): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const type = (globalThis as Record<string, unknown>)[base];
    if (typeof type !== "function" || !(type.prototype instanceof Error)) return new Error();
    const made = base === "AggregateError" ? new AggregateError([]) : new (type as ErrorClass)();
    // What the constructor put on it comes as properties, in the order that they had.
    for (const key of ["errors", "error", "suppressed", "message"]) Reflect.deleteProperty(made, key);
    return made;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function setStack(decoder: Decoder, made: Error): void {
  const stack = decoder.value();
  const { stack: rewrite } = decoder.options;
  Object.defineProperty(made, "stack", {
    value: typeof stack === "string" && rewrite ? rewrite(stack) : stack,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}

function prototypeFor(base: string, custom: string, name: string): object {
  const type = (globalThis as Record<string, unknown>)[base];
  const parent = (typeof type === "function" ? type : Error) as ErrorClass;
  if (custom === "") return parent.prototype;
  if (custom === "BonfireError") return BonfireError.prototype;
  const key = `${base} ${custom} ${name}`;
  const known = standIns.get(key);
  if (known) return known;
  const standIn = { [custom]: class extends parent {} }[custom]!.prototype;
  if (name !== "")
    Object.defineProperty(standIn, "name", { value: name, writable: true, configurable: true });
  if (standIns.size < STAND_INS_KEPT) standIns.set(key, standIn);
  return standIn;
}

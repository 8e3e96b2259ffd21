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
  setStack(made, decoder.value());
  return made;
}

export function domException(decoder: Decoder): Error {
  const message = decoder.reader.text();
  const name = decoder.reader.text();
  const type = (globalThis as { DOMException?: new (message: string, name: string) => Error }).DOMException;
  const made = type ? new type(message, name) : Object.assign(new Error(message), { name });
  decoder.objects.push(made);
  setStack(made, decoder.value());
  return made;
}

/** A new error with no message, whose own stack costs nothing to make. */
function makeError(base: string): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    if (base === "AggregateError") {
      const made = new AggregateError([]);
      Reflect.deleteProperty(made, "errors");
      return made;
    }
    const type = (globalThis as Record<string, unknown>)[base];
    return typeof type === "function" && type.prototype instanceof Error
      ? new (type as ErrorClass)()
      : new Error();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function setStack(made: Error, stack: unknown): void {
  Object.defineProperty(made, "stack", {
    value: stack,
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

/**
 * Errors as values: the built-in base, the name of the class, the stack; message, cause, errors, code and whatever
 * else was put on them travel as properties.
 */
import type { Encoder } from "./encode.ts";
import { Tag } from "./tag.ts";

export interface ErrorBase {
  /** "TypeError", "AggregateError", "DOMException", … */
  name: string;
  /** Whether the error is of a class of the user's, derived from that. */
  custom: boolean;
  /** Whether its message and name are not properties but internal state. */
  native: boolean;
}

const NAMES = [
  ..."Error TypeError RangeError SyntaxError ReferenceError EvalError URIError".split(" "),
  ..."AggregateError SuppressedError DOMException".split(" "),
];

let bases: Map<object, string> | undefined;

/** The built-in error that `value` is or derives from; undefined when it is no error. */
export function errorBase(value: object): ErrorBase | undefined {
  if (!(value instanceof Error)) return undefined;
  if (!bases) {
    bases = new Map();
    for (const name of NAMES) {
      const type = (globalThis as Record<string, unknown>)[name];
      if (typeof type === "function") bases.set(type.prototype as object, name);
    }
  }
  const first = Object.getPrototypeOf(value) as object | null;
  for (let prototype = first; prototype; prototype = Object.getPrototypeOf(prototype) as object | null) {
    const name = bases.get(prototype);
    if (name !== undefined) return { name, custom: prototype !== first, native: name === "DOMException" };
  }
  return undefined;
}

export function encodeError(encoder: Encoder, error: Error, base: ErrorBase): void {
  const { writer } = encoder;
  if (base.native) {
    writer.byte(Tag.domException);
    writer.text(error.message);
    writer.text(error.name);
  } else {
    writer.byte(Tag.error);
    writer.text(base.name);
    const { constructor: owner } = error as { constructor?: { name?: unknown } };
    const name = base.custom && typeof owner?.name === "string" ? owner.name : "";
    writer.text(name);
    // A class may give its name on the prototype, where a receiver without the class would not find it.
    writer.text(Object.hasOwn(error, "name") || error.name === base.name ? "" : String(error.name));
  }
  const { stack } = error;
  encoder.value(typeof stack === "string" ? stack : undefined);
}

/** Reads what encode-exotic.ts writes: built-in objects, symbols, and objects with attributes or a class. */
import { BonfireError } from "../error.ts";
import type { Decoder } from "./decode.ts";
import { builtin, classOf, closure, source, standInFor } from "./decode-code.ts";
import { domException, error } from "./decode-error.ts";
import { intrinsicAt } from "./intrinsic.ts";
import { malformed } from "./reader.ts";
import { wellKnownSymbol } from "./symbol.ts";
import { Attribute, Decoration, Tag } from "./tag.ts";
import { makeView } from "./view-kind.ts";

interface Realm {
  URL: new (href: string) => unknown;
  URLSearchParams: new (text: string) => unknown;
  Headers: new (entries: [string, string][]) => unknown;
}
const realm = globalThis as unknown as Partial<Realm>;

export function exotic(decoder: Decoder, tag: number): unknown {
  const { reader, objects } = decoder;
  const keep = <Kind>(value: Kind): Kind => {
    objects.push(value);
    return value;
  };
  switch (tag) {
    case Tag.bigint64:
      return reader.view.getBigInt64(reader.take(8), true);
    case Tag.bigint:
      return bigint(reader.byte() === 1, reader.text());
    case Tag.utf16:
      return reader.utf16();
    case Tag.map:
      return map(decoder);
    case Tag.set:
      return set(decoder);
    case Tag.date:
      return keep(new Date(reader.float()));
    case Tag.regexp: {
      const expression = keep(new RegExp(reader.text(), reader.text()));
      expression.lastIndex = reader.count();
      return expression;
    }
    case Tag.buffer:
      return keep(buffer(decoder));
    case Tag.typedArray: {
      const kind = reader.byte();
      const bytes = reader.binary();
      return keep(makeView(kind, bytes.buffer, 0, bytes.length));
    }
    case Tag.view:
      return view(decoder);
    case Tag.error:
      return error(decoder);
    case Tag.domException:
      return domException(decoder);
    case Tag.boxed: {
      const number = objects.push(undefined) - 1;
      objects[number] = Object(decoder.value());
      return objects[number];
    }
    case Tag.url:
      return keep(new (has("URL"))(reader.text()));
    case Tag.searchParams:
      return keep(new (has("URLSearchParams"))(reader.text()));
    case Tag.headers: {
      const entries = Array.from({ length: reader.length() }, (): [string, string] => [
        reader.text(),
        reader.text(),
      ]);
      return keep(new (has("Headers"))(entries));
    }
    case Tag.wellKnownSymbol: {
      const name = reader.text();
      return wellKnownSymbol(name) ?? missing(`Symbol.${name}`);
    }
    case Tag.registeredSymbol:
      return Symbol.for(reader.text());
    case Tag.uniqueSymbol: {
      const number = objects.push(undefined) - 1;
      objects[number] = Symbol(decoder.value() as string | undefined);
      return objects[number];
    }
    case Tag.sparse: {
      const array = keep([] as unknown[]);
      array.length = reader.count();
      return array;
    }
    case Tag.decorated:
      return decorated(decoder);
    case Tag.intrinsic: {
      const path = reader.text();
      const value = intrinsicAt(path) ?? missing(path);
      if (typeof value === "function" && !decoder.options.module) throw unwanted(path);
      return keep(value);
    }
    case Tag.builtin:
      return keep(builtin(decoder, reader.text(), reader.text()));
    case Tag.closure:
      return closure(decoder);
    case Tag.source:
      return source(decoder);
    case Tag.class: {
      const hash = reader.text();
      const key = reader.text();
      return keep(classOf(decoder, hash, key) ?? key);
    }
    case Tag.handle: {
      const number = objects.push(undefined) - 1;
      const kind = reader.byte();
      const id = reader.count();
      const detail = decoder.value();
      if (!decoder.options.handle) throw malformed("something alive in it belongs to no call");
      objects[number] = decoder.options.handle(kind, id, detail);
      return objects[number];
    }
    default:
      throw malformed(`byte ${tag} has no meaning`);
  }
}

function bigint(negative: boolean, digits: string): bigint {
  const value = BigInt(`0x${digits}`);
  return negative ? -value : value;
}

function map(decoder: Decoder): Map<unknown, unknown> {
  const value = new Map<unknown, unknown>();
  decoder.objects.push(value);
  for (let left = decoder.reader.length(); left > 0; left--) {
    const key = decoder.value();
    value.set(key, decoder.value());
  }
  return value;
}

function set(decoder: Decoder): Set<unknown> {
  const value = new Set<unknown>();
  decoder.objects.push(value);
  for (let left = decoder.reader.length(); left > 0; left--) value.add(decoder.value());
  return value;
}

function buffer(decoder: Decoder): ArrayBuffer {
  const limit = decoder.reader.count();
  const bytes = decoder.reader.binary();
  if (limit === 0) return bytes.buffer;
  const resizable = new ArrayBuffer(bytes.length, { maxByteLength: limit - 1 });
  new Uint8Array(resizable).set(bytes);
  return resizable;
}

function view(decoder: Decoder): ArrayBufferView {
  const { reader, objects } = decoder;
  const number = objects.push(undefined) - 1;
  const kind = reader.byte();
  const offset = reader.count();
  const length = reader.count();
  const memory = decoder.value();
  if (!(memory instanceof ArrayBuffer)) throw malformed("a view in it has no buffer");
  const value = makeView(kind, memory, offset, length);
  objects[number] = value;
  return value;
}

function decorated(decoder: Decoder): unknown {
  const { reader } = decoder;
  const value = decoder.value() as object;
  if ((typeof value !== "object" && typeof value !== "function") || value === null) {
    throw malformed("properties in it belong to no object");
  }
  const decoration = reader.byte();
  if (decoration & Decoration.noPrototype) Object.setPrototypeOf(value, null);
  if (decoration & Decoration.class) {
    const owner = decoder.value();
    if (typeof owner === "function") Object.setPrototypeOf(value, owner.prototype as object);
    // An error has its built-in base, and a stand-in of its own, already.
    else if (typeof owner === "string" && !(value instanceof Error)) {
      Object.setPrototypeOf(value, standInFor(owner).prototype as object);
    }
  }
  if (decoration & Decoration.prototype) Object.setPrototypeOf(value, decoder.value() as object);
  for (let left = reader.length(); left > 0; left--) property(decoder, value);
  if (decoration & Decoration.frozen) decoder.later.push(() => Object.freeze(value));
  else if (decoration & Decoration.inextensible) Object.preventExtensions(value);
  return value;
}

function property(decoder: Decoder, owner: object): void {
  const key = decoder.value() as PropertyKey;
  const attributes = decoder.reader.byte();
  const common = {
    enumerable: (attributes & Attribute.enumerable) !== 0,
    configurable: (attributes & Attribute.configurable) !== 0,
  };
  if (attributes & Attribute.accessor) {
    const get = decoder.value() as (() => unknown) | undefined;
    const set = decoder.value() as ((value: unknown) => void) | undefined;
    Object.defineProperty(owner, key, { ...common, get, set } as PropertyDescriptor);
  } else {
    const writable = (attributes & Attribute.writable) !== 0;
    Object.defineProperty(owner, key, { ...common, writable, value: decoder.value() });
  }
}

function has<Name extends keyof Realm>(name: Name): Realm[Name] {
  return realm[name] ?? missing(name);
}

function missing(what: string): never {
  throw new BonfireError("VALUE_REFUSED", `Cannot receive "${what}" as this realm does not have it`);
}

export function unwanted(what: string): BonfireError {
  return new BonfireError(
    "VALUE_REFUSED",
    `Cannot receive "${what}" as it is a function: return data instead`,
  );
}

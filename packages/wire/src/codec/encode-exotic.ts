/**
 * Everything that is not plain data: built-in objects, errors, symbols, objects with attributes or a class, and by
 * way of the reference hook functions and classes. What has no true copy elsewhere is refused here.
 */
import { encodeError, errorBase } from "./encode-error.ts";
import type { Encoder } from "./encode.ts";
import { intrinsicPath } from "./intrinsic.ts";
import { type Reference, SourceForm } from "./reference.ts";
import { type PathKey, Refusal } from "./refusal.ts";
import { symbolName } from "./symbol.ts";
import { Attribute, Decoration, Tag } from "./tag.ts";
import { BUFFER_KIND, viewKind } from "./view-kind.ts";

type Global = Record<string, { prototype: object } | undefined>;
const realm = globalThis as unknown as Global;

/** Write a value that the short way does not cover; an object among them has its number already if `numbered`. */
export function exotic(encoder: Encoder, value: unknown, prototype?: object | null, numbered = false): void {
  if (typeof value === "bigint") return bigint(encoder, value);
  if (typeof value === "symbol") return symbol(encoder, value);
  const object = value as object;
  if (!numbered && encoder.known(object)) return;
  if (typeof object === "function") return code(encoder, object);
  if (builtin(encoder, object, prototype!)) return;
  instance(encoder, object, prototype!);
}

function bigint(encoder: Encoder, value: bigint): void {
  const { writer } = encoder;
  if (BigInt.asIntN(64, value) === value) {
    writer.byte(Tag.bigint64);
    const at = writer.reserve(8);
    writer.view.setBigInt64(at, value, true);
    writer.position = at + 8;
  } else {
    writer.byte(Tag.bigint);
    writer.byte(value < 0n ? 1 : 0);
    writer.text((value < 0n ? -value : value).toString(16));
  }
}

function symbol(encoder: Encoder, value: symbol): void {
  const { writer } = encoder;
  const known = symbolName(value);
  if (known !== undefined) {
    writer.byte(Tag.wellKnownSymbol);
    writer.text(known);
    return;
  }
  const key = Symbol.keyFor(value);
  if (key !== undefined) {
    writer.byte(Tag.registeredSymbol);
    writer.text(key);
    return;
  }
  // A symbol is not an object, but its identity is kept in the same way.
  if (encoder.known(value as unknown as object)) return;
  writer.byte(Tag.uniqueSymbol);
  encoder.value(value.description);
}

/** A built-in object whose state is not in its properties: true when it was written. */
function builtin(encoder: Encoder, value: object, prototype: object): boolean {
  const { writer } = encoder;
  if (ArrayBuffer.isView(value)) return view(encoder, value, prototype);
  switch (prototype) {
    case Map.prototype:
      return whole(encoder, value, () => entries(encoder, value as Map<unknown, unknown>));
    case Set.prototype:
      return whole(encoder, value, () => members(encoder, value as Set<unknown>));
    case Date.prototype:
      return whole(encoder, value, () => {
        writer.byte(Tag.date);
        writer.float(Date.prototype.getTime.call(value));
      });
    case RegExp.prototype:
      return whole(encoder, value, () => regexp(encoder, value as RegExp), ["lastIndex"]);
    case ArrayBuffer.prototype:
      return whole(encoder, value, () => buffer(encoder, value as ArrayBuffer));
    case realm.URL?.prototype:
      return whole(encoder, value, () => {
        writer.byte(Tag.url);
        writer.text((value as URL).href);
      });
    case realm.URLSearchParams?.prototype:
      return whole(encoder, value, () => {
        writer.byte(Tag.searchParams);
        writer.text(String(value));
      });
    case realm.Headers?.prototype:
      return whole(encoder, value, () => {
        writer.byte(Tag.headers);
        const list = [...(value as unknown as Iterable<[string, string]>)];
        writer.count(list.length);
        for (const [name, content] of list) {
          writer.text(name);
          writer.text(content);
        }
      });
    case Number.prototype:
    case String.prototype:
    case Boolean.prototype:
    case BigInt.prototype:
    case Symbol.prototype:
      if (intrinsicPath(value) !== undefined) return false;
      return whole(encoder, value, () => {
        writer.byte(Tag.boxed);
        encoder.value((value as { valueOf(): unknown }).valueOf());
      }, typeof (value as { valueOf(): unknown }).valueOf() === "string" ? stringKeys(String(value)) : []);
    default:
      return false;
  }
}

function stringKeys(boxed: string): string[] {
  return ["length", ...Array.from({ length: boxed.length }, (_, index) => String(index))];
}

function entries(encoder: Encoder, map: Map<unknown, unknown>): void {
  encoder.writer.byte(Tag.map);
  encoder.writer.count(map.size);
  let index = 0;
  for (const [key, value] of map) {
    encoder.child(key, `(key ${index})`);
    encoder.child(value, typeof key === "string" ? `(${JSON.stringify(key)})` : `(value ${index})`);
    index++;
  }
}

function members(encoder: Encoder, set: Set<unknown>): void {
  encoder.writer.byte(Tag.set);
  encoder.writer.count(set.size);
  let index = 0;
  for (const member of set) encoder.child(member, `(member ${index++})`);
}

function regexp(encoder: Encoder, value: RegExp): void {
  encoder.writer.byte(Tag.regexp);
  encoder.writer.text(value.source);
  encoder.writer.text(value.flags);
  encoder.writer.count(value.lastIndex);
}

function buffer(encoder: Encoder, value: ArrayBuffer): void {
  if (encoder.partial.has(value)) encoder.secondView(value);
  if (value.detached) throw new Refusal("is a detached ArrayBuffer: its memory was transferred away");
  encoder.writer.byte(Tag.buffer);
  encoder.writer.count(value.resizable ? value.maxByteLength + 1 : 0);
  encoder.writer.binary(new Uint8Array(value));
}

/**
 * A view of all its buffer takes the buffer along, so that a later view of the same buffer shares it. A view of a
 * part takes only its part, until a second view of that buffer shows that the rest is wanted.
 */
function view(encoder: Encoder, value: ArrayBufferView, prototype: object): boolean {
  const kind = viewKind(prototype);
  const memory = value.buffer;
  if (!(memory instanceof ArrayBuffer)) {
    throw new Refusal("shares its memory with other threads of this machine: pass a copy of it");
  }
  if (kind === undefined) return false;
  if (memory.detached) throw new Refusal("is a view of a detached ArrayBuffer: its memory was transferred away");
  return whole(encoder, value, () => {
    const { writer } = encoder;
    const isWhole = value.byteLength === memory.byteLength;
    // Node hands out small Buffers from one pool: their neighbours are none of the receiver's business.
    const pooled = kind === BUFFER_KIND && !isWhole;
    if (!pooled && (isWhole || encoder.shared.has(memory) || encoder.has(memory))) {
      writer.byte(Tag.view);
      writer.byte(kind);
      writer.count(value.byteOffset);
      writer.count(value.byteLength);
      if (!encoder.known(memory)) buffer(encoder, memory);
      return;
    }
    if (!pooled) {
      if (encoder.partial.has(memory)) encoder.secondView(memory);
      encoder.partial.add(memory);
    }
    writer.byte(Tag.typedArray);
    writer.byte(kind);
    writer.binary(new Uint8Array(memory, value.byteOffset, value.byteLength));
  }, "elements");
}

/**
 * A value whose state `writeBase` writes; wrapped when it has own properties beside that (`skip` lists those that the
 * base covers) or cannot be extended. Properties that are put on a typed array beside its "elements" stay behind, as
 * with structured clone: to look for them would cost more than to send it.
 */
function whole(
  encoder: Encoder,
  value: object,
  writeBase: () => void,
  skip: readonly string[] | "elements" = [],
): true {
  const isPlain =
    skip === "elements" ||
    (Object.isExtensible(value) && Object.getOwnPropertyNames(value).length === skip.length && !hasSymbols(value));
  if (isPlain) {
    writeBase();
  } else {
    encoder.writer.byte(Tag.decorated);
    writeBase();
    encoder.writer.byte(fixedness(value));
    properties(encoder, value, (key) => skip.includes(key as string));
  }
  return true;
}

function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0;
}

function fixedness(value: object): number {
  if (Object.isExtensible(value)) return 0;
  return Object.isFrozen(value) ? Decoration.frozen : Decoration.inextensible;
}

/** An object with attributes, a class, or a prototype of its own. */
function instance(encoder: Encoder, value: object, prototype: object | null): void {
  const { writer } = encoder;
  const path = intrinsicPath(value);
  if (path !== undefined) {
    writer.byte(Tag.intrinsic);
    writer.text(path);
    return;
  }
  const reference = encoder.options.reference?.(value);
  if (reference) return refer(encoder, value, reference);
  const error = errorBase(value);
  if (error) {
    writer.byte(Tag.decorated);
    encodeError(encoder, value as Error, error);
    const owner = error.custom ? classOf(encoder, prototype!) : undefined;
    writer.byte(fixedness(value) | (owner ? Decoration.class : 0));
    if (owner) encoder.value(owner);
    return properties(encoder, value, (key) => key === "stack" || (error.native && typeof key === "symbol"));
  }
  if ((value as Record<symbol, unknown>)[Symbol.toStringTag] === "Module" && prototype === null) {
    throw new Refusal("is a whole module: import it inside the closure");
  }
  if (prototype === null || prototype === Object.prototype || prototype === Array.prototype) {
    writer.byte(Tag.decorated);
    base(encoder, value);
    writer.byte(fixedness(value) | (prototype === null ? Decoration.noPrototype : 0));
    return properties(encoder, value, Array.isArray(value) ? isLength : () => false);
  }
  refuseLive(encoder, value, prototype);
  const owner = classOf(encoder, prototype);
  writer.byte(Tag.decorated);
  base(encoder, value);
  writer.byte(fixedness(value) | (owner ? Decoration.class : Decoration.prototype));
  encoder.child(owner ?? prototype, owner ? "constructor" : "__proto__");
  properties(encoder, value, Array.isArray(value) ? isLength : () => false);
}

function isLength(key: PathKey): boolean {
  return key === "length";
}

/** What the object is underneath its class: an array, a map, a set, or just an object. */
function base(encoder: Encoder, value: object): void {
  const { writer } = encoder;
  if (Array.isArray(value)) {
    writer.byte(Tag.sparse);
    writer.count(value.length);
  } else if (value instanceof Map) {
    entries(encoder, value);
  } else if (value instanceof Set) {
    members(encoder, value);
  } else {
    encoder.emptyShape();
  }
}

/** The class whose prototype this is; undefined for a bare prototype object, which then travels as a value. */
function classOf(encoder: Encoder, prototype: object): object | undefined {
  const owner = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value as unknown;
  if (typeof owner !== "function" || (owner as { prototype?: unknown }).prototype !== prototype) return undefined;
  // An error's class may stay behind: the error then keeps its name and its built-in base.
  if (errorBase(prototype) && !encoder.options.reference?.(owner)) return undefined;
  return owner;
}

const LIVE =
  /^(Promise|WeakMap|WeakSet|WeakRef|FinalizationRegistry|Generator|AsyncGenerator|AsyncFunction|.*Iterator|.*Stream|Module)$/;

/** Refuse what is tied to this process, with what to do about it. */
function refuseLive(encoder: Encoder, value: object, prototype: object): void {
  const tag = (value as Record<symbol, unknown>)[Symbol.toStringTag];
  const owner = Object.hasOwn(prototype, "constructor") ? (prototype.constructor as unknown) : undefined;
  const ownerName = typeof owner === "function" ? owner.name : "";
  const name = typeof tag === "string" && tag !== "" ? tag : ownerName;
  if (tag === "Promise") throw new Refusal("is a Promise: await it first");
  if (/^Weak/.test(name)) throw new Refusal(`is a ${name}, which is tied to objects of this process`);
  if (tag === "Generator" || tag === "AsyncGenerator") {
    throw new Refusal("is a generator that is under way: collect its values into an array first");
  }
  if (tag === "Module") throw new Refusal("is a whole module: import it inside the closure");
  const live = value as Record<string, unknown>;
  const isHandle = typeof live.pipe === "function" || "_handle" in live || "_events" in live;
  if (isHandle || LIVE.test(name)) throw new Refusal(`is a live ${name}: open it inside the closure`);
  if (typeof owner === "function" && intrinsicPath(owner) !== undefined) {
    throw new Refusal(`is a ${name}, which cannot leave its process`);
  }
  if (typeof owner === "function" && !encoder.options.reference) {
    throw new Refusal(`is a ${name}: return a plain object of what you need`);
  }
}

/** All own properties but those that `skip` names, with their attributes. */
function properties(encoder: Encoder, value: object, skip: (key: PathKey) => boolean): void {
  const { writer } = encoder;
  const keys = Reflect.ownKeys(value).filter((key) => !skip(key));
  writer.count(keys.length);
  for (const key of keys) {
    const property = Object.getOwnPropertyDescriptor(value, key)!;
    const pathKey = typeof key === "string" && /^\d+$/.test(key) ? Number(key) : key;
    encoder.value(key);
    const common =
      (property.enumerable ? Attribute.enumerable : 0) | (property.configurable ? Attribute.configurable : 0);
    if (property.get || property.set) {
      writer.byte(common | Attribute.accessor);
      encoder.child(property.get, pathKey);
      encoder.child(property.set, pathKey);
    } else {
      writer.byte(common | (property.writable ? Attribute.writable : 0));
      encoder.child(property.value, pathKey);
    }
  }
}

/** A function or class. */
function code(encoder: Encoder, value: object): void {
  const { reference } = encoder.options;
  const name = (value as { name?: unknown }).name;
  if (!reference) {
    const called = typeof name === "string" && name !== "" ? ` (${name})` : "";
    throw new Refusal(`is a function${called}: functions travel only into a call, return data`);
  }
  if (encoder.options.isProxy?.(value)) throw new Refusal("is a Proxy: pass its target");
  const path = intrinsicPath(value);
  if (path !== undefined) {
    encoder.writer.byte(Tag.intrinsic);
    encoder.writer.text(path);
    return;
  }
  const found = reference(value);
  if (!found) throw new Refusal("is a function that cannot be shipped");
  refer(encoder, value, found);
}

function refer(encoder: Encoder, value: object, reference: Reference): void {
  const { writer } = encoder;
  switch (reference.kind) {
    case "builtin":
      writer.byte(Tag.builtin);
      writer.text(reference.module);
      writer.text(reference.path);
      return;
    case "class":
      writer.byte(Tag.class);
      hash(encoder, reference.hash);
      writer.text(reference.name);
      return;
    case "closure":
      writer.byte(Tag.closure);
      hash(encoder, reference.hash);
      writer.count(reference.site);
      writer.count(reference.captures.length);
      bindings(encoder, reference.names, reference.captures);
      return;
    case "source":
      writer.byte(Tag.decorated);
      writer.byte(Tag.source);
      writer.text(reference.text);
      writer.byte(reference.form);
      writer.text(reference.at);
      writer.count(reference.names.length);
      for (const name of reference.names) writer.text(name);
      bindings(encoder, reference.names, reference.values);
      writer.byte(fixedness(value));
      // Statics of a class are made again by evaluating its text, and instance state is not a function's.
      return properties(encoder, value, (key) => reference.form === SourceForm.class || NOT_OWN.has(key));
  }
}

const NOT_OWN = new Set<PathKey>(["length", "name", "prototype", "arguments", "caller"]);

function bindings(encoder: Encoder, names: readonly string[], values: readonly unknown[]): void {
  names.forEach((name, index) => {
    encoder.child(values[index], name);
  });
}

/** Sixteen hex digits, whose place is remembered. */
function hash(encoder: Encoder, digits: string): void {
  const { writer } = encoder;
  writer.text(digits);
  encoder.hashes.push({ at: writer.position - digits.length + writer.attached, hash: digits });
}

/**
 * Everything that is not plain data: bigints, symbols, errors, objects with attributes or a class; built-in objects
 * and code have files of their own. What has no true copy elsewhere is refused here.
 */

import type { Encoder } from "./encode.ts";
import { builtin, entries, members } from "./encode-builtin.ts";
import { alive, code, refer } from "./encode-code.ts";
import { encodeError, errorBase } from "./encode-error.ts";
import { fixedness, properties } from "./encode-properties.ts";
import { intrinsicPath } from "./intrinsic.ts";
import { type PathKey, Refusal } from "./refusal.ts";
import { symbolName } from "./symbol.ts";
import { Decoration, Tag } from "./tag.ts";

/** Write a value that the short way does not cover; an object among them has its number already if `numbered`. */
export function exotic(encoder: Encoder, value: unknown, prototype?: object | null, numbered = false): void {
  if (typeof value === "bigint") bigint(encoder, value);
  else if (typeof value === "symbol") symbol(encoder, value);
  else if (numbered || !encoder.known(value as object)) {
    if (typeof value === "function") code(encoder, value);
    else if (!builtin(encoder, value as object, prototype!)) instance(encoder, value as object, prototype!);
  }
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

/** An object with attributes, a class, or a prototype of its own. */
function instance(encoder: Encoder, value: object, prototype: object | null): void {
  const { writer } = encoder;
  const path = intrinsicPath(value);
  if (path !== undefined) {
    writer.byte(Tag.intrinsic);
    writer.text(path);
    return;
  }
  const live = encoder.options.handle?.(value);
  if (live) return alive(encoder, live);
  const reference = encoder.options.reference?.(value);
  if (reference) {
    refer(encoder, value, reference);
    return;
  }
  const error = errorBase(value);
  // A thrown error has to arrive whatever its class keeps for itself.
  if (!(error && encoder.options.root === "error")) refusePrivateState(prototype);
  if (error) {
    writer.byte(Tag.decorated);
    encodeError(encoder, value as Error, error);
    const owner = error.custom ? classOf(encoder, prototype!) : undefined;
    writer.byte(fixedness(value) | (owner ? Decoration.class : 0));
    if (owner) encoder.value(owner);
    properties(encoder, value, (key) => key === "stack" || (error.native && typeof key === "symbol"));
    return;
  }
  if ((value as Record<symbol, unknown>)[Symbol.toStringTag] === "Module" && prototype === null) {
    throw new Refusal("is a whole module: import it inside the closure");
  }
  if (prototype === null || prototype === Object.prototype || prototype === Array.prototype) {
    writer.byte(Tag.decorated);
    base(encoder, value);
    writer.byte(fixedness(value) | (prototype === null ? Decoration.noPrototype : 0));
    properties(encoder, value, Array.isArray(value) ? isLength : () => false);
    return;
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
  if (typeof owner !== "function" || (owner as { prototype?: unknown }).prototype !== prototype)
    return undefined;
  // An error's class may stay behind: the error then keeps its name and its built-in base.
  if (errorBase(prototype) && !encoder.options.reference?.(owner)) return undefined;
  return owner;
}

const privateState = new WeakMap<object, boolean>();

/** Nobody but its class reads a private field, so an instance could only arrive without it. */
function refusePrivateState(prototype: object | null): void {
  for (let level = prototype; level; level = Object.getPrototypeOf(level) as object | null) {
    const owner = Object.getOwnPropertyDescriptor(level, "constructor")?.value as unknown;
    if (typeof owner !== "function" || !hasPrivateState(owner)) continue;
    throw new Refusal(
      `is an instance of ${owner.name}, which has #private fields: pass plain data, or make it where it is used`,
    );
  }
}

const TEXTS = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/.*|\/\*[\s\S]*?\*\//g;
const PRIVATE_MEMBER =
  /(?:^|[\s;{}])(?<!\bstatic\s+(?:\w+\s+)?)(?:async\s+|get\s+|set\s+|\*\s*)?#[\w$]+\s*[=;(\n}]/;

/** Told from the text of the class, as nothing else shows it. */
function hasPrivateState(owner: object): boolean {
  let answer = privateState.get(owner);
  if (answer === undefined) {
    const text = Function.prototype.toString.call(owner);
    answer = /^class\b/.test(text) && text.includes("#") && PRIVATE_MEMBER.test(text.replace(TEXTS, '""'));
    privateState.set(owner, answer);
  }
  return answer;
}

const LIVE =
  /^(Promise|WeakMap|WeakSet|WeakRef|FinalizationRegistry|Generator|AsyncGenerator|AsyncFunction|.*Iterator|.*Stream|Module)$/;

function classTravels(encoder: Encoder, owner: object, name: string): boolean {
  try {
    return encoder.options.reference?.(owner) !== undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(`is a ${name}, whose class ${error.reason}`);
  }
}

/** Refuse what is tied to this process, with what to do about it. */
function refuseLive(encoder: Encoder, value: object, prototype: object): void {
  const tag = (value as Record<symbol, unknown>)[Symbol.toStringTag];
  const owner = Object.hasOwn(prototype, "constructor") ? (prototype.constructor as unknown) : undefined;
  const ownerName = typeof owner === "function" ? owner.name : "";
  const name = typeof tag === "string" && tag !== "" ? tag : ownerName;
  if (tag === "Promise") throw new Refusal("is a Promise: await it first");
  if (/^Weak/.test(name))
    throw new Refusal(`is a ${name}, which is tied to objects of this process: pass plain data`);
  if (tag === "Generator" || tag === "AsyncGenerator") {
    throw new Refusal("is a generator that is under way: collect its values into an array first");
  }
  if (tag === "Module") throw new Refusal("is a whole module: import it inside the closure");
  const live = value as Record<string, unknown>;
  if (isNodeStream(live)) throw new Refusal(`is a Node stream (${name}): ${streamAdvice(live)}`);
  const isHandle = "_handle" in live || "_events" in live;
  if (isHandle || LIVE.test(name)) throw new Refusal(`is a live ${name}: open it inside the closure`);
  if (typeof owner === "function" && intrinsicPath(owner) !== undefined) {
    throw new Refusal(`is a ${name}, which cannot leave its process`);
  }
  if (typeof owner === "function" && !classTravels(encoder, owner, name)) {
    throw new Refusal(`is a ${name}: return a plain object of what you need`);
  }
}

/** Node's own streams, in any realm: event emitters that can be piped. */
function isNodeStream(value: Record<string, unknown>): boolean {
  return typeof value.pipe === "function" && typeof value.on === "function";
}

/** How a Node stream becomes one that travels. */
export function streamAdvice(stream: object): string {
  const value = stream as { read?: unknown; write?: unknown };
  if (typeof value.read !== "function") return "pass Writable.toWeb(stream)";
  return typeof value.write === "function" ? "pass Duplex.toWeb(stream)" : "pass Readable.toWeb(stream)";
}

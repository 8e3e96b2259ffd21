/**
 * Values on their way between code in an isolate and a host module: JSON with tags for what JSON has not, and one
 * block of bytes. Data is copied; whatever else it holds becomes a reference, which each side makes and resolves in
 * its own way. Unlike the wire's codec it knows no code, because the host reads what a tenant wrote.
 */

/** A JSON value; an array is always `[tag, …]`. */
export type Packed = null | boolean | number | string | readonly unknown[];

/** A value that is no data, e.g. `["h", 5]`. */
export type Reference = readonly ["h" | "f", number];

type BufferClass = { from(buffer: ArrayBufferLike): Uint8Array; new (...args: never[]): Uint8Array };
type BytesClass = new (buffer: ArrayBuffer) => unknown;

/** Kinds of bytes that keep their type; a class that one side lacks is refused there. */
const BYTE_KINDS = [
  ...["ArrayBuffer", "DataView", "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array"],
  ...["Int32Array", "Uint32Array", "Float16Array", "Float32Array", "Float64Array"],
  ...["BigInt64Array", "BigUint64Array"],
];
const CLASSES = new Map<string, BytesClass>(
  BYTE_KINDS.flatMap((name) => {
    const found = (globalThis as unknown as Record<string, BytesClass | undefined>)[name];
    return found === undefined ? [] : [[name, found] as const];
  }),
);
const ERRORS = new Map<unknown, new (message: string) => Error>(
  [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError].map((one) => [
    one.name,
    one,
  ]),
);
/** Every piece of bytes begins at a multiple of this, so that any typed array could. */
const ALIGNMENT = 8;

export interface PackedValue {
  readonly packed: Packed;
  /** What the value's typed arrays hold, each with its offset in the block. */
  readonly parts: readonly Uint8Array[];
  /** Bytes of the whole block. */
  readonly size: number;
}

/** @param refer makes the reference for a function or an object that is not plain data, or throws. */
export function packValue(
  value: unknown,
  Buffer: BufferClass,
  refer: (value: object) => Reference,
): PackedValue {
  const seen = new Map<object, number>();
  const parts: Uint8Array[] = [];
  let size = 0;

  const bytes = (kind: string, view: Uint8Array): Packed => {
    const offset = size;
    parts.push(view);
    size = aligned(size + view.length);
    return ["b", kind, offset, view.length];
  };
  const entries = (object: object): Packed[] =>
    Object.entries(object).flatMap(([key, inner]) => [key, pack(inner)]);
  const pack = (value: unknown): Packed => {
    switch (typeof value) {
      case "undefined":
        return ["u"];
      case "string":
      case "boolean":
        return value;
      case "number":
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : ["n", Object.is(value, -0) ? "-0" : String(value)];
      case "bigint":
        return ["i", String(value)];
      case "symbol":
        throw new TypeError("Cannot pass a symbol between a sandbox and a host module");
      default:
        return value === null ? null : packObject(value as object);
    }
  };
  const packObject = (value: object): Packed => {
    if (typeof value === "function") return refer(value);
    const known = seen.get(value);
    if (known !== undefined) return ["r", known];
    const isData =
      ArrayBuffer.isView(value) || value instanceof ArrayBuffer || DATA.some((kind) => value instanceof kind);
    if (!isData && !isPlain(value)) return refer(value);
    seen.set(value, seen.size);
    if (value instanceof ArrayBuffer) return bytes("ArrayBuffer", new Uint8Array(value));
    if (ArrayBuffer.isView(value)) {
      const view = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      return bytes(value instanceof Buffer ? "Buffer" : kindOf(value), view);
    }
    if (Array.isArray(value)) return ["a", ...value.map(pack)];
    if (value instanceof Date) return ["d", pack(value.getTime())];
    if (value instanceof RegExp) return ["x", value.source, value.flags];
    if (value instanceof Map) return ["m", ...[...value].flatMap(([key, inner]) => [pack(key), pack(inner)])];
    if (value instanceof Set) return ["s", ...[...value].map(pack)];
    if (value instanceof Error) return ["e", String(value.name), String(value.message), ...entries(value)];
    return ["o", ...entries(value)];
  };

  const packed = pack(value);
  return { packed, parts, size };
}

/** @param resolve gives what a reference stands for on this side, or throws. */
export function unpackValue(
  packed: unknown,
  block: Uint8Array,
  Buffer: BufferClass,
  resolve: (reference: Reference) => unknown,
): unknown {
  const seen: object[] = [];
  const keep = <T extends object>(value: T): T => {
    seen.push(value);
    return value;
  };
  const fill = (object: object, entries: readonly unknown[]): object => {
    for (let at = 0; at + 1 < entries.length; at += 2) {
      // Defined, not assigned, as "__proto__" is but a name here.
      Object.defineProperty(object, String(entries[at]), {
        value: unpack(entries[at + 1]),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return object;
  };
  const unpack = (packed: unknown): unknown => {
    if (!Array.isArray(packed)) {
      if (typeof packed === "object" && packed !== null) throw malformed();
      return packed;
    }
    const [tag, ...rest] = packed as [unknown, ...any[]];
    switch (tag) {
      case "u":
        return undefined;
      case "n":
        return Number(rest[0]);
      case "i":
        return BigInt(rest[0]);
      case "r":
        return seen[rest[0]];
      case "h":
      case "f":
        return resolve(packed as unknown as Reference);
      case "b":
        return keep(bytesOf(rest[0], block, rest[1], rest[2], Buffer));
      case "a": {
        const array = keep([] as unknown[]);
        for (const one of rest) array.push(unpack(one));
        return array;
      }
      case "d":
        return keep(new Date(Number(unpack(rest[0]))));
      case "x":
        return keep(new RegExp(rest[0], rest[1]));
      case "m": {
        const map = keep(new Map());
        for (let at = 0; at + 1 < rest.length; at += 2) map.set(unpack(rest[at]), unpack(rest[at + 1]));
        return map;
      }
      case "s": {
        const set = keep(new Set());
        for (const one of rest) set.add(unpack(one));
        return set;
      }
      case "e": {
        const [name, message, ...own] = rest;
        const error = keep(new (ERRORS.get(name) ?? Error)(String(message)));
        if (error.name !== name)
          Object.defineProperty(error, "name", { value: String(name), writable: true });
        return fill(error, own);
      }
      case "o":
        return fill(keep({}), rest);
      default:
        throw malformed();
    }
  };
  return unpack(packed);
}

/** The parts as one block; the only part itself where there is but one. */
export function joinParts({ parts, size }: PackedValue): Uint8Array | undefined {
  if (parts.length <= 1) return parts[0];
  const block = new Uint8Array(size);
  writeParts(parts, block);
  return block;
}

export function writeParts(parts: readonly Uint8Array[], block: Uint8Array): void {
  let offset = 0;
  for (const part of parts) {
    block.set(part, offset);
    offset = aligned(offset + part.length);
  }
}

const DATA = [Date, RegExp, Map, Set, Error];

function aligned(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return true;
  // A module's namespace has no prototype either.
  return prototype === null && (value as Record<symbol, unknown>)[Symbol.toStringTag] === undefined;
}

function kindOf(view: ArrayBufferView): string {
  return view instanceof DataView
    ? "DataView"
    : (view as unknown as Record<symbol, string>)[Symbol.toStringTag]!;
}

/** Bytes in memory of their own: nobody on the other side can change them while native code reads them. */
function bytesOf(
  kind: unknown,
  block: Uint8Array,
  offset: number,
  length: number,
  Buffer: BufferClass,
): object {
  if (!(offset >= 0 && length >= 0 && offset + length <= block.length)) throw malformed();
  const { buffer } = block;
  const whole = buffer instanceof ArrayBuffer && block.byteOffset === 0 && length === buffer.byteLength;
  const own = whole
    ? buffer
    : (Uint8Array.prototype.slice.call(block, offset, offset + length).buffer as ArrayBuffer);
  if (kind === "ArrayBuffer") return own;
  if (kind === "Buffer") return Buffer.from(own);
  const Kind = CLASSES.get(String(kind));
  if (Kind === undefined) throw malformed();
  return new Kind(own) as object;
}

function malformed(): TypeError {
  return new TypeError("Cannot read a value that was passed between a sandbox and a host module");
}

/** The natives under Node's Buffer: searching, comparing, filling, swapping, and text in every encoding. */
import { encodeInto, isUtf8, utf8Length } from "../text.ts";
import type { Binding } from "./binding.ts";
import { nothing } from "./binding.ts";
import { bytesOf, slices, writes } from "./string-bytes.ts";

type AnyBuffer = ArrayBufferLike | ArrayBufferView;

/** In the order of Node's internal `encodingsMap`; the library passes the index. */
const ENCODINGS = ["ascii", "utf8", "base64", "utf16le", "latin1", "hex", "buffer", "base64url"];

function view(value: AnyBuffer): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}

function encodingName(encoding: number | string | undefined): string {
  return typeof encoding === "number" ? (ENCODINGS[encoding] ?? "utf8") : (encoding ?? "utf8");
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  return Math.sign(a.length - b.length);
}

function find(haystack: Uint8Array, needle: Uint8Array, offset: number, forward: boolean): number {
  const last = haystack.length - needle.length;
  let at = offset < 0 ? haystack.length + offset : offset;
  if (at < 0) {
    if (!forward) return -1;
    at = 0;
  }
  if (!forward) at = Math.min(at, last);
  const step = forward ? 1 : -1;
  for (; at >= 0 && at <= last; at += step) {
    let i = 0;
    while (i < needle.length && haystack[at + i] === needle[i]) i++;
    if (i === needle.length) return at;
  }
  return -1;
}

function findByte(haystack: Uint8Array, byte: number, offset: number, forward: boolean): number {
  const find = forward ? Uint8Array.prototype.indexOf : Uint8Array.prototype.lastIndexOf;
  return find.call(haystack, byte & 255, offset);
}

/** Returns -1 for a pattern of no bytes and -2 for a range outside of the buffer, as the library expects. */
function fill(
  target: Uint8Array,
  value: unknown,
  start: number,
  end: number,
  encoding?: string,
): number | undefined {
  if (start < 0 || end > target.length) return -2;
  if (start >= end) return undefined;
  if (typeof value === "number" || typeof value === "boolean") {
    Uint8Array.prototype.fill.call(target, Number(value) & 255, start, end);
    return undefined;
  }
  const pattern = typeof value === "string" ? bytesOf(value, encoding ?? "utf8") : view(value as AnyBuffer);
  if (pattern.length === 0) return -1;
  for (let at = start, i = 0; at < end; at++, i = i + 1 === pattern.length ? 0 : i + 1)
    target[at] = pattern[i]!;
  return undefined;
}

function swap(width: number): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    for (let at = 0; at + width <= bytes.length; at += width) bytes.subarray(at, at + width).reverse();
    return bytes;
  };
}

/** Called both as a method, `buffer.utf8Slice(start, end)`, and as a function, `utf8Slice(buffer, start, end)`. */
function sliceMethod(name: string) {
  const slice = slices[name]!;
  const cut = (bytes: Uint8Array, start = 0, end = bytes.length): string => {
    const from = Math.min(Math.max(0, start), bytes.length);
    return slice(bytes, from, Math.max(from, Math.min(end, bytes.length)));
  };
  return function (this: Uint8Array, first?: Uint8Array | number, second?: number, third?: number): string {
    return typeof first === "object" ? cut(first, second, third) : cut(this, first, second);
  };
}

/** Called both as a method and as a function, as above. */
function writeMethod(name: string) {
  const write = writeStatic(name);
  return function (this: Uint8Array, ...args: unknown[]): number {
    const parameters = typeof args[0] === "string" ? [this, ...args] : args;
    return Reflect.apply(write, undefined, parameters);
  };
}

function writeStatic(name: string) {
  const write = writes[name]!;
  return (bytes: Uint8Array, text: string, offset = 0, length = bytes.length - offset): number =>
    write(text, bytes, offset, Math.min(length, bytes.length - offset));
}

/** What `atob` of Node's library takes for failures. */
const SINGLE_CHARACTER_LEFT = -1;
const INVALID_CHARACTER = -2;

function fromBase64(input: string): string | number {
  const text = input.replace(/[\t\n\f\r ]/g, "");
  const bare = text.length % 4 === 0 ? text.replace(/={1,2}$/, "") : text;
  if (/[^A-Za-z0-9+/]/.test(bare)) return INVALID_CHARACTER;
  if (bare.length % 4 === 1) return SINGLE_CHARACTER_LEFT;
  const bytes = bytesOf(bare, "base64");
  return slices.latin1!(bytes, 0, bytes.length);
}

function toBase64(input: string): string | number {
  const bytes = new Uint8Array(input.length);
  for (let i = 0; i < input.length; i++) {
    const unit = input.charCodeAt(i);
    if (unit > 255) return -1;
    bytes[i] = unit;
  }
  return slices.base64!(bytes, 0, bytes.length);
}

export function bufferBinding(): Binding {
  const binding: Binding = {
    kMaxLength: 2 ** 32,
    kStringMaxLength: 2 ** 29 - 24,
    setBufferPrototype: nothing,
    setDetachKey: nothing,
    getZeroFillToggle: nothing,
    createUnsafeArrayBuffer: (length: number) => new ArrayBuffer(length),
    createFromString: (text: string, encoding: number) => {
      const { Buffer } = globalThis as unknown as {
        Buffer: { from(bytes: ArrayBufferLike, at: number, length: number): unknown };
      };
      const bytes = bytesOf(text, encodingName(encoding));
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    },
    byteLengthUtf8: utf8Length,
    compare,
    compareOffset: (
      a: Uint8Array,
      b: Uint8Array,
      bStart: number,
      aStart: number,
      bLength: number,
      aLength: number,
    ) => compare(a.subarray(aStart, aStart + aLength), b.subarray(bStart, bStart + bLength)),
    copy: (
      source: AnyBuffer,
      target: AnyBuffer,
      targetStart: number,
      sourceStart: number,
      length: number,
    ) => {
      view(target).set(view(source).subarray(sourceStart, sourceStart + length), targetStart);
      return length;
    },
    copyArrayBuffer: (
      target: ArrayBufferLike,
      targetStart: number,
      source: ArrayBufferLike,
      sourceStart: number,
      length: number,
    ) => new Uint8Array(target, targetStart, length).set(new Uint8Array(source, sourceStart, length)),
    fill,
    indexOfBuffer: (haystack: Uint8Array, needle: AnyBuffer, offset: number, _: unknown, forward: boolean) =>
      find(haystack, view(needle), offset, forward),
    indexOfNumber: findByte,
    indexOfString: (
      haystack: Uint8Array,
      needle: string,
      offset: number,
      encoding: number,
      forward: boolean,
    ) => find(haystack, bytesOf(needle, encodingName(encoding)), offset, forward),
    isAscii: (value: AnyBuffer) => view(value).every((byte) => byte < 0x80),
    isUtf8: (value: AnyBuffer) => isUtf8(view(value)),
    swap16: swap(2),
    swap32: swap(4),
    swap64: swap(8),
    atob: fromBase64,
    btoa: toBase64,
    utf8WriteStatic: (bytes: Uint8Array, text: string, offset = 0, length = bytes.length - offset) =>
      encodeInto(text, bytes, offset, Math.min(bytes.length, offset + length)).written,
    asciiWriteStatic: writeStatic("ascii"),
    latin1WriteStatic: writeStatic("latin1"),
  };
  for (const name of Object.keys(slices)) {
    binding[`${name}Slice`] = sliceMethod(name);
    binding[`${name}Write`] = writeMethod(name);
  }
  return binding;
}

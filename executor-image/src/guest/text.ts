/**
 * UTF-8 for the isolate, which has no native TextDecoder: short strings are converted here, long ones by the host's
 * native code over shared memory (10 KB: 41 µs down to 7 µs). The codec uses the same functions.
 */
import { useText } from "@bonfire/wire";
import { bridge } from "./bridge.ts";
import { NATIVE_TEXT_FROM, TEXT_BYTES } from "./layout.ts";

const scratch = new Uint8Array(bridge.text);
const inbox = bridge.inbox;
const fromCharCode = String.fromCharCode;
const { decodeText, encodeText } = bridge;

/** Decodes `bytes[start, end)`; malformed sequences become U+FFFD as in the standard. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const length = end - start;
  if (length < NATIVE_TEXT_FROM) return decodeShort(bytes, start, end);
  if (bytes.buffer === inbox) return decodeText(1, bytes.byteOffset + start, length);
  if (length <= TEXT_BYTES) {
    scratch.set(bytes.subarray(start, end));
    return decodeText(0, 0, length);
  }
  let text = "";
  for (let at = start; at < end; ) {
    const next = Math.min(end, characterBoundary(bytes, at + TEXT_BYTES, at));
    scratch.set(bytes.subarray(at, next));
    text += decodeText(0, 0, next - at);
    at = next;
  }
  return text;
}

/** The start of the character that `at` is inside of, so that a chunk never ends within one. */
function characterBoundary(bytes: Uint8Array, at: number, floor: number): number {
  if (at >= bytes.length) return bytes.length;
  let start = at;
  while (start > floor && start > at - 4 && (bytes[start]! & 0xc0) === 0x80) start--;
  return start > floor ? start : at;
}

function decodeShort(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; ) {
    const byte = bytes[at]!;
    if (byte < 0x80) {
      text += fromCharCode(byte);
      at++;
      continue;
    }
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    const valid = byte < 0xc2 || byte > 0xf4 ? 0 : continuation(bytes, at, end, length);
    if (valid < length) {
      text += "\ufffd";
      at += Math.max(1, valid);
      continue;
    }
    let point = byte & (0xff >> (length + 1));
    for (let i = 1; i < length; i++) point = (point << 6) | (bytes[at + i]! & 0x3f);
    text += String.fromCodePoint(point);
    at += length;
  }
  return text;
}

/** How many bytes of the sequence at `at` are well formed, counting the lead. */
function continuation(bytes: Uint8Array, at: number, end: number, length: number): number {
  const lead = bytes[at]!;
  for (let i = 1; i < length; i++) {
    if (at + i >= end) return i;
    const byte = bytes[at + i]!;
    const low = i > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = i > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) return i;
  }
  return length;
}

/** Whether the bytes are well-formed UTF-8. */
export function isUtf8(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at]!;
    if (byte < 0x80) {
      at++;
      continue;
    }
    if (byte < 0xc2 || byte > 0xf4) return false;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (continuation(bytes, at, bytes.length, length) < length) return false;
    at += length;
  }
  return true;
}

/** The bytes that `text` takes in UTF-8; a lone surrogate counts as U+FFFD. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) length++;
    else if (unit < 0x800) length += 2;
    else if (isPair(text, i, unit)) {
      length += 4;
      i++;
    } else length += 3;
  }
  return length;
}

/** Encodes as much of `text` as fits into `target[offset, end)`; returns UTF-16 units read and bytes written. */
export function encodeInto(
  text: string,
  target: Uint8Array,
  offset = 0,
  end = target.length,
): { read: number; written: number } {
  if (text.length >= NATIVE_TEXT_FROM) {
    const written = encodeText(text);
    if (written >= 0 && written <= end - offset) {
      target.set(scratch.subarray(0, written), offset);
      return { read: text.length, written };
    }
  }
  let at = offset;
  let read = 0;
  for (; read < text.length; read++) {
    let point = text.charCodeAt(read);
    if (point < 0x80) {
      if (at >= end) break;
      target[at++] = point;
    } else if (point < 0x800) {
      if (at + 2 > end) break;
      target[at++] = 0xc0 | (point >> 6);
      target[at++] = 0x80 | (point & 0x3f);
    } else if (isPair(text, read, point)) {
      if (at + 4 > end) break;
      point = 0x10000 + ((point & 0x3ff) << 10) + (text.charCodeAt(++read) & 0x3ff);
      target[at++] = 0xf0 | (point >> 18);
      target[at++] = 0x80 | ((point >> 12) & 0x3f);
      target[at++] = 0x80 | ((point >> 6) & 0x3f);
      target[at++] = 0x80 | (point & 0x3f);
    } else {
      if (at + 3 > end) break;
      if (point >= 0xd800 && point < 0xe000) point = 0xfffd;
      target[at++] = 0xe0 | (point >> 12);
      target[at++] = 0x80 | ((point >> 6) & 0x3f);
      target[at++] = 0x80 | (point & 0x3f);
    }
  }
  return { read, written: at - offset };
}

/** The UTF-8 bytes of `text`, in memory of their own. */
export function encodeUtf8(text: string): Uint8Array {
  if (text.length >= NATIVE_TEXT_FROM) {
    const written = encodeText(text);
    if (written >= 0) return scratch.slice(0, written);
  }
  const bytes = new Uint8Array(utf8Length(text));
  encodeInto(text, bytes);
  return bytes;
}

function isPair(text: string, at: number, unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
}

useText(
  {
    write: (target, offset, text) => encodeInto(text, target, offset).written,
    read: decodeUtf8,
  },
  NATIVE_TEXT_FROM,
);

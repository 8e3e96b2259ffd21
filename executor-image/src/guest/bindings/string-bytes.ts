/** The encodings of Buffer besides UTF-8, both ways, because the isolate has none of them natively. */
import { decodeUtf8, encodeInto, utf8Length } from "../text.ts";

const fromCharCode = String.fromCharCode;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64 = `${ALPHABET}+/`;
const BASE64URL = `${ALPHABET}-_`;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const INVALID = 255;
const SEXTET = new Uint8Array(256).fill(INVALID);
for (let i = 0; i < 64; i++) {
  SEXTET[BASE64.charCodeAt(i)] = i;
  SEXTET[BASE64URL.charCodeAt(i)] = i;
}
/** Arguments per `String.fromCharCode.apply`, well under the engine's limit. */
const CHUNK = 8192;

export type SliceOf = (bytes: Uint8Array, start: number, end: number) => string;

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at += CHUNK) {
    text += fromCharCode.apply(null, bytes.subarray(at, Math.min(end, at + CHUNK)) as unknown as number[]);
  }
  return text;
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += fromCharCode(bytes[at]! & 0x7f);
  return text;
}

function ucs2(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at + 1 < end; at += 2) text += fromCharCode(bytes[at]! | (bytes[at + 1]! << 8));
  return text;
}

function hex(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += HEX[bytes[at]!];
  return text;
}

function base64With(alphabet: string, padding: string): SliceOf {
  return (bytes, start, end) => {
    let text = "";
    let at = start;
    for (; at + 2 < end; at += 3) {
      const group = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
      text +=
        alphabet[group >> 18]! +
        alphabet[(group >> 12) & 63]! +
        alphabet[(group >> 6) & 63]! +
        alphabet[group & 63]!;
    }
    if (at < end) {
      const two = at + 1 < end;
      const group = (bytes[at]! << 16) | (two ? bytes[at + 1]! << 8 : 0);
      text += alphabet[group >> 18]! + alphabet[(group >> 12) & 63]!;
      text += (two ? alphabet[(group >> 6) & 63]! : padding) + padding;
    }
    return text;
  };
}

/** Bytes to text, by the name Node's Buffer uses for the encoding. */
export const slices: Readonly<Record<string, SliceOf>> = {
  utf8: decodeUtf8,
  ascii,
  latin1,
  ucs2,
  hex,
  base64: base64With(BASE64, "="),
  base64url: base64With(BASE64URL, ""),
};

export type WriteTo = (text: string, bytes: Uint8Array, offset: number, length: number) => number;

function writeLatin1(text: string, bytes: Uint8Array, offset: number, length: number): number {
  const count = Math.min(text.length, length);
  for (let i = 0; i < count; i++) bytes[offset + i] = text.charCodeAt(i);
  return count;
}

function writeUcs2(text: string, bytes: Uint8Array, offset: number, length: number): number {
  const count = Math.min(text.length, length >> 1);
  for (let i = 0; i < count; i++) {
    const unit = text.charCodeAt(i);
    bytes[offset + 2 * i] = unit & 255;
    bytes[offset + 2 * i + 1] = unit >> 8;
  }
  return count * 2;
}

function writeHex(text: string, bytes: Uint8Array, offset: number, length: number): number {
  const count = Math.min(text.length >> 1, length);
  for (let i = 0; i < count; i++) {
    const pair = text.slice(2 * i, 2 * i + 2);
    if (!/^[0-9a-f]{2}$/i.test(pair)) return i;
    bytes[offset + i] = Number.parseInt(pair, 16);
  }
  return count;
}

function writeBase64(text: string, bytes: Uint8Array, offset: number, length: number): number {
  let written = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < text.length && written < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 61) break;
    const sextet = unit < 256 ? SEXTET[unit]! : INVALID;
    if (sextet === INVALID) continue;
    held = ((held << 6) | sextet) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[offset + written++] = (held >> bits) & 255;
    }
  }
  return written;
}

/** Text to bytes, by the name Node's Buffer uses for the encoding; returns the bytes written. */
export const writes: Readonly<Record<string, WriteTo>> = {
  utf8: (text, bytes, offset, length) => encodeInto(text, bytes, offset, offset + length).written,
  ascii: writeLatin1,
  latin1: writeLatin1,
  ucs2: writeUcs2,
  hex: writeHex,
  base64: writeBase64,
  base64url: writeBase64,
};

const LARGEST: Readonly<Record<string, (text: string) => number>> = {
  utf8: utf8Length,
  ascii: (text) => text.length,
  latin1: (text) => text.length,
  ucs2: (text) => text.length * 2,
  hex: (text) => text.length >> 1,
  base64: (text) => text.length,
  base64url: (text) => text.length,
};

/** The bytes of `text` in `encoding`, in memory of their own. */
export function bytesOf(text: string, encoding: string): Uint8Array {
  const name = canonical(encoding);
  const bytes = new Uint8Array(LARGEST[name]!(text));
  return bytes.subarray(0, writes[name]!(text, bytes, 0, bytes.length));
}

/** Any spelling of an encoding to the one that the tables above use. */
export function canonical(encoding: string): string {
  const name = encoding.toLowerCase().replace("-", "");
  if (name === "utf16le" || name === "ucs2" || name === "utf16") return "ucs2";
  if (name === "binary") return "latin1";
  return Object.hasOwn(slices, name) ? name : "utf8";
}

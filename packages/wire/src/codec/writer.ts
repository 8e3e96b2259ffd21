/**
 * The bytes of one message as it is being written. Small things go into scratch memory that is used again for the
 * next message; large binary is only noted and copied once, straight to its place in the result.
 */
import { SHORT_TEXT, SHORT_TEXT_MAX, Tag } from "./tag.ts";
import { writeText } from "./text.ts";

/** Binary of this many bytes or more is not staged in scratch memory. */
const ATTACH_FROM = 16 * 1024;
/** Scratch memory that outgrew this is given back when the message is done. */
const KEEP_SCRATCH = 1024 * 1024;
/** Long text is written in pieces of this many characters, so that only one piece is over-reserved threefold. */
const TEXT_PIECE = 64 * 1024;
const FIRST_SCRATCH = 8 * 1024;

export class Writer {
  bytes = new Uint8Array(FIRST_SCRATCH);
  view = new DataView(this.bytes.buffer);
  position = 0;
  attached = 0;
  attachments: { at: number; bytes: Uint8Array }[] = [];

  /** Make room for `size` more bytes and give the place where they go. */
  reserve(size: number): number {
    if (this.position + size > this.bytes.length) this.#grow(size);
    return this.position;
  }

  #grow(size: number): void {
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.position + size));
    grown.set(this.bytes.subarray(0, this.position));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  byte(value: number): void {
    const at = this.reserve(1);
    this.bytes[at] = value;
    this.position = at + 1;
  }

  /** An unsigned integer below 2^53, seven bits a byte. */
  count(value: number): void {
    let at = this.reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[at++] = rest;
    this.position = at;
  }

  number(value: number): void {
    if (value >>> 0 === value && value < 0x80 && (value !== 0 || 1 / value > 0)) {
      this.byte(value);
    } else if ((value | 0) === value && value !== 0) {
      const at = this.reserve(5);
      this.bytes[at] = Tag.int32;
      this.view.setInt32(at + 1, value, true);
      this.position = at + 5;
    } else {
      const at = this.reserve(9);
      this.bytes[at] = Tag.float64;
      this.view.setFloat64(at + 1, value, true);
      this.position = at + 9;
    }
  }

  float(value: number): void {
    const at = this.reserve(8);
    this.view.setFloat64(at, value, true);
    this.position = at + 8;
  }

  text(value: string): void {
    const { length } = value;
    if (length <= SHORT_TEXT_MAX) {
      const start = this.reserve(length + 1);
      const { bytes } = this;
      bytes[start] = SHORT_TEXT | length;
      let index = 0;
      for (; index < length; index++) {
        const code = value.charCodeAt(index);
        if (code > 0x7f) break;
        bytes[start + 1 + index] = code;
      }
      if (index === length) {
        this.position = start + 1 + length;
        return;
      }
    }
    if (value.isWellFormed()) this.#longText(value);
    else this.#utf16(value);
  }

  #longText(value: string): void {
    const start = this.reserve(5);
    this.bytes[start] = Tag.text;
    this.position = start + 5;
    for (let from = 0; from < value.length; ) {
      let to = Math.min(value.length, from + TEXT_PIECE);
      if (to < value.length && (value.charCodeAt(to - 1) & 0xfc00) === 0xd800) to--;
      const piece = from === 0 && to === value.length ? value : value.slice(from, to);
      const at = this.reserve(piece.length * 3);
      this.position = at + writeText(this.bytes, at, piece);
      from = to;
    }
    this.view.setUint32(start + 1, this.position - start - 5, true);
  }

  #utf16(value: string): void {
    const start = this.reserve(5 + value.length * 2);
    this.bytes[start] = Tag.utf16;
    this.view.setUint32(start + 1, value.length * 2, true);
    for (let index = 0; index < value.length; index++) {
      this.view.setUint16(start + 5 + index * 2, value.charCodeAt(index), true);
    }
    this.position = start + 5 + value.length * 2;
  }

  binary(value: Uint8Array): void {
    this.count(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    if (value.length >= ATTACH_FROM) {
      this.attachments.push({ at: this.position, bytes: value });
      this.attached += value.length;
      return;
    }
    const at = this.reserve(value.length);
    this.bytes.set(value, at);
    this.position = at + value.length;
  }

  /** The finished message, in new memory or in that from `allocate`. */
  finish(allocate: ((size: number) => Uint8Array) | undefined): Uint8Array {
    if (!allocate && this.attachments.length === 0) return this.bytes.slice(0, this.position);
    const size = this.position + this.attached;
    const result = allocate ? allocate(size) : new Uint8Array(size);
    let from = 0;
    let to = 0;
    for (const { at, bytes } of this.attachments) {
      result.set(this.bytes.subarray(from, at), to);
      to += at - from;
      result.set(bytes, to);
      to += bytes.length;
      from = at;
    }
    result.set(this.bytes.subarray(from, this.position), to);
    return result;
  }

  reset(): void {
    this.position = 0;
    if (this.attachments.length > 0) this.attachments = [];
    this.attached = 0;
    if (this.bytes.length > KEEP_SCRATCH) {
      this.bytes = new Uint8Array(FIRST_SCRATCH);
      this.view = new DataView(this.bytes.buffer);
    }
  }
}

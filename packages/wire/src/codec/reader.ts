/** The bytes of one message as it is being read. Running past the end is an error, never a value. */
import { BonfireError } from "../error.ts";
import { SHORT_TEXT, SHORT_TEXT_MAX, Tag } from "./tag.ts";
import { readAscii, readText } from "./text.ts";

export function malformed(what: string): BonfireError {
  return new BonfireError(
    "MALFORMED_VALUE",
    `Cannot read a value as ${what}: the two sides may run different versions`,
  );
}

export class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly end: number;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
  }

  byte(): number {
    if (this.position >= this.end) throw malformed("its bytes end too early");
    return this.bytes[this.position++]!;
  }

  /** The start of `size` bytes that are now behind the position. */
  take(size: number): number {
    const start = this.position;
    if (size > this.end - start) throw malformed("its bytes end too early");
    this.position = start + size;
    return start;
  }

  count(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw malformed("a number in it is too large");
  }

  /** A count of things that take at least a byte each, so that a short message cannot ask for much memory. */
  length(): number {
    const length = this.count();
    if (length > this.end - this.position) throw malformed("its bytes end too early");
    return length;
  }

  float(): number {
    return this.view.getFloat64(this.take(8), true);
  }

  text(): string {
    const tag = this.byte();
    if (tag >= SHORT_TEXT && tag <= SHORT_TEXT + SHORT_TEXT_MAX) {
      const size = tag - SHORT_TEXT;
      const start = this.take(size);
      return readAscii(this.bytes, start, start + size);
    }
    if (tag === Tag.text) return this.longText();
    if (tag === Tag.utf16) return this.utf16();
    throw malformed(`byte ${tag} stands where a string was expected`);
  }

  longText(): string {
    const size = this.view.getUint32(this.take(4), true);
    const start = this.take(size);
    return readText(this.bytes, start, start + size);
  }

  utf16(): string {
    const size = this.view.getUint32(this.take(4), true);
    const start = this.take(size);
    let text = "";
    for (let at = start; at < start + size; at += 2)
      text += String.fromCharCode(this.view.getUint16(at, true));
    return text;
  }

  /** Bytes in memory of their own. */
  binary(): Uint8Array<ArrayBuffer> {
    const size = this.length();
    const start = this.take(size);
    const copy = new Uint8Array(size);
    copy.set(this.bytes.subarray(start, start + size));
    return copy;
  }
}

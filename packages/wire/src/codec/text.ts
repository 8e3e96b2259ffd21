/**
 * UTF-8 both ways. Short strings are cheapest in JavaScript; long ones go through the realm's native functions,
 * which Node has and an isolate gets from its host through `useText`.
 */
export interface TextHost {
  /** Write all of `text` as UTF-8 at `offset` (there is room for three bytes a character) and give the byte count. */
  write(target: Uint8Array, offset: number, text: string): number;
  read(source: Uint8Array, start: number, end: number): string;
}

/** From this many characters or bytes on, a string goes through the realm's native functions. */
let threshold = Number.POSITIVE_INFINITY;
let host: TextHost | undefined;

/**
 * Give this realm native string functions.
 * @param from the length in characters or bytes at which they beat JavaScript: about 32 in Node, 256 across an isolate's border.
 */
export function useText(native: TextHost, from: number): void {
  host = native;
  threshold = from;
}

interface NativeBuffer {
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
}

const nodeBuffer = (globalThis as { Buffer?: { prototype: Partial<NativeBuffer> } }).Buffer?.prototype;
if (nodeBuffer?.utf8Write && nodeBuffer.utf8Slice) {
  const { utf8Write, utf8Slice } = nodeBuffer as NativeBuffer;
  useText(
    {
      write: (target, offset, text) => utf8Write.call(target, text, offset, target.length - offset),
      read: (source, start, end) => utf8Slice.call(source, start, end),
    },
    32,
  );
}

/** Write `text` as UTF-8; lone surrogates must have been excluded. There is room for three bytes a character. */
export function writeText(target: Uint8Array, offset: number, text: string): number {
  if (text.length >= threshold) return host!.write(target, offset, text);
  let at = offset;
  for (let index = 0; index < text.length; index++) {
    let code = text.charCodeAt(index);
    if (code < 0x80) {
      target[at++] = code;
    } else if (code < 0x800) {
      target[at++] = (code >> 6) | 0xc0;
      target[at++] = (code & 0x3f) | 0x80;
    } else if ((code & 0xfc00) === 0xd800) {
      code = 0x10000 + ((code & 0x3ff) << 10) + (text.charCodeAt(++index) & 0x3ff);
      target[at++] = (code >> 18) | 0xf0;
      target[at++] = ((code >> 12) & 0x3f) | 0x80;
      target[at++] = ((code >> 6) & 0x3f) | 0x80;
      target[at++] = (code & 0x3f) | 0x80;
    } else {
      target[at++] = (code >> 12) | 0xe0;
      target[at++] = ((code >> 6) & 0x3f) | 0x80;
      target[at++] = (code & 0x3f) | 0x80;
    }
  }
  return at - offset;
}

export function readText(source: Uint8Array, start: number, end: number): string {
  if (end - start >= threshold) return host!.read(source, start, end);
  const units: number[] = [];
  let text = "";
  for (let at = start; at < end; ) {
    const lead = source[at++]!;
    if (lead < 0x80) units.push(lead);
    else if (lead < 0xe0) units.push(((lead & 0x1f) << 6) | (source[at++]! & 0x3f));
    else if (lead < 0xf0)
      units.push(((lead & 0x0f) << 12) | ((source[at++]! & 0x3f) << 6) | (source[at++]! & 0x3f));
    else {
      const code =
        (((lead & 0x07) << 18) |
          ((source[at++]! & 0x3f) << 12) |
          ((source[at++]! & 0x3f) << 6) |
          (source[at++]! & 0x3f)) -
        0x10000;
      units.push(0xd800 | (code >> 10), 0xdc00 | (code & 0x3ff));
    }
    if (units.length >= 4096) {
      text += String.fromCharCode.apply(null, units);
      units.length = 0;
    }
  }
  return text + String.fromCharCode.apply(null, units);
}

/** A string that is known to be ASCII. */
export function readAscii(source: Uint8Array, start: number, end: number): string {
  if (end - start >= threshold) return host!.read(source, start, end);
  let text = "";
  let at = start;
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(source[at]!, source[at + 1]!, source[at + 2]!, source[at + 3]!);
  }
  for (; at < end; at++) text += String.fromCharCode(source[at]!);
  return text;
}

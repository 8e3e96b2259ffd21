/** The natives under TextDecoder, TextEncoder, StringDecoder and the parts of ICU that the library asks for. */
import { decodeUtf8, encodeInto, encodeUtf8, isUtf8 } from "../text.ts";
import type { Binding } from "./binding.ts";
import { nothing } from "./binding.ts";
import { canonical, slices } from "./string-bytes.ts";

type AnyBuffer = ArrayBufferLike | ArrayBufferView;

function view(value: AnyBuffer): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}

export function encodingBinding(requireInternal: (id: string) => any): Binding {
  const encodeIntoResults = new Uint32Array(2);
  return {
    encodeIntoResults,
    encodeInto(text: string, target: Uint8Array) {
      const { read, written } = encodeInto(text, target);
      encodeIntoResults[0] = read;
      encodeIntoResults[1] = written;
    },
    encodeUtf8String: encodeUtf8,
    decodeUTF8(value: AnyBuffer, ignoreBom: boolean, fatal: boolean) {
      const bytes = view(value);
      if (fatal && !isUtf8(bytes)) {
        throw new (requireInternal("internal/errors").codes.ERR_ENCODING_INVALID_ENCODED_DATA)(
          "utf-8",
          undefined,
        );
      }
      const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
      return decodeUtf8(bytes, marked && !ignoreBom ? 3 : 0, bytes.length);
    },
    decodeLatin1: (value: AnyBuffer) => slices.latin1!(view(value), 0, view(value).length),
    toASCII: (text: string) => text,
    toUnicode: (text: string) => text,
  };
}

const CONVERTER_FLUSH = 1;

/** One TextDecoder; between the chunks of a stream the host keeps what is left of a character. */
interface Converter {
  readonly id: number;
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBom: boolean;
}

/** @param askFor has the host decode: its decoder is the one of Node itself. */
export function icuBinding(
  requireInternal: (id: string) => any,
  askFor: (operation: string, args: readonly unknown[], bytes?: Uint8Array) => { value: unknown },
): Binding {
  const known = new Map<string, boolean>();
  let lastConverter = 0;
  const isKnown = (name: string): boolean => {
    let answer = known.get(name);
    if (answer === undefined) {
      answer = askFor("text.known", [name]).value as boolean;
      known.set(name, answer);
    }
    return answer;
  };
  return {
    icuErrName: nothing,
    transcode: nothing,
    hasConverter: isKnown,
    getConverter(encoding: string, flags: number): Converter | undefined {
      if (!isKnown(encoding)) return undefined;
      const [fatal, ignoreBom] = [(flags & 2) !== 0, (flags & 4) !== 0];
      return { id: ++lastConverter, encoding, fatal, ignoreBom };
    },
    decode({ id, encoding, fatal, ignoreBom }: Converter, value: AnyBuffer, flags: number, name: string) {
      const more = (flags & CONVERTER_FLUSH) === 0;
      const text = askFor(
        "text.decode",
        [id, encoding, { fatal, ignoreBOM: ignoreBom }, more],
        view(value),
      ).value;
      if (text !== null) return text;
      throw new (requireInternal("internal/errors").codes.ERR_ENCODING_INVALID_ENCODED_DATA)(name, undefined);
    },
    getStringWidth: (text: string) => stringWidth(text),
    toASCII: (text: string) => text,
    toUnicode: (text: string) => text,
  };
}

/** Columns on a terminal: wide for East Asian and emoji, none for combining marks. */
function stringWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{Mark}|\p{Cf}/u.test(character)) continue;
    width +=
      /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return width;
}

/** Bytes at the end that begin a character without finishing it. */
function unfinished(bytes: Uint8Array, encoding: string): number {
  if (encoding === "ucs2") {
    const odd = bytes.length % 2;
    const high = bytes[bytes.length - odd - 1];
    return high !== undefined && high >= 0xd8 && high < 0xdc ? odd + 2 : odd;
  }
  if (encoding.startsWith("base64")) return bytes.length % 3;
  if (encoding !== "utf8") return 0;
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/** Offsets of StringDecoder's state, as the library lays it out. */
const DECODER = { missing: 4, buffered: 5, encoding: 6, fields: 7 } as const;
const ENCODINGS = ["ascii", "utf8", "base64", "utf16le", "latin1", "hex", "buffer", "base64url"];

export function stringDecoderBinding(): Binding {
  const nameOf = (state: Uint8Array) => canonical(ENCODINGS[state[DECODER.encoding]!]!);
  return {
    encodings: ENCODINGS,
    kIncompleteCharactersStart: 0,
    kIncompleteCharactersEnd: 4,
    kMissingBytes: DECODER.missing,
    kBufferedBytes: DECODER.buffered,
    kEncodingField: DECODER.encoding,
    kNumFields: DECODER.fields,
    kSize: DECODER.fields,
    decode(state: Uint8Array, value: AnyBuffer | string) {
      if (typeof value === "string") return value;
      const chunk = view(value);
      const held = state[DECODER.buffered]!;
      const bytes = new Uint8Array(held + chunk.length);
      bytes.set(state.subarray(0, held));
      bytes.set(chunk, held);
      const encoding = nameOf(state);
      const keep = unfinished(bytes, encoding);
      state.set(bytes.subarray(bytes.length - keep));
      state[DECODER.buffered] = keep;
      state[DECODER.missing] = keep === 0 ? 0 : missingAfter(bytes, keep, encoding);
      return slices[encoding]!(bytes, 0, bytes.length - keep);
    },
    flush(state: Uint8Array) {
      const held = state.slice(0, state[DECODER.buffered]);
      state[DECODER.buffered] = 0;
      state[DECODER.missing] = 0;
      return slices[nameOf(state)]!(held, 0, held.length);
    },
  };
}

function missingAfter(bytes: Uint8Array, kept: number, encoding: string): number {
  if (encoding === "ucs2") return 2 - (kept % 2);
  if (encoding !== "utf8") return 3 - kept;
  const lead = bytes[bytes.length - kept]!;
  return (lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2) - kept;
}

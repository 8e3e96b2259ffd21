/**
 * msgpackr, for what it does best: messages of known shape between our own ends, and long lists of numbers within
 * values. It knows nothing of classes, functions, identity or -0; those are the value codec's.
 */
import { Packr } from "msgpackr/pack";

const packr = new Packr({ useRecords: false, mapsAsObjects: true });

/** Plain data to bytes in memory of their own: numbers, strings, booleans, null, byte arrays, arrays and objects. */
export function pack(value: unknown): Uint8Array {
  return packr.pack(value);
}

export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

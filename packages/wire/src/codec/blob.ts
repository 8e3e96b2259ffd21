/** Messages with Blobs in them, whose bytes are put in when they have been read. */
import { type EncodeOptions, encode } from "./encode.ts";

export interface BlobPlace {
  readonly offset: number;
  readonly blob: Blob;
}

/** Reads the Blobs and puts their bytes in. Rejects if one cannot be read, e.g. as its file has changed. */
export async function fillBlobs(bytes: Uint8Array, places: readonly BlobPlace[]): Promise<Uint8Array> {
  for (const { offset, blob } of places) bytes.set(new Uint8Array(await blob.arrayBuffer()), offset);
  return bytes;
}

/** As `encode`, with Blobs: a promise if there are any. */
export function encodeWithBlobs(value: unknown, options: EncodeOptions): Uint8Array | Promise<Uint8Array> {
  const places: BlobPlace[] = [];
  const bytes = encode(value, { ...options, blobAt: (offset, blob) => places.push({ offset, blob }) });
  return places.length === 0 ? bytes : fillBlobs(bytes, places);
}

/** The natives under Blob and File: one byte array per blob, read in one piece. */
import type { Binding } from "./binding.ts";
import { nothing } from "./binding.ts";

type Pulled = (status: number, bytes?: ArrayBuffer) => void;

const END = 0;
const DATA = 1;

class BlobBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
  }
  slice(start: number, end: number): BlobBytes {
    return new BlobBytes(this.bytes.subarray(start, end));
  }
  getReader(): { pull(done: Pulled): void; setWakeup(): void } {
    let unread: Uint8Array<ArrayBuffer> | undefined = this.bytes;
    return {
      pull(done) {
        const bytes = unread;
        unread = undefined;
        if (bytes === undefined || bytes.length === 0) done(END);
        else done(DATA, bytes.slice().buffer);
      },
      setWakeup: nothing,
    };
  }
}

function join(parts: readonly (BlobBytes | ArrayBuffer | ArrayBufferView)[]): Uint8Array<ArrayBuffer> {
  const views = parts.map((part) => {
    if (part instanceof BlobBytes) return part.bytes;
    return ArrayBuffer.isView(part)
      ? new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
      : new Uint8Array(part);
  });
  const joined = new Uint8Array(views.reduce((sum, view) => sum + view.length, 0));
  let at = 0;
  for (const view of views) {
    joined.set(view, at);
    at += view.length;
  }
  return joined;
}

export function blobBinding(): Binding {
  return {
    createBlob: (parts: (BlobBytes | Uint8Array)[]) => new BlobBytes(join(parts)),
    concat: (parts: (ArrayBuffer | ArrayBufferView)[]) => join(parts).buffer,
    createBlobFromFilePath: nothing,
    storeDataObject: nothing,
    getDataObject: nothing,
    revokeObjectURL: nothing,
  };
}

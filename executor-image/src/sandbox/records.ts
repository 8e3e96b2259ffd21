/** Reads what the guest wrote into its outbox. The guest is not trusted: every length is checked against what is there. */
import { ReplyKind } from "@bonfire/wire";
import { LOG_LEVELS, type LogLevel, RECORD_WORDS, RecordKind, State } from "../guest/layout.ts";

/** Something that the guest said, copied out of shared memory. */
export type Said =
  | { readonly kind: "reply"; readonly call: number; readonly reply: number; readonly bytes: Uint8Array }
  | { readonly kind: "handle"; readonly call: number; readonly bytes: Uint8Array }
  /** It said more of live handles in one entry than any driver can have asked for; the rest is dropped. */
  | { readonly kind: "flood"; readonly call: number }
  | { readonly kind: "over"; readonly call: number }
  | { readonly kind: "post"; readonly call: number; readonly bytes: Uint8Array }
  | { readonly kind: "log"; readonly call: number; readonly level: LogLevel; readonly text: string };

const HEADER = RECORD_WORDS * 4;
/** Bytes of packets of live handles that one entry, or one call that nobody answers, may produce. */
export const MOST_PACKET_BYTES = 64 * 1024 * 1024;
const LENT = {
  [RecordKind.lentValue]: ReplyKind.value,
  [RecordKind.lentError]: ReplyKind.error,
  [RecordKind.lentLiveValue]: ReplyKind.liveValue,
};

export class Records {
  readonly #outbox: Uint8Array;
  readonly #words: Uint32Array;
  readonly #state: Int32Array;
  /** Buffers lent to the guest, by number, until the record or request that refers to them. */
  readonly #lent = new Map<number, Uint8Array>();
  readonly #blobs = new Map<number, Uint8Array>();
  readonly #mostLent: number;
  #lentBytes = 0;
  #said: Said[] = [];
  /** Bytes of packets since `take`. */
  #packetBytes = 0;

  /** `mostLent`: how many bytes may be lent at a time, as no limit of the isolate counts them. */
  constructor(outbox: Uint8Array, state: Int32Array, mostLent: number) {
    this.#outbox = outbox;
    this.#mostLent = mostLent;
    this.#words = new Uint32Array(outbox.buffer);
    this.#state = state;
  }

  lend(number: number, size: number): SharedArrayBuffer {
    if (!(size <= this.#mostLent - this.#lentBytes)) {
      throw new RangeError(
        `Cannot pass ${size} bytes as the memory limit is ${this.#mostLent / (1024 * 1024)} MB`,
      );
    }
    this.#lentBytes += size;
    const buffer = new SharedArrayBuffer(size);
    this.#lent.set(number, new Uint8Array(buffer));
    return buffer;
  }

  /** The bytes that a request refers to by this number. */
  takeBytes(number: number): Uint8Array | undefined {
    const lent = this.#lent.get(number);
    if (lent !== undefined) {
      this.#lent.delete(number);
      this.#lentBytes -= lent.length;
      return lent;
    }
    const blob = this.#blobs.get(number);
    this.#blobs.delete(number);
    return blob;
  }

  /** Copies all records out, so that the guest may write on. */
  drain(): void {
    const used = Math.min(Math.max(this.#state[State.outboxUsed]!, 0), this.#outbox.length);
    if (used === 0) return;
    this.#state[State.outboxUsed] = 0;
    // One copy for all: replies are views of it, and it is the receivers' to keep.
    const copy = this.#outbox.slice(0, used);
    for (let at = 0; at + HEADER <= used; ) {
      const word = at >> 2;
      const size = this.#words[word + 2]!;
      const start = at + HEADER;
      if (size > used - start) return;
      this.#record(this.#words[word]!, this.#words[word + 1]!, copy.subarray(start, start + size));
      at = start + ((size + 3) & ~3);
    }
  }

  /** Everything said since the last time. */
  take(): Said[] {
    const said = this.#said;
    if (said.length > 0) this.#said = [];
    this.#packetBytes = 0;
    return said;
  }

  #record(kind: number, id: number, bytes: Uint8Array): void {
    switch (kind) {
      case RecordKind.value:
        this.#said.push({ kind: "reply", call: id, reply: ReplyKind.value, bytes });
        return;
      case RecordKind.error:
        this.#said.push({ kind: "reply", call: id, reply: ReplyKind.error, bytes });
        return;
      case RecordKind.liveValue:
        this.#said.push({ kind: "reply", call: id, reply: ReplyKind.liveValue, bytes });
        return;
      case RecordKind.handle:
        if (this.#bounded(id, bytes)) this.#said.push({ kind: "handle", call: id, bytes });
        return;
      case RecordKind.post:
        this.#post(id, bytes);
        return;
      case RecordKind.lentPost: {
        const lent = this.#lentTo(bytes);
        if (lent !== undefined) this.#post(id, lent);
        return;
      }
      case RecordKind.over:
        this.#said.push({ kind: "over", call: id });
        return;
      case RecordKind.log: {
        const text = Buffer.from(
          bytes.buffer,
          bytes.byteOffset + 1,
          Math.max(0, bytes.length - 1),
        ).toString();
        this.#said.push({ kind: "log", call: id, level: LOG_LEVELS[bytes[0]!] ?? "log", text });
        return;
      }
      case RecordKind.blob:
        this.#blobs.set(id, bytes);
        return;
      case RecordKind.lentValue:
      case RecordKind.lentError:
      case RecordKind.lentLiveValue: {
        const lent = this.#lentTo(bytes);
        if (lent === undefined) return;
        this.#said.push({ kind: "reply", call: id, reply: LENT[kind], bytes: lent });
      }
    }
  }

  /** The buffer whose number is all that the record holds. */
  #lentTo(bytes: Uint8Array): Uint8Array | undefined {
    if (bytes.length !== 4) return undefined;
    return this.takeBytes(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));
  }

  #post(call: number, bytes: Uint8Array): void {
    if (this.#bounded(call, bytes)) this.#said.push({ kind: "post", call, bytes });
  }

  /** Whether the entry may say so much; the first time that it may not, that is said. */
  #bounded(call: number, { length }: Uint8Array): boolean {
    this.#packetBytes += length;
    if (this.#packetBytes <= MOST_PACKET_BYTES) return true;
    if (this.#packetBytes - length <= MOST_PACKET_BYTES) this.#said.push({ kind: "flood", call });
    return false;
  }
}

/**
 * Writes records into the shared outbox, which the host empties whenever the isolate has been left. A record counts
 * only once it is complete, so an entry that is stopped half way leaves every earlier answer and log line readable.
 */
import { bridge } from "./bridge.ts";
import { LARGEST_RECORD, OUTBOX_BYTES, RECORD_WORDS, RecordKind, State } from "./layout.ts";

const state = new Int32Array(bridge.state);
const words = new Uint32Array(bridge.outbox);
const { outbox } = bridge;
const HEADER = RECORD_WORDS * 4;

let lastNumber = 0;
/** The number of the lent buffer into which the record being written goes; 0 = none. */
let lentFor = 0;

/** Memory for a record's bytes: in the outbox, or in a buffer that the host lends when it is large. */
export function place(size: number): Uint8Array {
  if (size > LARGEST_RECORD) {
    lentFor = ++lastNumber;
    return new Uint8Array(bridge.lend(lentFor, size));
  }
  lentFor = 0;
  return new Uint8Array(outbox, room(size), size);
}

/** The offset at which `size` bytes of a record may be written. */
function room(size: number): number {
  if (state[State.outboxUsed]! + HEADER + size + 3 > OUTBOX_BYTES) bridge.drain();
  return state[State.outboxUsed]! + HEADER;
}

const LENT: Readonly<Record<number, number>> = {
  [RecordKind.value]: RecordKind.lentValue,
  [RecordKind.error]: RecordKind.lentError,
  [RecordKind.liveValue]: RecordKind.lentLiveValue,
  [RecordKind.post]: RecordKind.lentPost,
};

/** Finishes the record whose bytes went where the last `place` said; `size` 0 needs no place. */
export function commit(kind: number, id: number, size: number): void {
  if (size > LARGEST_RECORD) {
    const at = room(4) >> 2;
    words[at] = lentFor;
    seal(LENT[kind]!, id, 4);
    return;
  }
  if (size === 0) room(0);
  seal(kind, id, size);
}

function seal(kind: number, id: number, size: number): void {
  const used = state[State.outboxUsed]!;
  const at = used >> 2;
  words[at] = kind;
  words[at + 1] = id;
  words[at + 2] = size;
  state[State.outboxUsed] = used + HEADER + ((size + 3) & ~3);
}

/** Gives bytes to the host and returns the number by which a request refers to them. */
export function putBytes(bytes: Uint8Array): number {
  return putBlock(bytes.length, (block) => block.set(bytes));
}

/** As `putBytes`, for `size` bytes that `write` puts in place. */
export function putBlock(size: number, write: (block: Uint8Array) => void): number {
  const number = ++lastNumber;
  if (size > LARGEST_RECORD) {
    write(new Uint8Array(bridge.lend(number, size)));
    return number;
  }
  write(new Uint8Array(outbox, room(size), size));
  seal(RecordKind.blob, number, size);
  return number;
}

/**
 * Carries byte strings that are too large for one message, in chunks on a connection of their own, so that they
 * delay no call. The receiver grants credit (a total number of bytes that may have been sent), the sender never
 * exceeds it: one slow receiver stalls its own transfer, not the connection.
 *
 * A chunk is an 8-byte offset (f64, little-endian) followed by bytes; a credit is an f64. A credit of -1 says that
 * the receiver has given up. Both ends end by themselves after STALL_MS without progress.
 */
import { BonfireError } from "@bonfire/wire";
import type { Msg, NatsConnection } from "nats";
import { guarded } from "./guard.ts";
import { subject } from "./subject.ts";

const CHUNK_BYTES = 64 * 1024;
const WINDOW_BYTES = 8 * 1024 * 1024;
const STALL_MS = 15_000;
const OFFSET_BYTES = 8;
/** The least `max_payload` that carries a chunk. */
export const LEAST_PAYLOAD_BYTES = CHUNK_BYTES + OFFSET_BYTES;
const CLOSED = "the connection to NATS is closed";
/** The largest byte string that one transfer carries: 2 GiB. */
export const MAX_TRANSFER_BYTES = 2 ** 31;

interface Sending {
  parts: readonly Uint8Array[];
  total: number;
  sent: number;
  peer: string;
  stall: NodeJS.Timeout;
  resolve(): void;
  reject(error: BonfireError): void;
  part: number;
  within: number;
}

interface Receiving {
  bytes: Uint8Array;
  received: number;
  granted: number;
  peer: string;
  id: number;
  stall: NodeJS.Timeout;
  resolve(bytes: Uint8Array): void;
  reject(error: BonfireError): void;
}

export class Transfers {
  readonly #connection: NatsConnection;
  readonly #node: string;
  readonly #sending = new Map<number, Sending>();
  readonly #receiving = new Map<string, Receiving>();
  #next = 1;

  constructor(connection: NatsConnection, node: string) {
    this.#connection = connection;
    this.#node = node;
    connection.subscribe(subject.everyCredit(node), {
      callback: guarded((message) => this.#onCredit(message)),
    });
    connection.subscribe(subject.everyChunk(node), {
      callback: guarded((message) => this.#onChunk(message)),
    });
  }

  /**
   * Offers `parts`, one byte string, to `peer`. The id must reach the peer by an ordinary message; sending starts
   * when it grants credit. `sent` rejects with `TRANSFER_FAILED` if the peer stops taking or gives up.
   */
  offer(peer: string, parts: readonly Uint8Array[]): { id: number; total: number; sent: Promise<void> } {
    const id = this.#next++;
    const total = parts.reduce((sum, part) => sum + part.length, 0);
    if (this.#connection.isClosed()) return { id, total, sent: Promise.reject(failed(CLOSED)) };
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stall = setTimeout(
      () => this.#endSending(id, failed(`${peer} took nothing for ${STALL_MS / 1000} s`)),
      STALL_MS,
    );
    this.#sending.set(id, { parts, total, sent: 0, peer, stall, resolve, reject, part: 0, within: 0 });
    return { id, total, sent: promise };
  }

  /** Takes back an offer, or stops sending. */
  withdraw(id: number): void {
    this.#endSending(id, failed("it was withdrawn"));
  }

  /** Receives the transfer `id` of `peer` into memory that `allocate` makes. Rejects with `TRANSFER_FAILED`. */
  accept(
    peer: string,
    id: number,
    total: number,
    allocate: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
  ): Promise<Uint8Array> {
    if (!(total >= 0 && total <= MAX_TRANSFER_BYTES))
      return Promise.reject(failed(`it is ${total} bytes long`));
    if (this.#connection.isClosed()) return Promise.reject(failed(CLOSED));
    let bytes: Uint8Array;
    try {
      bytes = allocate(total);
    } catch (error) {
      return Promise.reject(
        failed(`there is no memory for its ${total} bytes (${(error as Error).message})`),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const key = `${peer}.${id}`;
    const stall = setTimeout(
      () => this.#endReceiving(key, failed(`${peer} sent nothing for ${STALL_MS / 1000} s`)),
      STALL_MS,
    );
    const receiving: Receiving = {
      bytes,
      received: 0,
      granted: 0,
      peer,
      id,
      stall,
      resolve,
      reject,
    };
    this.#receiving.set(key, receiving);
    this.#grant(receiving);
    if (total === 0) this.#endReceiving(key);
    return promise;
  }

  /** Fails whatever is under way with `peer`; called when it is known to be gone. */
  peerGone(peer: string): void {
    const error = failed(`${peer} is gone`);
    for (const [id, sending] of this.#sending) if (sending.peer === peer) this.#endSending(id, error);
    for (const [key, receiving] of this.#receiving)
      if (receiving.peer === peer) this.#endReceiving(key, error);
  }

  close(): void {
    for (const id of this.#sending.keys()) this.withdraw(id);
    for (const key of this.#receiving.keys()) this.#endReceiving(key, failed("this side is closing"));
  }

  #onCredit(message: Msg): void {
    const id = Number(message.subject.slice(message.subject.lastIndexOf(".") + 1));
    const sending = this.#sending.get(id);
    if (!sending) return;
    const credit = view(message.data).getFloat64(0, true);
    if (credit < 0) return this.#endSending(id, failed(`${sending.peer} gave it up`));
    sending.stall.refresh();
    while (sending.sent < Math.min(credit, sending.total)) this.#sendChunk(id, sending, credit);
    if (sending.sent === sending.total && credit >= sending.total) this.#endSending(id);
  }

  #sendChunk(id: number, sending: Sending, credit: number): void {
    const part = sending.parts[sending.part] as Uint8Array;
    const length = Math.min(CHUNK_BYTES, part.length - sending.within, credit - sending.sent);
    const chunk = new Uint8Array(OFFSET_BYTES + length);
    view(chunk).setFloat64(0, sending.sent, true);
    chunk.set(part.subarray(sending.within, sending.within + length), OFFSET_BYTES);
    this.#connection.publish(subject.chunk(sending.peer, this.#node, id), chunk);
    sending.sent += length;
    sending.within += length;
    if (sending.within === part.length) {
      sending.part++;
      sending.within = 0;
    }
  }

  #onChunk(message: Msg): void {
    const [, , , peer, id] = message.subject.split(".");
    const key = `${peer}.${id}`;
    const receiving = this.#receiving.get(key);
    if (!receiving) return;
    const offset = view(message.data).getFloat64(0, true);
    const length = message.data.length - OFFSET_BYTES;
    if (offset !== receiving.received || offset + length > receiving.bytes.length) {
      return this.#endReceiving(key, failed(`a chunk was lost at byte ${receiving.received}`));
    }
    receiving.bytes.set(message.data.subarray(OFFSET_BYTES), offset);
    receiving.received += length;
    receiving.stall.refresh();
    if (receiving.received === receiving.bytes.length) this.#endReceiving(key);
    else if (receiving.granted - receiving.received <= WINDOW_BYTES / 2) this.#grant(receiving);
  }

  #grant(receiving: Receiving): void {
    receiving.granted = Math.min(receiving.received + WINDOW_BYTES, receiving.bytes.length);
    this.#credit(receiving, receiving.granted);
  }

  #credit(receiving: Receiving, credit: number): void {
    const bytes = new Uint8Array(8);
    view(bytes).setFloat64(0, credit, true);
    this.#connection.publish(subject.credit(receiving.peer, this.#node, receiving.id), bytes);
  }

  #endSending(id: number, error?: BonfireError): void {
    const sending = this.#sending.get(id);
    if (!sending) return;
    this.#sending.delete(id);
    clearTimeout(sending.stall);
    if (error) sending.reject(error);
    else sending.resolve();
  }

  #endReceiving(key: string, error?: BonfireError): void {
    const receiving = this.#receiving.get(key);
    if (!receiving) return;
    this.#receiving.delete(key);
    clearTimeout(receiving.stall);
    if (!error) return receiving.resolve(receiving.bytes);
    if (!this.#connection.isClosed()) this.#credit(receiving, -1);
    receiving.reject(error);
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function failed(why: string): BonfireError {
  return new BonfireError("TRANSFER_FAILED", `A large value did not get across as ${why}`);
}

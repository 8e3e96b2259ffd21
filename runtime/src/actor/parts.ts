/**
 * Messages above the server's max_payload go in parts on the same subject, one right behind the other, so that they
 * keep their place among what else this node sends there. Part, little-endian: u8 PART, 3 bytes reserved, u32 number
 * of the message, u32 bytes of the message, u32 where in it the part belongs, then the bytes.
 */
import { BonfireError } from "@bonfire/wire";
import type { ActorBus, Mail } from "../bus/node-bus.ts";
import { getNumber, malformed, putNumber } from "./envelope.ts";

/** The first byte of a part; of no other message, nor of an answer. */
export const PART = 0x50;
/** All of it is sent at once, and nats-server drops whoever has 64 MB waiting. */
export const MOST_BYTES = 16 * 2 ** 20;
const HEADER_BYTES = 16;
/** What has not come as a whole after so long never will: its sender is gone. */
const STALE_MS = 30_000;

let messages = 0;

/** Publishes a message of at most `MOST_BYTES`. Throws `LINK_DOWN`; then it does not arrive, not even in parts. */
export function post(bus: ActorBus, to: string, message: Uint8Array, reply?: string): void {
  if (message.length <= bus.maxPayload) return bus.publish(to, message, reply);
  const number = ++messages >>> 0;
  const room = bus.maxPayload - HEADER_BYTES;
  for (let at = 0; at < message.length; at += room) {
    const bytes = message.subarray(at, at + room);
    const part = new Uint8Array(HEADER_BYTES + bytes.length);
    part[0] = PART;
    putNumber(part, 4, number);
    putNumber(part, 8, message.length);
    putNumber(part, 12, at);
    part.set(bytes, HEADER_BYTES);
    bus.publish(to, part, at + room < message.length ? undefined : reply);
  }
}

interface Incomplete {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly since: number;
  received: number;
}

/** Puts messages together again. */
export class Parts {
  /** By subject, which names the sender: nobody sends two at a time. */
  readonly #incomplete = new Map<string, Incomplete>();

  /** The message, if this is the last part of one, or no part. Throws `MALFORMED_VALUE`. */
  take(mail: Mail): Mail | undefined {
    if (mail.data[0] !== PART) return mail;
    const { subject, data, reply } = mail;
    if (data.length <= HEADER_BYTES) throw malformed();
    const at = getNumber(data, 12);
    if (at === 0) this.#begin(subject, data);
    const incomplete = this.#incomplete.get(subject);
    // What came before it was lost with a link, and whoever asked has been told so.
    if (incomplete?.number !== getNumber(data, 4) || incomplete.received !== at) return undefined;
    const part = data.subarray(HEADER_BYTES);
    if (at + part.length > incomplete.bytes.length) throw malformed();
    incomplete.bytes.set(part, at);
    incomplete.received += part.length;
    if (incomplete.received < incomplete.bytes.length) return undefined;
    this.#incomplete.delete(subject);
    return reply === undefined
      ? { subject, data: incomplete.bytes }
      : { subject, data: incomplete.bytes, reply };
  }

  #begin(subject: string, data: Uint8Array): void {
    const now = performance.now();
    for (const [key, { since }] of this.#incomplete) if (now - since > STALE_MS) this.#incomplete.delete(key);
    const total = getNumber(data, 8);
    if (total > MOST_BYTES) throw malformed();
    const number = getNumber(data, 4);
    this.#incomplete.set(subject, { number, bytes: new Uint8Array(total), since: now, received: 0 });
  }
}

export function tooLarge(what: string, bytes: number, limit: number): BonfireError {
  return new BonfireError(
    "MESSAGE_TOO_LARGE",
    `${what} takes ${bytes} bytes, and at most ${limit} are sent at once: send it in pieces, or where it can be read`,
  );
}

/** The receiving end of a channel: puts messages together, and gives the sender room as they are used up. */
import { BonfireError } from "../error.ts";
import { LEAST_COST, MESSAGE_BYTES, PART_BYTES, WINDOW_BYTES } from "./outflow.ts";
import { PacketKind } from "./packet.ts";

/** Room is given back in steps of this many bytes. */
const STEP_BYTES = WINDOW_BYTES / 4;

export interface InflowHost {
  /** Gives the sender room. */
  grant(bytes: number): void;
  /** A message; what it costs has to go to `consumed` later. The next comes when a promise has settled. */
  deliver(bytes: Uint8Array, cost: number): Promise<void> | undefined;
  /** What `deliver` rejected with. */
  failed(error: unknown): void;
}

export class Inflow {
  readonly #host: InflowHost;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  /** Room that the sender has left. */
  #room: number;
  #owed = 0;
  #tail: Promise<void> | undefined;

  constructor(host: InflowHost, room: number) {
    this.#host = host;
    this.#room = room;
  }

  /** Gives the first room. */
  open(): void {
    this.#room += WINDOW_BYTES;
    this.#host.grant(WINDOW_BYTES);
  }

  /** Throws `PROTOCOL` if the sender goes beyond the room that it has. */
  receive(kind: number, payload: Uint8Array): void {
    const isLast = kind === PacketKind.data;
    if (this.#room <= 0 || payload.length > PART_BYTES || this.#partBytes > MESSAGE_BYTES) {
      throw new BonfireError("PROTOCOL", "The other end of a stream sent more than it may");
    }
    const cost = isLast ? Math.max(payload.length, LEAST_COST) : payload.length;
    this.#room -= cost;
    if (!isLast) {
      // A packet's bytes are only lent.
      this.#parts.push(payload.slice());
      this.#partBytes += payload.length;
      // What is not complete cannot be used up, and would never be complete if it kept its room.
      return this.consumed(cost);
    }
    this.#deliver(this.#parts.length === 0 ? payload : this.#whole(payload), cost);
  }

  consumed(cost: number): void {
    this.#owed += cost;
    if (this.#owed < STEP_BYTES) return;
    this.#room += this.#owed;
    this.#host.grant(this.#owed);
    this.#owed = 0;
  }

  /** Resolves when what has been received is delivered. */
  settled(): Promise<void> | undefined {
    return this.#tail;
  }

  #whole(last: Uint8Array): Uint8Array {
    const whole = new Uint8Array(this.#partBytes + last.length);
    let at = 0;
    for (const part of [...this.#parts, last]) {
      whole.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#partBytes = 0;
    return whole;
  }

  #deliver(bytes: Uint8Array, cost: number): void {
    let turn: Promise<void> | undefined;
    if (this.#tail) {
      const kept = bytes.slice();
      turn = this.#tail.then(() => this.#host.deliver(kept, cost));
    } else turn = this.#host.deliver(bytes, cost);
    if (!turn) return;
    const tail: Promise<void> = turn
      .catch((error: unknown) => this.#host.failed(error))
      .finally(() => {
        if (this.#tail === tail) this.#tail = undefined;
      });
    this.#tail = tail;
  }
}

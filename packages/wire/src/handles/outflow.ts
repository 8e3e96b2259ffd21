/** The sending end of a channel: messages in order, in pieces, never more than the receiver has given room for. */
import { BonfireError } from "../error.ts";
import { PacketKind } from "./packet.ts";

/** How much a receiver takes in ahead of its reader. */
export const WINDOW_BYTES = 1024 * 1024;
/** The largest payload of a packet, so that other traffic of the connection gets in between. */
export const PART_BYTES = 64 * 1024;
/** A message counts as so many bytes at least: no more than 32 small ones run ahead of their reader. */
export const LEAST_COST = WINDOW_BYTES / 32;
/** The largest message: 256 MiB. */
export const MESSAGE_BYTES = 256 * 1024 * 1024;

interface Message {
  bytes: Uint8Array | Promise<Uint8Array>;
  /** Bytes of it that have been sent. */
  sent: number;
  resolve(): void;
  reject(error: unknown): void;
}

export class Outflow {
  readonly #send: (kind: number, payload: Uint8Array) => void;
  #messages: Message[] = [];
  #credit: number;
  #awaiting = false;
  #closed: { readonly error: unknown } | undefined;
  #ready: PromiseWithResolvers<void> | undefined;

  /** `credit`: bytes that may be sent before the receiver says anything. */
  constructor(send: (kind: number, payload: Uint8Array) => void, credit: number) {
    this.#send = send;
    this.#credit = credit;
  }

  get empty(): boolean {
    return this.#messages.length === 0;
  }

  grant(bytes: number): void {
    this.#credit += bytes;
    this.#pump();
  }

  /** Resolves when there is room for another message; undefined if there is now. Rejects with the reason of `close`. */
  ready(): Promise<void> | undefined {
    if (this.#closed) return Promise.reject(this.#closed.error);
    if (this.#credit > 0 && this.empty) return undefined;
    this.#ready ??= Promise.withResolvers<void>();
    return this.#ready.promise;
  }

  /** Resolves when all of it has been sent. Rejects as `bytes` does, or with the reason of `close`. */
  push(bytes: Uint8Array | Promise<Uint8Array>): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed.error);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#messages.push({ bytes, sent: 0, resolve, reject });
    this.#pump();
    return promise;
  }

  close(error: unknown): void {
    if (this.#closed) return;
    this.#closed = { error };
    for (const message of this.#messages) message.reject(error);
    this.#messages = [];
    this.#ready?.reject(error);
  }

  #pump(): void {
    while (!this.#awaiting && this.#messages.length > 0) {
      const message = this.#messages[0] as Message;
      if (message.bytes instanceof Promise) return this.#await(message, message.bytes);
      if (!this.#sendMessage(message, message.bytes)) return;
      this.#messages.shift();
      message.resolve();
    }
    if (this.#credit > 0 && this.empty) {
      this.#ready?.resolve();
      this.#ready = undefined;
    }
  }

  #await(message: Message, bytes: Promise<Uint8Array>): void {
    this.#awaiting = true;
    bytes
      .then(
        (known) => {
          message.bytes = known;
        },
        (error: unknown) => {
          this.#messages = this.#messages.filter((one) => one !== message);
          message.reject(error);
        },
      )
      .finally(() => {
        this.#awaiting = false;
        this.#pump();
      });
  }

  /** False if some of it has to wait for room. */
  #sendMessage(message: Message, bytes: Uint8Array): boolean {
    if (bytes.length > MESSAGE_BYTES) {
      message.reject(
        new BonfireError("VALUE_REFUSED", `Cannot send ${bytes.length} bytes at once: send smaller pieces`),
      );
      return true;
    }
    while (this.#credit > 0) {
      const left = bytes.length - message.sent;
      if (left <= PART_BYTES) {
        this.#credit -= Math.max(left, LEAST_COST);
        this.#send(PacketKind.data, bytes.subarray(message.sent));
        return true;
      }
      this.#credit -= PART_BYTES;
      const part = bytes.subarray(message.sent, message.sent + PART_BYTES);
      message.sent += PART_BYTES;
      this.#send(PacketKind.part, part);
    }
    return false;
  }
}

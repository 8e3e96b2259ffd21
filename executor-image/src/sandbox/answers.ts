/** The answers to the guest's requests, gathered until they can enter together: JSON, and bytes in the inbox or in buffers of their own. */
import type { Outcome } from "../grants/ability.ts";
import { describeError } from "../grants/described.ts";
import type { Answer, Bytes } from "../guest/layout.ts";

/** Bytes from here on get a shared buffer of their own, so that one of them cannot fill the inbox. */
const OWN_BUFFER_FROM = 1 << 17;

interface Waiting {
  readonly id: number;
  readonly call: number;
  readonly ok: boolean;
  readonly value: unknown;
  readonly bytes: Uint8Array | undefined;
}

export class Answers {
  readonly #inbox: Uint8Array;
  readonly #opened = new Map<number, SharedArrayBuffer>();
  #waiting: Waiting[] = [];
  #lastNumber = 0;

  constructor(inbox: Uint8Array) {
    this.#inbox = inbox;
  }

  /** Adds an answer; true when it is the first that waits. */
  succeed(id: number, call: number, { value = null, bytes }: Outcome): boolean {
    return this.#waiting.push({ id, call, ok: true, value, bytes }) === 1;
  }

  fail(id: number, call: number, error: unknown): boolean {
    return this.#waiting.push({ id, call, ok: false, value: describeError(error), bytes: undefined }) === 1;
  }

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  /** The calls whose requests wait for delivery. */
  calls(): number[] {
    return this.#waiting.map(({ call }) => call);
  }

  /** As many answers as fit, for `deliver`, of the calls that `accept` names; their bytes are in place when this returns. */
  next(accept: (call: number) => boolean): string {
    const batch: Answer[] = [];
    const rest: Waiting[] = [];
    let offset = 0;
    for (const answer of this.#waiting) {
      const size =
        answer.bytes === undefined || answer.bytes.length >= OWN_BUFFER_FROM ? 0 : answer.bytes.length;
      if (!accept(answer.call) || offset + size > this.#inbox.length) {
        rest.push(answer);
        continue;
      }
      batch.push([answer.id, answer.ok, answer.value, this.#put(answer.bytes, offset)]);
      offset += size;
    }
    this.#waiting = rest;
    return JSON.stringify(batch);
  }

  /** The result of a synchronous request, as JSON. Its bytes never go to the inbox: a batch may still be read from it. */
  immediate(perform: () => Outcome): string {
    try {
      const { value = null, bytes } = perform();
      return JSON.stringify([true, value, bytes === undefined ? null : this.#own(bytes)]);
    } catch (error) {
      return JSON.stringify([false, describeError(error), null]);
    }
  }

  /** The shared buffer with this number, once. */
  open(number: number): SharedArrayBuffer {
    const buffer = this.#opened.get(number);
    if (buffer === undefined) throw new RangeError("Cannot open bytes that were not sent");
    this.#opened.delete(number);
    return buffer;
  }

  #put(bytes: Uint8Array | undefined, offset: number): Bytes {
    if (bytes === undefined) return null;
    if (bytes.length >= OWN_BUFFER_FROM) return this.#own(bytes);
    this.#inbox.set(bytes, offset);
    return [offset, bytes.length];
  }

  #own(bytes: Uint8Array): number {
    const buffer = new SharedArrayBuffer(bytes.length);
    new Uint8Array(buffer).set(bytes);
    this.#opened.set(++this.#lastNumber, buffer);
    return this.#lastNumber;
  }
}

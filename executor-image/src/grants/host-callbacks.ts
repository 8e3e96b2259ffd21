/** Functions of the guest that were given to a host module: each call of one waits until the guest fetches it. */
import { BonfireError } from "@bonfire/wire";
import type { Outcome } from "./ability.ts";

/** Calls that may wait for the guest at a time. */
const MOST_WAITING = 10_000;

type Callback = (...args: unknown[]) => Promise<unknown>;

export class HostCallbacks {
  readonly #pack: (value: unknown) => Outcome;
  readonly #unpack: (packed: unknown, block: Uint8Array) => unknown;
  readonly #functions = new Map<number, Callback>();
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #waiting: Outcome[] = [];
  #listener: ((outcome: Outcome) => void) | undefined;
  #last = 0;
  #ended = false;

  constructor(pack: (value: unknown) => Outcome, unpack: (packed: unknown, block: Uint8Array) => unknown) {
    this.#pack = pack;
    this.#unpack = unpack;
  }

  /** What the host module gets for the guest's function: always the same one, so that it can be removed again. */
  of(number: number): Callback {
    let callback = this.#functions.get(number);
    if (callback === undefined) {
      callback = (...args) => this.#call(number, args);
      this.#functions.set(number, callback);
    }
    return callback;
  }

  /** The next call for the guest: `[call, function, args]`; nothing when there will be none. */
  next(): Promise<Outcome> {
    const next = this.#waiting.shift();
    if (next !== undefined || this.#ended) return Promise.resolve(next ?? {});
    return new Promise((resolve) => {
      this.#listener = resolve;
    });
  }

  /** What the guest's function returned or threw. */
  answer(call: number, ok: boolean, packed: unknown, block: Uint8Array): void {
    const waiting = this.#answers.get(call);
    if (waiting === undefined) return;
    this.#answers.delete(call);
    try {
      const value = this.#unpack(packed, block);
      if (ok) waiting.resolve(value);
      else waiting.reject(value);
    } catch (error) {
      // A value that cannot be read is the end of that call, not of the module's wait for it.
      waiting.reject(error);
    }
  }

  end(): void {
    this.#ended = true;
    this.#listener?.({});
    for (const { reject } of this.#answers.values()) reject(ended());
    this.#answers.clear();
    this.#waiting.length = 0;
  }

  #call(number: number, args: unknown[]): Promise<unknown> {
    if (this.#ended) return handled(Promise.reject(ended()));
    if (this.#answers.size >= MOST_WAITING) {
      const many = `Cannot call a function of a sandbox as ${MOST_WAITING} such calls wait: return sooner from it`;
      return handled(Promise.reject(new BonfireError("HOST_OBJECT_LIMIT", many)));
    }
    const call = ++this.#last;
    const answer = Promise.withResolvers<unknown>();
    this.#answers.set(call, answer);
    const { value, ...bytes } = this.#pack(args);
    const outcome = { value: [call, number, value], ...bytes };
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener === undefined) this.#waiting.push(outcome);
    else listener(outcome);
    return handled(answer.promise);
  }
}

function ended(): BonfireError {
  return new BonfireError("CALL_ENDED", "Cannot call a function of a sandbox as its call has ended");
}

/** A module may ignore what a function returns; its errors are told by the guest. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

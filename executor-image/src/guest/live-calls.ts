/** The live handles of a realm's calls: a session for each call that has any. The same in every realm. */
import {
  BonfireError,
  type DecodeOptions,
  decode,
  type EncodeOptions,
  Exports,
  encodeWithBlobs,
  type HandleHooks,
  HandleKind,
  type HandleReference,
  handleEnded,
  handleKind,
  Refusal,
  Session,
} from "@bonfire/wire";
import { type BundleTable, MissingBundle } from "./bundles.ts";

export interface LiveHost {
  send(call: number, packet: Uint8Array): void;
  /** What was still open when the call was answered has ended. */
  over(call: number): void;
  console(call: number): Console;
  /** Makes the bundle with this hash ready. */
  load(hash: string): Promise<void>;
}

export class LiveCalls {
  readonly #bundles: BundleTable;
  readonly #host: LiveHost;
  readonly #sessions = new Map<number, Session>();
  /** Why sessions were closed. */
  readonly #reasons = new WeakSet<object>();

  constructor(bundles: BundleTable, host: LiveHost) {
    this.#bundles = bundles;
    this.#host = host;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** For `DecodeOptions.handle`. */
  importer(call: number): NonNullable<DecodeOptions["handle"]> {
    return (kind, id, detail) => this.#of(call).hooks.import(kind, id, detail);
  }

  /** For `EncodeOptions.handle` of the call's result. Throws a `Refusal`. */
  export(call: number, value: object): HandleReference | undefined {
    // Most values are not alive, and make no session.
    const kind = this.#kind(value);
    if (kind === undefined) return this.#sessions.get(call)?.returned(value);
    if (kind === HandleKind.signal && !(value as AbortSignal).aborted) {
      throw new Refusal("is an AbortSignal, which ends with its call: return what it stands for");
    }
    return this.#of(call).hooks.export(value);
  }

  /** A packet for a call that has not ended. */
  receive(call: number, packet: Uint8Array): void {
    this.#of(call).receive(packet);
  }

  /** The call's value is about to leave. True if something in it is open, so that the call goes on until `over`. */
  answered(call: number): boolean {
    const session = this.#sessions.get(call);
    if (session === undefined) return false;
    if (session.answered()) return true;
    this.close(call, handleEnded());
    return false;
  }

  close(call: number, error: unknown): void {
    const session = this.#sessions.get(call);
    if (session === undefined) return;
    this.#sessions.delete(call);
    session.close(error);
  }

  /** Whether `error` is what everybody got who still waited when a call ended. */
  isEnding(error: unknown): boolean {
    return typeof error === "object" && error !== null && this.#reasons.has(error);
  }

  closeAll(error: unknown): void {
    for (const call of [...this.#sessions.keys()]) this.close(call, error);
  }

  #of(call: number): Session {
    let session = this.#sessions.get(call);
    if (session !== undefined) return session;
    session = new Session(new Exports(2, (value) => this.#kind(value)), 2, {
      send: (packet) => this.#host.send(call, packet),
      encode: (value, hooks) => encodeWithBlobs(value, this.#encoding(hooks)),
      decode: (bytes, hooks) => this.#decode(call, bytes, hooks),
      idle: () => {
        this.#sessions.delete(call);
        this.#host.over(call);
      },
      ending: (error) => {
        if (typeof error === "object" && error !== null) this.#reasons.add(error);
      },
      // Its closure gets the error wherever it waits, and the driver has been told.
      broken: () => undefined,
    });
    this.#sessions.set(call, session);
    return session;
  }

  #encoding(hooks: HandleHooks): EncodeOptions {
    return { reference: (value) => this.#bundles.reference(value), handle: hooks.export };
  }

  /** A promise if a bundle has to be made ready first. */
  #decode(call: number, bytes: Uint8Array, hooks: HandleHooks): unknown {
    try {
      return decode(bytes, this.#bundles.decoding(this.#host.console(call), hooks.import));
    } catch (error) {
      if (!(error instanceof MissingBundle)) throw error;
      const kept = bytes.slice();
      return this.#host.load(error.hash).then(() => this.#decode(call, kept, hooks));
    }
  }

  #kind(value: object): number | undefined {
    return handleKind(value, (iterable) => {
      const { constructor: owner, pipe } = iterable as { constructor?: object; pipe?: unknown };
      return typeof pipe !== "function" && !(owner && this.#bundles.reference(owner));
    });
  }
}

/** What `pool.stream` iterates: the result of its closure as an async generator. */
export function iterated(result: unknown): unknown {
  const given = result as
    | (PromiseLike<unknown> & AsyncIterable<unknown> & Iterable<unknown>)
    | null
    | undefined;
  if (typeof given?.then === "function") return given.then(iterated);
  if (typeof given?.[Symbol.asyncIterator] !== "function" && typeof given?.[Symbol.iterator] !== "function") {
    throw new BonfireError(
      "NOT_ITERABLE",
      `Cannot iterate what the closure of pool.stream gave as it is ${given === null ? "null" : `of type ${typeof given}`}: pass an async function*, or return an iterable`,
    );
  }
  return (async function* () {
    return yield* given;
  })();
}

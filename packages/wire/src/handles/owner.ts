/** This end's side of what the other end uses. */

import type { Exported } from "./exports.ts";
import { Inflow } from "./inflow.ts";
import { ACTOR, HandleKind, type SendToActor } from "./kind.ts";
import { Outflow, WINDOW_BYTES } from "./outflow.ts";

/** What a message of a stream says of itself. */
export const Mark = { chunk: 0, end: 1, failure: 2 } as const;

/** What owners and stand-ins ask of the session that they belong to. */
export interface Exchange {
  send(kind: number, channel: number, payload: Uint8Array): void;
  grant(channel: number, bytes: number): void;
  /** `depth`: how many keys of a path in `message` lead to what `root` names. Throws `VALUE_REFUSED`. */
  encode(message: readonly unknown[], root: string, depth?: number): Uint8Array | Promise<Uint8Array>;
  /** As `encode`, for an error, which must get there. */
  encodeFailure(message: readonly unknown[]): Uint8Array | Promise<Uint8Array>;
  decode(bytes: Uint8Array): unknown;
  /** Asks the owner of `id`. */
  call(id: number, args: readonly unknown[]): Promise<unknown>;
  /** Tells the stand-in of `id`. */
  notify(id: number, value: unknown): void;
  /** What came from the other end as an error, as it should be thrown here. */
  received(error: unknown): unknown;
  /** The other end has broken the rules, or sent what cannot be read. */
  broken(error: unknown): void;
  /** `id` is not needed any more. */
  dropped(id: number): void;
  touched(): void;
}

export interface Owner {
  /** What it is, to be forgotten with it. */
  readonly value: object;
  /** Whether it is a stream that has not ended. */
  readonly isOpen: boolean;
  /** What the stand-in asks for. */
  call(args: readonly unknown[]): unknown;
  grant(bytes: number): void;
  receive(kind: number, payload: Uint8Array): void;
  close(error: unknown): void;
}

export function makeOwner({ kind, id, value }: Exported, exchange: Exchange): Owner {
  switch (kind) {
    case HandleKind.signal:
      return new SignalOwner(id, value as AbortSignal, exchange);
    case HandleKind.readable:
      return new Source(id, value, streamReader(value as ReadableStream), exchange);
    case HandleKind.iterable:
      return new Source(id, value, iterableReader(value as AsyncIterable<unknown>), exchange);
    case HandleKind.writable:
      return new Sink(id, value as WritableStream, exchange);
    case HandleKind.actor:
      return new ActorOwner(value as { [ACTOR]: SendToActor });
    default:
      return new FunctionOwner(value as (...args: unknown[]) => unknown);
  }
}

/** For owners that only some of the messages concern. */
abstract class QuietOwner implements Owner {
  abstract readonly value: object;
  get isOpen(): boolean {
    return false;
  }
  call(_args: readonly unknown[]): unknown {
    return undefined;
  }
  grant(_bytes: number): void {}
  receive(_kind: number, _payload: Uint8Array): void {}
  close(_error: unknown): void {}
}

class ActorOwner extends QuietOwner {
  readonly value: { [ACTOR]: SendToActor };

  constructor(value: { [ACTOR]: SendToActor }) {
    super();
    this.value = value;
  }

  override async call([method, tells, ...args]: readonly unknown[]): Promise<unknown> {
    const answer = await this.value[ACTOR](String(method), tells === true, args);
    const isStream =
      typeof (answer as AsyncIterable<unknown> | undefined)?.[Symbol.asyncIterator] === "function";
    return isStream ? itemsOf(answer as AsyncIterable<unknown>) : answer;
  }
}

/** The stream of an actor in a form that travels. */
async function* itemsOf(stream: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  yield* stream;
}

class FunctionOwner extends QuietOwner {
  readonly value: (...args: unknown[]) => unknown;

  constructor(fn: (...args: unknown[]) => unknown) {
    super();
    this.value = fn;
  }

  override call(args: readonly unknown[]): unknown {
    return this.value(...args);
  }
}

class SignalOwner extends QuietOwner {
  readonly value: AbortSignal;
  readonly #onAbort: () => void;

  constructor(id: number, signal: AbortSignal, exchange: Exchange) {
    super();
    this.value = signal;
    this.#onAbort = () => exchange.notify(id, signal.reason);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  override close(): void {
    this.value.removeEventListener("abort", this.#onAbort);
  }
}

interface Reader {
  next(): PromiseLike<{ done?: boolean | undefined; value?: unknown }>;
  stop(reason: unknown): Promise<unknown>;
}

function streamReader(stream: ReadableStream): Reader {
  const reader = stream.getReader();
  return { next: () => reader.read(), stop: (reason) => reader.cancel(reason) };
}

function iterableReader(iterable: AsyncIterable<unknown>): Reader {
  const iterator = iterable[Symbol.asyncIterator]();
  return { next: () => iterator.next(), stop: async () => iterator.return?.() };
}

/** The owner of a stream or iterable that the other end reads: takes from it what the reader has room for. */
class Source extends QuietOwner {
  readonly value: object;
  readonly #id: number;
  readonly #reader: Reader;
  readonly #exchange: Exchange;
  readonly #out: Outflow;
  #state: "waiting" | "running" | "ended" = "waiting";

  constructor(id: number, value: object, reader: Reader, exchange: Exchange) {
    super();
    this.value = value;
    this.#id = id;
    this.#reader = reader;
    this.#exchange = exchange;
    this.#out = new Outflow((kind, payload) => exchange.send(kind, id, payload), 0);
  }

  override get isOpen(): boolean {
    return this.#state !== "ended";
  }

  override grant(bytes: number): void {
    this.#out.grant(bytes);
    if (this.#state !== "waiting") return;
    this.#state = "running";
    void this.#run();
  }

  /** Its reader wants no more. Settles when the source has cleaned up. */
  override async call([reason]: readonly unknown[]): Promise<void> {
    if (!this.isOpen) return;
    this.#end(reason);
    await this.#reader.stop(reason);
  }

  override close(error: unknown): void {
    if (!this.isOpen) return;
    this.#end(error);
    // What it says to being stopped would reach nobody.
    this.#reader.stop(error).catch(() => undefined);
  }

  #end(reason: unknown): void {
    this.#state = "ended";
    this.#out.close(reason);
    this.#exchange.dropped(this.#id);
  }

  async #run(): Promise<void> {
    try {
      while (await this.#step());
    } catch (error) {
      if (!this.isOpen) return; // it was stopped meanwhile
      await this.#out.push(this.#exchange.encodeFailure([Mark.failure, error])).catch(() => undefined);
    }
    if (this.isOpen) this.#end(undefined);
  }

  /** Sends one chunk; false after the last. */
  async #step(): Promise<boolean> {
    const room = this.#out.ready();
    if (room) await room;
    const { done, value } = await this.#reader.next();
    if (!this.isOpen) return false;
    try {
      await this.#out.push(this.#exchange.encode([done ? Mark.end : Mark.chunk, value], "chunk", 1));
    } catch (error) {
      // It has not ended by itself, so it has to be told.
      if (this.isOpen && !done) this.#reader.stop(error).catch(() => undefined);
      throw error;
    }
    return !done;
  }
}

/** The owner of a stream that the other end writes. */
class Sink extends QuietOwner {
  readonly value: WritableStream;
  readonly #id: number;
  readonly #writer: WritableStreamDefaultWriter;
  readonly #exchange: Exchange;
  readonly #in: Inflow;
  #isOpen = true;
  /** Settles with the latest write. */
  #written: Promise<void> = Promise.resolve();

  constructor(id: number, stream: WritableStream, exchange: Exchange) {
    super();
    this.value = stream;
    this.#id = id;
    this.#exchange = exchange;
    this.#writer = stream.getWriter();
    this.#in = new Inflow(
      {
        grant: (bytes) => exchange.grant(id, bytes),
        deliver: (bytes, cost) => this.#deliver(bytes, cost),
        failed: (error) => exchange.broken(error),
      },
      WINDOW_BYTES,
    );
    this.#writer.closed.catch((error: unknown) => {
      if (!this.#isOpen) return;
      exchange.notify(id, error);
      this.#end();
    });
  }

  override get isOpen(): boolean {
    return this.#isOpen;
  }

  override receive(kind: number, payload: Uint8Array): void {
    if (this.#isOpen) this.#in.receive(kind, payload);
  }

  override async call([what, reason]: readonly unknown[]): Promise<void> {
    await this.#in.settled();
    if (!this.#isOpen) return;
    const ended = what === "close" ? this.#writer.close() : this.#writer.abort(reason);
    this.#isOpen = false;
    await ended.finally(() => this.#end());
  }

  override close(error: unknown): void {
    if (!this.#isOpen) return;
    this.#end();
    // Aborting drops what has not been written yet. Whoever reads the stream hears of the error there.
    this.#written.finally(() => this.#writer.abort(error)).catch(() => undefined);
  }

  #deliver(bytes: Uint8Array, cost: number): Promise<void> | undefined {
    const chunk = this.#exchange.decode(bytes);
    if (chunk instanceof Promise) return chunk.then((known) => this.#write(known, cost));
    this.#write(chunk, cost);
    return undefined;
  }

  #write(message: unknown, cost: number): void {
    if (!this.#isOpen) return;
    this.#written = this.#writer.write((message as [mark: number, chunk: unknown])[1]);
    this.#written.then(
      () => this.#in.consumed(cost),
      () => undefined, // the writer's `closed` says it
    );
  }

  #end(): void {
    this.#isOpen = false;
    this.#exchange.dropped(this.#id);
  }
}

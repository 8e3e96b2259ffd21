/** What stands here for something of the other end: a function, a ref, a signal, a stream, an iterator. */
import { hasCode } from "../error.ts";
import { Inflow } from "./inflow.ts";
import { asyncIteratorPrototype, HandleKind, type SendToActor } from "./kind.ts";
import { Outflow, WINDOW_BYTES } from "./outflow.ts";
import { type Exchange, Mark } from "./owner.ts";

export interface StandIn {
  readonly value: unknown;
  /** Whether somebody waits for it now. */
  readonly isAwaited: boolean;
  /** What its owner tells. */
  notify(value: unknown): void;
  grant(bytes: number): void;
  receive(kind: number, payload: Uint8Array): void;
  close(error: unknown, regular: boolean): void;
}

/** Undefined if there is no such kind. */
export function makeStandIn(
  kind: number,
  id: number,
  detail: unknown,
  exchange: Exchange,
): StandIn | undefined {
  switch (kind) {
    case HandleKind.remote:
      return new FunctionStandIn(id, exchange);
    case HandleKind.actor:
      return new ActorStandIn(id, String(detail), exchange);
    case HandleKind.signal:
      return new SignalStandIn(detail as [reason: unknown] | undefined);
    case HandleKind.readable:
      return new Inbound(id, exchange, readableOf);
    case HandleKind.iterable:
      return new Inbound(id, exchange, (inbound) => new RemoteIterator(inbound));
    case HandleKind.writable:
      return new Outbound(id, exchange);
    default:
      return undefined;
  }
}

abstract class QuietStandIn implements StandIn {
  abstract readonly value: unknown;
  get isAwaited(): boolean {
    return false;
  }
  notify(_value: unknown): void {}
  grant(_bytes: number): void {}
  receive(_kind: number, _payload: Uint8Array): void {}
  close(_error: unknown, _regular: boolean): void {}
}

class FunctionStandIn extends QuietStandIn {
  override readonly value: (...args: unknown[]) => Promise<unknown>;

  constructor(id: number, exchange: Exchange) {
    super();
    this.value = (...args) => exchange.call(id, args);
  }
}

/** A ref of the other end: it asks and tells as that one does, through it. */
class ActorStandIn extends QuietStandIn {
  override readonly value: RemoteRef;

  constructor(id: number, name: string, exchange: Exchange) {
    super();
    this.value = new RemoteRef(name, { id, exchange });
  }
}

/** Its other properties are the actor's methods; see `METHODS`. */
class RemoteRef {
  readonly #name: string;
  readonly #origin: Origin;
  readonly #send: SendToActor;
  readonly tell: object;

  constructor(name: string, origin: Origin) {
    const { id, exchange } = origin;
    const send: SendToActor = (method, tells, args) => exchange.call(id, [method, tells, ...args]);
    this.#name = name;
    this.#origin = origin;
    this.#send = send;
    this.tell = methods((method, args) => {
      Promise.resolve(send(method, true, args)).catch((error: Error) => {
        // Nobody waits for a tell. One that fails at the ref is a dead letter there, one after the call goes nowhere.
        if (!hasCode(error, "HANDLE_ENDED"))
          console.error(`${name} was not told "${method}": ${error.message}`);
      });
    });
  }

  static ask(ref: RemoteRef, method: string, args: readonly unknown[]): unknown {
    const asked = ref.#send(method, false, args) as Promise<unknown>;
    // A method that gives a stream can be iterated without waiting for that, as with the ref itself.
    return Object.assign(asked, { [Symbol.asyncIterator]: iterate });
  }

  static origin(value: object): Origin | undefined {
    return #origin in value ? value.#origin : undefined;
  }

  toString(): string {
    return this.#name;
  }
}

/** Whose ref a stand-in stands for, and under which number. */
interface Origin {
  readonly id: number;
  readonly exchange: Exchange;
}

/** The number of the ref that `value` stands for, if that is one of the other end of `exchange`. */
export function standsFor(value: object, exchange: Exchange): number | undefined {
  const origin = RemoteRef.origin(value);
  return origin?.exchange === exchange ? origin.id : undefined;
}

async function* iterate(this: Promise<unknown>): AsyncGenerator<unknown> {
  yield* (await this) as AsyncIterable<unknown>;
}

function methods(send: (method: string, args: readonly unknown[]) => unknown): object {
  // Not a promise: awaiting it must send nothing.
  const get = (_: object, method: string | symbol) =>
    typeof method === "string" && method !== "then" ? (...args: unknown[]) => send(method, args) : undefined;
  return new Proxy({}, { get });
}

/** What no ref has itself is a method of its actor. */
const METHODS = new Proxy(Object.prototype, {
  get(target, method, ref: unknown) {
    if (typeof method !== "string" || method === "then" || method in target)
      return Reflect.get(target, method, ref);
    return (...args: unknown[]) => RemoteRef.ask(ref as RemoteRef, method, args);
  },
});
Object.setPrototypeOf(RemoteRef.prototype, METHODS);

class SignalStandIn extends QuietStandIn {
  readonly #controller = new AbortController();
  override readonly value = this.#controller.signal;

  constructor(aborted: [reason: unknown] | undefined) {
    super();
    if (aborted) this.#controller.abort(aborted[0]);
  }

  override notify(reason: unknown): void {
    this.#controller.abort(reason);
  }

  override close(error: unknown, regular: boolean): void {
    // Nothing is to be stopped after a call that ended well.
    if (!regular) this.#controller.abort(error);
  }
}

/** Ends what nobody here can reach any more, so that its owner need not keep it. */
const unreachable = new FinalizationRegistry<() => Promise<void>>((end) => {
  // A call that has ended meanwhile has let go of it already.
  end().catch(() => undefined);
});

interface Chunk {
  readonly value: unknown;
  readonly cost: number;
}

/** The reading end of a stream or iterable. What stands for it is held by its user alone. */
class Inbound extends QuietStandIn {
  readonly #make: (inbound: Inbound) => object;
  #made: WeakRef<object>;
  readonly #id: number;
  readonly #exchange: Exchange;
  readonly #in: Inflow;
  readonly #chunks: Chunk[] = [];
  readonly #waiting: PromiseWithResolvers<IteratorResult<unknown>>[] = [];
  #opened = false;
  /** Told when it is cut off, whether anybody reads or not. */
  onClose: ((error: unknown) => void) | undefined;
  /** How it ends when the chunks have been read. */
  #end: { readonly failed: boolean; readonly value: unknown } | undefined;

  constructor(id: number, exchange: Exchange, make: (inbound: Inbound) => object) {
    super();
    this.#id = id;
    this.#exchange = exchange;
    this.#make = make;
    this.#made = this.#stand();
    this.#in = new Inflow(
      {
        grant: (bytes) => exchange.grant(id, bytes),
        deliver: (bytes, cost) => this.#deliver(bytes, cost),
        failed: (error) => exchange.broken(error),
      },
      0,
    );
  }

  /** A message may be read twice, and the first time for nobody. */
  override get value(): object {
    const made = this.#made.deref();
    if (made) return made;
    this.#made = this.#stand();
    return this.#made.deref() as object;
  }

  #stand(): WeakRef<object> {
    const made = this.#make(this);
    const ref = new WeakRef(made);
    unreachable.register(made, async () => {
      if (this.#made === ref) await this.stop(undefined);
    });
    return ref;
  }

  override get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  next(): Promise<IteratorResult<unknown>> {
    this.#exchange.touched();
    const chunk = this.#chunks.shift();
    if (chunk) {
      if (!this.#end) this.#in.consumed(chunk.cost);
      return Promise.resolve({ done: false, value: chunk.value });
    }
    if (this.#end) return this.#ending(this.#end);
    const waiting = Promise.withResolvers<IteratorResult<unknown>>();
    this.#waiting.push(waiting);
    if (!this.#opened) {
      this.#opened = true;
      this.#in.open();
    }
    return waiting.promise;
  }

  /** Wants no more. Settles when the source has cleaned up. */
  async stop(reason: unknown): Promise<void> {
    this.#chunks.length = 0;
    if (this.#end) return;
    this.#finish({ failed: false, value: undefined });
    await this.#exchange.call(this.#id, [reason]);
  }

  override receive(kind: number, payload: Uint8Array): void {
    if (!this.#end) this.#in.receive(kind, payload);
  }

  override close(error: unknown): void {
    if (this.#end) return;
    this.#finish({ failed: true, value: error });
    this.onClose?.(error);
  }

  #deliver(bytes: Uint8Array, cost: number): Promise<void> | undefined {
    const message = this.#exchange.decode(bytes);
    if (message instanceof Promise) return message.then((known) => this.#take(known, cost));
    this.#take(message, cost);
    return undefined;
  }

  #take(message: unknown, cost: number): void {
    if (this.#end) return;
    const [mark, value] = message as [mark: number, value: unknown];
    if (mark === Mark.end) return this.#finish({ failed: false, value });
    if (mark === Mark.failure) return this.#finish({ failed: true, value: this.#exchange.received(value) });
    const waiting = this.#waiting.shift();
    if (!waiting) {
      this.#chunks.push({ value, cost });
      return;
    }
    this.#in.consumed(cost);
    waiting.resolve({ done: false, value });
  }

  #finish(end: { readonly failed: boolean; readonly value: unknown }): void {
    this.#end = end;
    this.#exchange.dropped(this.#id);
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(this.#ending(this.#end));
  }

  /** A generator tells its return value or error once. */
  #ending({ failed, value }: { readonly failed: boolean; readonly value: unknown }) {
    this.#end = { failed: false, value: undefined };
    return failed ? Promise.reject(value) : Promise.resolve({ done: true, value } as const);
  }
}

/** Chunks come as they are asked for: the window is on the way, not in the stream's own queue. */
function readableOf(inbound: Inbound): ReadableStream {
  return new ReadableStream(
    {
      start: (controller) => {
        const weak = new WeakRef(controller);
        inbound.onClose = (error) => weak.deref()?.error(error);
      },
      async pull(controller) {
        const { done, value } = await inbound.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => inbound.stop(reason),
    },
    { highWaterMark: 0 },
  );
}

/** Behaves as the generator would, but that `return` does not wait for a `next` under way. */
class RemoteIterator {
  readonly #inbound: Inbound;

  constructor(inbound: Inbound) {
    this.#inbound = inbound;
  }

  static {
    Object.setPrototypeOf(RemoteIterator.prototype, asyncIteratorPrototype);
  }

  get [Symbol.toStringTag](): string {
    return "AsyncGenerator";
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#inbound.next();
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    await this.#inbound.stop(undefined);
    return { done: true, value };
  }

  async throw(error: unknown): Promise<IteratorResult<unknown>> {
    await this.#inbound.stop(error);
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inbound.stop(undefined);
  }
}

/** The writing end of a stream. */
class Outbound extends QuietStandIn {
  readonly #out: Outflow;
  readonly #exchange: Exchange;
  readonly #id: number;
  readonly #made: WeakRef<WritableStream>;
  #controller!: WeakRef<WritableStreamDefaultController>;
  #pending = 0;

  constructor(id: number, exchange: Exchange) {
    super();
    this.#id = id;
    this.#exchange = exchange;
    this.#out = new Outflow((kind, payload) => exchange.send(kind, id, payload), WINDOW_BYTES);
    const made = new WritableStream({
      start: (controller) => {
        this.#controller = new WeakRef(controller);
      },
      write: (chunk) => this.#awaiting(() => this.#write(chunk)),
      close: () => this.#awaiting(() => this.#last(["close"])),
      abort: (reason) => this.#last(["abort", reason]),
    });
    this.#made = new WeakRef(made);
    unreachable.register(made, () => this.#last(["abort", undefined]));
  }

  override get value(): WritableStream | undefined {
    return this.#made.deref();
  }

  override get isAwaited(): boolean {
    return this.#pending > 0;
  }

  override grant(bytes: number): void {
    this.#out.grant(bytes);
  }

  override notify(error: unknown): void {
    this.close(this.#exchange.received(error));
    this.#exchange.dropped(this.#id);
  }

  override close(error: unknown): void {
    this.#controller.deref()?.error(error);
    this.#out.close(error);
  }

  async #write(chunk: unknown): Promise<void> {
    this.#exchange.touched();
    try {
      await this.#out.push(this.#exchange.encode([Mark.chunk, chunk], "chunk", 1));
    } catch (error) {
      // This stream is broken now, and does not say so to the owner by itself.
      this.#last(["abort", error]).catch(() => undefined);
      throw error;
    }
  }

  async #last(args: readonly unknown[]): Promise<void> {
    try {
      await this.#exchange.call(this.#id, args);
    } finally {
      this.#exchange.dropped(this.#id);
    }
  }

  async #awaiting(work: () => Promise<void>): Promise<void> {
    this.#pending++;
    try {
      await work();
    } finally {
      this.#pending--;
    }
  }
}

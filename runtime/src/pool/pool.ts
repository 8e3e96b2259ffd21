import { EventEmitter } from "node:events";
import { BonfireError, CallFlag, Exports, HandleKind, handleKind } from "@bonfire/wire";
import type { ActorClass, Declared, SpawnOptions } from "../actor/actor-class.ts";
import type { Address } from "../actor/address.ts";
import { type Ref, writeRef } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import type { Bundle } from "../closure/bundle.ts";
import { type Closure, capture, type EncodedArguments, encodeArguments } from "../closure/capture.ts";
import { captureClass } from "../closure/class-closure.ts";
import { milliseconds } from "../duration.ts";
import { type Claim, claimOf } from "../naming/claim.ts";
import type { Naming } from "../naming/naming.ts";
import { checkSignal, refuseUnknown } from "../option.ts";
import type { Policy } from "../supervisor/decide.ts";
import { Call, type CallParts } from "./call.ts";
import { CallHandles } from "./call-handles.ts";
import { CALL_OPTIONS, type CallOptions, type MapOptions } from "./call-options.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LogLine, PoolEvents } from "./events.ts";
import { ungranted } from "./grants.ts";
import { mapItems } from "./map.ts";
import type { ResolvedPoolOptions } from "./options.ts";
import { type PoolSpawnOptions, splitSpawnOptions } from "./spawn-options.ts";
import { streamFrom } from "./stream.ts";

/** Shipped code returns a value or a promise of one. */
type Shipped<R> = () => R;
type ShippedWith<C, R> = (captures: C) => R;
/** What `stream` iterates: of an `async function*`, a generator, or whatever else can be. */
type Streamed<T> = AsyncIterable<T> | Iterable<T>;
type Eventually<T> = T | Promise<T>;

let nextCall = 0;

/** What a pool needs of whoever opened it. */
export interface PoolParts {
  readonly name: string;
  readonly options: ResolvedPoolOptions;
  readonly system: ActorSystem;
  readonly dispatcher: Dispatcher;
  readonly close: () => Promise<void>;
}

/** A named group of executors under one policy. Made by `fire.pool(name, options)`. */
export class Pool extends EventEmitter<PoolEvents> implements AsyncDisposable {
  readonly name: string;
  readonly #parts: PoolParts;
  #policy: Policy;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(parts: PoolParts) {
    super();
    this.name = parts.name;
    this.#parts = parts;
    this.#policy = parts.options.policy;
  }

  /**
   * Runs `fn` once on an executor and resolves with its value; what it captures and imports travels with it.
   *
   * Throws at once: `CAPTURE_REFUSED` (a captured value cannot travel), `VALUE_REFUSED`, `UNKNOWN_OPTION`,
   * `INVALID_OPTION`, `POOL_CLOSED`. Rejects with what `fn` threw, `CALL_TIMEOUT`, `GRANT_MISSING`, `MEMORY_LIMIT`, `CELL_RESET`, `EXECUTOR_LOST`,
   * `LINK_DOWN`, or the signal's reason.
   */
  call<R>(fn: Shipped<R>, options?: CallOptions): Promise<Awaited<R>>;
  /** The same with its captures named: works in any JavaScript, without the loader. */
  call<C extends object, R>(captures: C, fn: ShippedWith<C, R>, options?: CallOptions): Promise<Awaited<R>>;
  call(...given: [unknown, unknown?, unknown?]): Promise<unknown> {
    return this.#start(this.#prepare(this.#split(given)));
  }

  /** Runs `fn` and does not wait. A failure is emitted as `error`. Throws what `call` throws at once. */
  cast<R>(fn: Shipped<R>, options?: CallOptions): void;
  cast<C extends object, R>(captures: C, fn: ShippedWith<C, R>, options?: CallOptions): void;
  cast(...given: [unknown, unknown?, unknown?]): void {
    this.#start(this.#prepare(this.#split(given))).catch((error: unknown) => {
      if (this.listenerCount("error") > 0) this.emit("error", error);
      else process.emitWarning(error instanceof Error ? error : String(error));
    });
  }

  /**
   * Runs `fn` for each item, several at a time, and yields the results. Items are taken as results are read, so
   * that neither side runs ahead of the other. Leaving the loop early ends what is under way.
   */
  map<T, R>(
    items: Iterable<T> | AsyncIterable<T>,
    fn: (item: T, index: number) => R,
    options: MapOptions = {},
  ): AsyncGenerator<Awaited<R>, void, void> {
    if (typeof fn !== "function" || !isIterable(items)) {
      throw new BonfireError(
        "INVALID_CALL",
        "A map takes what can be iterated, and a function: pool.map(items, (item) => …)",
      );
    }
    const { maxCaptureBytes } = this.#parts.options;
    const policy = this.#policy;
    const handles = new Handles();
    const closure = capture(fn, { maxCaptureBytes, handle: handles.add });
    const stream = handles.stream;
    if (stream !== undefined) {
      throw new BonfireError(
        "CAPTURE_REFUSED",
        `Cannot capture a ${stream} at ${closure.at} as many calls would read it: read it here, or use call`,
      );
    }
    return mapItems({
      items,
      options,
      concurrency: policy.max * policy.concurrency,
      run: (item, index, signal) => {
        const each = options.deadline === undefined ? { signal } : { signal, deadline: options.deadline };
        const call = { closure, args: [item, index], options: each, handles: handles.copy() };
        return this.#start(this.#prepare(call)) as Promise<Awaited<R>>;
      },
    });
  }

  /**
   * Runs `fn` on an executor and iterates here what it yields there. It starts when the first item is asked for, and
   * runs ahead of its reader by 1 MiB or 32 items at most. Leaving the loop early runs its `finally` over there. The
   * slot is taken until it ends, and the deadline covers all of it. What is captured is copied now.
   *
   * Throws at once what `call` throws at once. The iteration throws what `fn` threw, after the items before it,
   * `NOT_ITERABLE`, `EXECUTOR_LOST` (also when it had begun), and what a call rejects with.
   */
  stream<T>(fn: () => Eventually<Streamed<T>>, options?: CallOptions): AsyncGenerator<Awaited<T>, void, void>;
  /** The same with its captures named: works in any JavaScript, without the loader. */
  stream<C extends object, T>(
    captures: C,
    fn: (captures: C) => Eventually<Streamed<T>>,
    options?: CallOptions,
  ): AsyncGenerator<Awaited<T>, void, void>;
  stream(...given: [unknown, unknown?, unknown?]): AsyncGenerator<unknown, void, void> {
    const prepared = this.#prepare(this.#split(given));
    const callSite = new Error("called here").stack;
    return streamFrom(
      () => this.#start(prepared, CallFlag.stream, callSite) as Promise<AsyncIterable<unknown>>,
      (reason) => prepared.handles?.session.close(reason),
    );
  }

  /**
   * Starts an actor in a cell of an executor and resolves with a ref that anybody in the cluster can use, once its
   * `onStart` is done. The class travels as a closure does; the arguments are copied now. The actor takes a slot until
   * it ends, and ends with the pool, with this process, and when its executor is told to stop: see docs/actors.md. What
   * it has by `register` and `state` is kept by this process.
   *
   * Throws at once: `CAPTURE_REFUSED`, `VALUE_REFUSED`, `UNKNOWN_OPTION`, `INVALID_OPTION`, `INVALID_ACTOR`,
   * `INVALID_CALL`, `POOL_CLOSED`. Rejects with what the constructor or `onStart` threw, what a call rejects with, `NAME_TAKEN`, and
   * `STORE_UNAVAILABLE`.
   *
   * ```ts
   * const counter = await pool.spawn(Counter, [10], { name: "hits" });
   * await counter.increment(2);
   * ```
   */
  spawn<C extends ActorClass>(
    type: C & Declared<C>,
    args: ConstructorParameters<C>,
    options: PoolSpawnOptions = {},
  ): Promise<Ref<InstanceType<C>>> {
    if (typeof type !== "function" || !Array.isArray(args)) {
      throw new BonfireError(
        "INVALID_CALL",
        "A spawn takes a class and the list of its arguments: pool.spawn(Counter, [10])",
      );
    }
    const { mailbox, resolved, call } = splitSpawnOptions(options);
    return this.spawnClaimed(type, args, mailbox, claimOf(type, resolved, 0), call);
  }

  /** @internal As `spawn`; what is claimed for the actor is kept by this process. */
  spawnClaimed<C extends ActorClass>(
    type: C,
    args: ConstructorParameters<C>,
    options: SpawnOptions,
    claim: Claim | undefined,
    call: CallOptions = {},
  ): Promise<Ref<InstanceType<C>>> {
    const closure = captureClass(type, {
      maxCaptureBytes: this.#parts.options.maxCaptureBytes,
      handle: writeRef,
    });
    const { system } = this.#parts;
    const offer = claim && (system.naming as Naming).names.offers.open(claim);
    const terms = offer ? { options, ticket: offer.ticket } : { options };
    try {
      const prepared = this.#prepare({ closure, args: [args, terms], options: call, handles: REFS_ONLY });
      return this.#start(prepared, CallFlag.actor)
        .then((place) => system.ref(place as Address) as Ref<InstanceType<C>>)
        .finally(() => offer?.close());
    } catch (error) {
      offer?.close();
      throw error;
    }
  }

  /** @internal Throws `CAPTURE_REFUSED` if actors of this class cannot be started here. */
  checkClass(type: ActorClass): void {
    captureClass(type, { maxCaptureBytes: this.#parts.options.maxCaptureBytes, handle: writeRef });
  }

  /** Executors, slots, and calls waiting and running, as this driver sees them. */
  inspect() {
    return { name: this.name, ...this.#parts.dispatcher.inspect() };
  }

  /** Lets what runs finish (within the pool's `shutdownTimeout`), then lets go of the executors. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#parts.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal The policy of whoever opened the pool first. */
  follow(policy: Policy): void {
    this.#policy = policy;
  }

  /** @internal A line from one of this pool's cells. */
  logged(line: LogLine): void {
    this.emit("log", line);
    if (this.#parts.options.logs === "inherit") console[line.level](`[${this.name}] ${line.text}`);
  }

  #split([first, second, third]: [unknown, unknown?, unknown?]): Given {
    const { maxCaptureBytes } = this.#parts.options;
    const handles = new Handles();
    if (typeof first === "function") {
      return {
        closure: capture(first, { maxCaptureBytes, handle: handles.add }),
        args: [],
        options: (second ?? {}) as CallOptions,
        handles,
      };
    }
    if (typeof second === "function" && typeof first === "object" && first !== null) {
      const closure = capture(second, { explicit: true, handle: handles.add });
      return { closure, args: [first], options: (third ?? {}) as CallOptions, handles };
    }
    throw new BonfireError(
      "INVALID_CALL",
      "A call takes a function, or an object of captures and a function: pool.call(() => …) or pool.call({ a }, ({ a }) => …)",
    );
  }

  /** Everything that can be refused at once, and the copy of what the call takes along. */
  #prepare({ closure, args, options, handles }: Given): Prepared {
    refuseUnknown("a call", options, CALL_OPTIONS);
    checkSignal(options.signal);
    if (this.#closing) throw new BonfireError("POOL_CLOSED", `Pool "${this.name}" is closed`);
    const { callMs, maxCaptureBytes } = this.#parts.options;
    const budget = options.deadline === undefined ? callMs : milliseconds("deadline", options.deadline);
    const encoded = encodeArguments(args, handles.add);
    if (encoded.bytes.length > maxCaptureBytes) throw tooLarge(encoded.bytes.length, maxCaptureBytes);
    const { exports } = handles;
    return {
      closure,
      encoded,
      budget,
      signal: options.signal,
      handles: exports && new CallHandles(exports),
    };
  }

  #start(prepared: Prepared, flags = 0, callSite?: string): Promise<unknown> {
    const { closure, encoded, budget, signal, handles } = prepared;
    const deadlineAt = performance.now() + budget;
    const { hostModules } = this.#parts.options;
    const own = closure.bundles(hostModules);
    const others = encoded.bundles(hostModules);
    const parts = { closure, args: encoded.bytes, budget, deadlineAt, signal, flags, handles, callSite };
    // Warm bundles come as arrays: such a call is on its way before this returns.
    if (!(own instanceof Promise) && !(others instanceof Promise))
      return this.#submit(joined(own, others), parts);
    const { dispatcher } = this.#parts;
    dispatcher.opened();
    return Promise.all([own, others])
      .then(
        ([own, others]) => this.#submit(joined(own, others), parts),
        (error: unknown) => {
          handles?.session.close(error);
          throw error;
        },
      )
      .finally(() => dispatcher.settled());
  }

  #submit(bundles: readonly Bundle[], parts: Omit<CallParts, "bundles">): Promise<unknown> {
    const { dispatcher, options } = this.#parts;
    const refusal = parts.signal?.aborted ? parts.signal.reason : ungranted(parts.closure, options);
    if (refusal) {
      parts.handles?.session.close(refusal);
      return Promise.reject(refusal);
    }
    nextCall = (nextCall + 1) % 0xffff_ffff || 1;
    const call = new Call(nextCall, dispatcher, { ...parts, bundles });
    dispatcher.submit(call);
    return call.promise;
  }
}

/** Throws `INVALID_OPTION`. */
export function requirePool(pool: Pool): void {
  // Not by its class, as it may come from another copy of this package.
  if (typeof pool?.spawn === "function") return;
  throw new BonfireError("INVALID_OPTION", 'Option "pool" must be a pool, as fire.pool() returns it');
}

function isIterable(items: unknown): boolean {
  const { [Symbol.asyncIterator]: many, [Symbol.iterator]: all } = Object(items);
  return typeof (many ?? all) === "function";
}

interface Given {
  readonly closure: Closure;
  readonly args: readonly unknown[];
  readonly options: CallOptions;
  readonly handles: Pick<Handles, "add" | "exports">;
}

interface Prepared {
  readonly closure: Closure;
  readonly encoded: EncodedArguments;
  readonly budget: number;
  readonly signal: AbortSignal | undefined;
  readonly handles: CallHandles | undefined;
}

const STREAMS: Readonly<Record<number, string>> = {
  [HandleKind.readable]: "ReadableStream",
  [HandleKind.writable]: "WritableStream",
  [HandleKind.iterable]: "generator",
};

/** What is alive among a call's captures and arguments; most calls have nothing. */
class Handles {
  exports: Exports | undefined;

  readonly add = (value: object) => {
    if (!this.exports && handleKind(value) === undefined) return undefined;
    this.exports ??= new Exports(1);
    return this.exports.add(value);
  };

  /** What the first stream among them is; undefined if there is none. */
  get stream(): string | undefined {
    for (const { kind } of this.exports ?? []) if (kind in STREAMS) return STREAMS[kind];
    return undefined;
  }

  copy(): Handles {
    const copy = new Handles();
    copy.exports = this.exports?.copy();
    return copy;
  }
}

/** An actor outlives the call that starts it, so that only refs are of use to it. */
const REFS_ONLY: Given["handles"] = { add: writeRef, exports: undefined };

function tooLarge(bytes: number, limit: number): BonfireError {
  return new BonfireError(
    "CAPTURE_REFUSED",
    `Cannot send arguments of ${bytes} bytes as the limit is ${limit}: pass less, or raise the pool's "maxCaptureBytes"`,
  );
}

function joined(own: readonly Bundle[], others: readonly Bundle[]): readonly Bundle[] {
  return others.length === 0 ? own : [...own, ...others];
}

import { EventEmitter } from "node:events";
import { BonfireError } from "@bonfire/wire";
import type { ActorSystem } from "../actor/system.ts";
import type { Bundle } from "../closure/bundle.ts";
import { type Closure, capture, encodeArguments } from "../closure/capture.ts";
import { milliseconds } from "../duration.ts";
import { refuseUnknown } from "../option.ts";
import type { Policy } from "../supervisor/decide.ts";
import { Call, type CallParts } from "./call.ts";
import { CALL_OPTIONS, type CallOptions, type MapOptions } from "./call-options.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LogLine, PoolEvents } from "./events.ts";
import { ungranted } from "./grants.ts";
import { mapItems } from "./map.ts";
import type { ResolvedPoolOptions } from "./options.ts";

/** Shipped code returns a value or a promise of one. */
type Shipped<R> = () => R;
type ShippedWith<C, R> = (captures: C) => R;

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
    const { closure, args, options } = this.#split(given);
    return this.#run(closure, args, options);
  }

  /** Runs `fn` and does not wait. A failure is emitted as `error`. Throws what `call` throws at once. */
  cast<R>(fn: Shipped<R>, options?: CallOptions): void;
  cast<C extends object, R>(captures: C, fn: ShippedWith<C, R>, options?: CallOptions): void;
  cast(...given: [unknown, unknown?, unknown?]): void {
    const { closure, args, options } = this.#split(given);
    this.#run(closure, args, options).catch((error: unknown) => {
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
    const { maxCaptureBytes } = this.#parts.options;
    const policy = this.#policy;
    const closure = capture(fn, { maxCaptureBytes });
    return mapItems({
      items,
      options,
      concurrency: policy.max * policy.concurrency,
      run: (item, index, signal) => {
        const each = options.deadline === undefined ? { signal } : { signal, deadline: options.deadline };
        return this.#run(closure, [item, index], each) as Promise<Awaited<R>>;
      },
    });
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

  #split([first, second, third]: [unknown, unknown?, unknown?]) {
    const { maxCaptureBytes } = this.#parts.options;
    if (typeof first === "function") {
      return {
        closure: capture(first, { maxCaptureBytes }),
        args: [],
        options: (second ?? {}) as CallOptions,
      };
    }
    if (typeof second === "function" && typeof first === "object" && first !== null) {
      const closure = capture(second, { explicit: true });
      return { closure, args: [first], options: (third ?? {}) as CallOptions };
    }
    throw new BonfireError(
      "INVALID_CALL",
      "A call takes a function, or an object of captures and a function: pool.call(() => …) or pool.call({ a }, ({ a }) => …)",
    );
  }

  #run(closure: Closure, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    refuseUnknown("a call", options, CALL_OPTIONS);
    if (this.#closing) throw new BonfireError("POOL_CLOSED", `Pool "${this.name}" is closed`);
    const { signal } = options;
    const budget =
      options.deadline === undefined
        ? this.#parts.options.callMs
        : milliseconds("deadline", options.deadline);
    const deadlineAt = performance.now() + budget;
    const encoded = encodeArguments(args);
    if (encoded.bytes.length > this.#parts.options.maxCaptureBytes)
      throw tooLarge(encoded.bytes.length, this.#parts.options.maxCaptureBytes);
    const { hostModules } = this.#parts.options;
    const own = closure.bundles(hostModules);
    const others = encoded.bundles(hostModules);
    const parts = { closure, args: encoded.bytes, budget, deadlineAt, signal };
    // Warm bundles come as arrays: such a call is on its way before this returns.
    if (!(own instanceof Promise) && !(others instanceof Promise))
      return this.#submit(joined(own, others), parts);
    const { dispatcher } = this.#parts;
    dispatcher.opened();
    return Promise.all([own, others])
      .then(([own, others]) => this.#submit(joined(own, others), parts))
      .finally(() => dispatcher.settled());
  }

  #submit(bundles: readonly Bundle[], parts: Omit<CallParts, "bundles">): Promise<unknown> {
    const { dispatcher, options } = this.#parts;
    const refusal = parts.signal?.aborted ? parts.signal.reason : ungranted(parts.closure, options);
    if (refusal) return Promise.reject(refusal);
    nextCall = (nextCall + 1) % 0xffff_ffff || 1;
    const call = new Call(nextCall, dispatcher, { ...parts, bundles });
    dispatcher.submit(call);
    return call.promise;
  }
}

function tooLarge(bytes: number, limit: number): BonfireError {
  return new BonfireError(
    "CAPTURE_REFUSED",
    `Cannot send arguments of ${bytes} bytes as the limit is ${limit}: pass less, or raise the pool's "maxCaptureBytes"`,
  );
}

function joined(own: readonly Bundle[], others: readonly Bundle[]): readonly Bundle[] {
  return others.length === 0 ? own : [...own, ...others];
}

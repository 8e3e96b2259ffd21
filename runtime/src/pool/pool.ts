import { EventEmitter } from "node:events";
import { BonfireError, CallFlag } from "@bonfire/wire";
import type { ActorClass, Declared, SpawnOptions } from "../actor/actor-class.ts";
import { type Ref, writeRef } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import type { Bundle } from "../closure/bundle.ts";
import { capture } from "../closure/capture.ts";
import { captureClass } from "../closure/class-closure.ts";
import { type Claim, claimOf } from "../naming/claim.ts";
import type { Naming } from "../naming/naming.ts";
import type { ExecutorInfo, FleetCounts, FleetEvent, PoolExplanation } from "../supervisor/fleet-event.ts";
import { type Policy, type Scale, scaled } from "../supervisor/policy.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { Call, type CallParts } from "./call.ts";
import type { CallOptions, MapOptions } from "./call-options.ts";
import { type CallTerms, callTerms } from "./call-terms.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LogLine, PoolEvents } from "./events.ts";
import { ENDED, type Explanation } from "./explain.ts";
import { ungranted } from "./grants.ts";
import { mapItems } from "./map.ts";
import type { ResolvedPoolOptions } from "./options.ts";
import { type Given, given, Handles, type Prepared, prepare, REFS_ONLY } from "./prepare.ts";
import { withRetries } from "./retry.ts";
import { type PoolSpawnOptions, splitSpawnOptions } from "./spawn-options.ts";
import { streamFrom } from "./stream.ts";

/** Shipped code returns a value or a promise of one. */
type Shipped<R> = () => R;
type ShippedWith<C, R> = (captures: C) => R;
/** What `stream` iterates: of an `async function*`, a generator, or whatever else can be. */
type Streamed<T> = AsyncIterable<T> | Iterable<T>;
type Eventually<T> = T | Promise<T>;

/** What a drain may take beyond the time that calls get to finish, and the executor to end. */
const DRAIN_MS = 10_000;

let nextCall = 0;

/** What a pool needs of whoever opened it. */
export interface PoolParts {
  readonly name: string;
  readonly options: ResolvedPoolOptions;
  readonly system: ActorSystem;
  readonly dispatcher: Dispatcher;
  /** Whoever supervises the pool; waits where it is being replaced. */
  readonly supervisor: () => Promise<Ref<Supervisor>>;
  /** What the supervisor knows, if it runs in this process. */
  readonly inspectSupervisor: () => ReturnType<Supervisor["inspect"]> | undefined;
  readonly close: () => Promise<void>;
}

/** A named group of executors under one policy. Made by `fire.pool(name, options)`. */
export class Pool extends EventEmitter<PoolEvents> implements AsyncDisposable {
  readonly name: string;
  readonly #parts: PoolParts;
  #policy: Policy;
  #closing: Promise<void> | undefined;
  /** What the promises stand for that are not a call's own. */
  readonly #calls = new WeakMap<Promise<unknown>, Call>();
  /** Those of them that are not settled. */
  readonly #underway = new WeakSet<Promise<unknown>>();

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
  call(...args: [unknown, unknown?, unknown?]): Promise<unknown> {
    return this.#start(this.#split(args));
  }

  /** Runs `fn` and does not wait. A failure is emitted as `error`. Throws what `call` throws at once. */
  cast<R>(fn: Shipped<R>, options?: CallOptions): void;
  cast<C extends object, R>(captures: C, fn: ShippedWith<C, R>, options?: CallOptions): void;
  cast(...args: [unknown, unknown?, unknown?]): void {
    this.#start(this.#split(args)).catch((error: unknown) => {
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
    const results = mapItems({
      items,
      options,
      concurrency: policy.max * policy.concurrency,
      run: (item, index, signal) => {
        const call = { closure, args: [item, index], handles: handles.copy() };
        return this.#start(this.#prepare(call, { ...terms, signal })) as Promise<Awaited<R>>;
      },
    });
    // Here once, as at each item it would be that item's failure, and could be skipped.
    const { concurrency, order, onError, onProgress, ...each } = options;
    const terms = this.#terms(each);
    return results;
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
  stream(...args: [unknown, unknown?, unknown?]): AsyncGenerator<unknown, void, void> {
    const prepared = this.#split(args);
    if (prepared.terms.retry) {
      throw new BonfireError(
        "INVALID_OPTION",
        'Option "retries" is not for streams, as their reader would get what it has read already once more: begin again yourself',
      );
    }
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
    const start = offer ? { options, ticket: offer.ticket } : { options };
    try {
      const prepared = this.#prepare({ closure, args: [args, start], handles: REFS_ONLY }, this.#terms(call));
      const started = this.#start(prepared, CallFlag.actor);
      // Beside it, not before it: `explain` knows the call by the promise that it gave.
      if (offer) started.then(offer.close, offer.close);
      return started as Promise<Ref<InstanceType<C>>>;
    } catch (error) {
      offer?.close();
      throw error;
    }
  }

  /** @internal Throws `CAPTURE_REFUSED` if actors of this class cannot be started here. */
  checkClass(type: ActorClass): void {
    captureClass(type, { maxCaptureBytes: this.#parts.options.maxCaptureBytes, handle: writeRef });
  }

  /**
   * Changes how many executors there are, for all drivers of the pool; resolves with what holds then, before the
   * executors have come or gone. What is not named stays. Rejects with `UNKNOWN_OPTION`, `INVALID_OPTION`.
   *
   * ```ts
   * await pool.scale({ min: 2, max: 20 });
   * ```
   */
  async scale(change: Scale): Promise<Required<Scale>> {
    scaled(this.name, this.#policy, change);
    const { min, max, buffer } = await (await this.#parts.supervisor()).scale(change);
    return { min, max, buffer };
  }

  /**
   * Takes an executor out of service: it gets no more calls, those that it has may finish, for at most
   * `shutdownTimeout`, and then it ends. Resolves when it has ended, with `false` if there was none of that id, or it was
   * not to be had after its supervisor had gone.
   */
  async drain(executor: string): Promise<boolean> {
    const { shutdownMs } = this.#parts.options;
    const supervisor = await this.#parts.supervisor();
    return supervisor.with({ deadline: 2 * shutdownMs + DRAIN_MS }).drain(executor);
  }

  /** The pool's executors, as its supervisor knows them now. */
  async executors(): Promise<ExecutorInfo[]> {
    return (await this.#parts.supervisor()).executors();
  }

  /**
   * What the pool's supervisor knows of why calls wait: what boots and how far it is, what the platform said to boots
   * that failed and when the next is tried, and calls of other drivers. `explain` says it of one call, from here.
   */
  async capacity(): Promise<PoolExplanation> {
    return (await this.#parts.supervisor()).explain();
  }

  /**
   * Executors, slots, and calls waiting and running, as this driver sees them. `supervisor` is what is known of each
   * executor, in the driver that supervises the pool; elsewhere ask `executors()`.
   */
  inspect() {
    const { dispatcher, inspectSupervisor } = this.#parts;
    return {
      name: this.name,
      policy: this.#policy,
      ...dispatcher.inspect(),
      supervisor: inspectSupervisor(),
    };
  }

  /**
   * Why a call waits, or where it runs: of the promise that `call` gave, or without one of the call that is served
   * next. It costs a look at every call that is not over, so it is for people, not for each call.
   *
   * ```ts
   * const result = pool.call(() => train(model));
   * console.log(pool.explain(result).text);
   * ```
   */
  explain(call?: Promise<unknown>): Explanation {
    const { dispatcher } = this.#parts;
    const made = call && this.#calls.get(call);
    if (made && !made.settled) return dispatcher.explainCall(made);
    // Its bundle is being made, or the last try has ended.
    if (call && this.#underway.has(call)) {
      const { executors } = dispatcher.explainCall(undefined);
      return {
        text: "The call's code is being bundled, or it waits to be tried again",
        state: "preparing",
        executors,
      };
    }
    const known = dispatcher.explain(call);
    if (known) return known;
    return { text: ENDED, state: "ended", executors: dispatcher.explainCall(undefined).executors };
  }

  /** Lets what runs finish (within the pool's `shutdownTimeout`), then lets go of the executors. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#parts.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal */
  get policy(): Policy {
    return this.#policy;
  }

  /** @internal What became of the executors. */
  changed(counts: FleetCounts, event: FleetEvent | undefined): void {
    this.emit("fleet", counts);
    if (event) this.emit(event.kind, event as never);
  }

  /** @internal The policy of whoever opened the pool first, as it was scaled since. */
  follow(policy: Policy): void {
    this.#policy = policy;
  }

  /** @internal A line from one of this pool's cells. */
  logged(line: LogLine): void {
    this.emit("log", line);
    if (this.#parts.options.logs === "inherit") console[line.level](`[${this.name}] ${line.text}`);
  }

  /** Everything that can be refused at once, and the copy of what the call takes along. */
  #prepare(call: Omit<Given, "options">, terms: CallTerms): Prepared {
    if (this.#closing) throw new BonfireError("POOL_CLOSED", `Pool "${this.name}" is closed`);
    return prepare(call, terms, this.#parts.options.maxCaptureBytes);
  }

  #split(args: [unknown, unknown?, unknown?]): Prepared {
    const call = given(args, this.#parts.options.maxCaptureBytes);
    return this.#prepare(call, this.#terms(call.options));
  }

  #terms(options: CallOptions): CallTerms {
    return callTerms(this.name, options, this.#parts.options.callMs, this.#policy);
  }

  #start(prepared: Prepared, flags = 0, callSite?: string): Promise<unknown> {
    const { closure, encoded, terms, handles, handlesAgain } = prepared;
    const { hostModules } = this.#parts.options;
    const own = closure.bundles(hostModules);
    const others = encoded.bundles(hostModules);
    const deadlineAt = performance.now() + terms.budget;
    const parts = { ...terms, closure, args: encoded.bytes, deadlineAt, flags, handles, callSite };
    // Warm bundles come as arrays: such a call is on its way before this returns.
    if (!terms.retry && !(own instanceof Promise) && !(others instanceof Promise)) {
      try {
        return this.#submit(joined(own, others), parts).promise;
      } catch (refusal) {
        return Promise.reject(refusal);
      }
    }
    const { dispatcher } = this.#parts;
    dispatcher.opened();
    const work: Promise<unknown> = Promise.all([own, others])
      .then(
        ([own, others]) => {
          const bundles = joined(own, others);
          const { retry } = terms;
          const start = (isFirst: boolean) => {
            const call = this.#submit(bundles, isFirst ? parts : { ...parts, handles: handlesAgain() });
            this.#calls.set(work, call);
            return call;
          };
          return retry ? withRetries({ terms, retry, deadlineAt, start }) : start(true).promise;
        },
        (error: unknown) => {
          handles?.session.close(error);
          throw error;
        },
      )
      .finally(() => {
        this.#underway.delete(work);
        dispatcher.settled();
      });
    this.#underway.add(work);
    return work;
  }

  /** Throws the reason for which it is not sent. */
  #submit(bundles: readonly Bundle[], parts: Omit<CallParts, "bundles">): Call {
    const { dispatcher, options } = this.#parts;
    const refusal = parts.signal?.aborted ? parts.signal.reason : ungranted(parts.closure, options);
    if (refusal) {
      parts.handles?.session.close(refusal);
      throw refusal;
    }
    nextCall = (nextCall + 1) % 0xffff_ffff || 1;
    const call = new Call(nextCall, dispatcher, { ...parts, bundles });
    dispatcher.submit(call);
    return call;
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

function joined(own: readonly Bundle[], others: readonly Bundle[]): readonly Bundle[] {
  return others.length === 0 ? own : [...own, ...others];
}

/**
 * One isolate in use: enters it with calls, answers and timer ticks, each entry under a time limit, and passes on
 * what came out of it. An isolate that was stopped is never entered again.
 */
import { BonfireError } from "@bonfire/wire";
import type ivm from "isolated-vm";
import type { Abilities } from "../grants/abilities.ts";
import type { CallScope } from "../grants/call-scope.ts";
import {
  CALL_WORDS,
  FLAGS_SHIFT,
  INBOX_BYTES,
  type LogLevel,
  type Request,
  STATE_CLOCK,
  State,
} from "../guest/layout.ts";
import type { IncomingCall } from "../realm/realm.ts";
import { Answers } from "./answers.ts";
import type { GuestIsolate, HostCalls } from "./isolate.ts";
import { Records, type Said } from "./records.ts";
import { type Stop, stopOf } from "./stop.ts";
import { CLOCK_SLACK, GRACE, type Limit, limitOf, similar } from "./time-limit.ts";

const UNLOAD_MS = 1_000;

/** What a sandbox needs of the realm it belongs to. */
export interface SandboxOwner {
  reply(call: number, kind: number, bytes: Uint8Array): void;
  log(call: number, level: LogLevel, text: string): void;
  /** A packet of the call's live handles; `bytes` are the receiver's to keep. */
  handle(call: number, bytes: Uint8Array): void;
  /** The call sends packets without bound: it has to be ended. */
  flooded(call: number): void;
  /** What was alive in the call's value has ended. */
  over(call: number): void;
  /** Something from the call's actor, as `Post` says; `bytes` are the receiver's to keep. */
  post(call: number, bytes: Uint8Array): void;
  /** Everything of this call on the host; calls that are over have an ended scope. */
  scope(call: number): CallScope;
  /** Milliseconds until the call's deadline, infinite without one or for an unknown call. */
  remaining(call: number): number;
  /** The longest that timers may run: the furthest deadline of the sandbox's calls, infinite without any. */
  furthestDeadline(sandbox: Sandbox): number;
  /** Loads the bundle with this hash into the sandbox and returns its number. */
  loadByHash(sandbox: Sandbox, hash: string): number;
  /** The isolate had to be given up outside of `run` and `load`, which return the stop instead. */
  stopped(sandbox: Sandbox, stop: Stop): void;
}

/** What became of a batch of calls. */
export interface BatchEnd {
  /** How many of the calls had begun. */
  readonly started: number;
  readonly stop: Stop | undefined;
}

/** A bundle's code and V8's code cache for it, shared by all isolates. */
export interface BundleCode {
  readonly hash: string;
  readonly code: string;
  cache?: ivm.ExternalCopy<ArrayBuffer> | undefined;
}

export class Sandbox {
  readonly #isolate: GuestIsolate;
  readonly #owner: SandboxOwner;
  readonly #abilities: Abilities;
  readonly #records: Records;
  readonly #answers: Answers;
  readonly #clock: Float64Array;
  readonly #words: Uint32Array;
  readonly #loaded = new Set<number>();
  readonly #aborts = new Map<number, () => void>();
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #gone = false;
  /** The call that the isolate is given to; 0 = it is shared. */
  #only = 0;

  constructor(isolate: GuestIsolate, owner: SandboxOwner, abilities: Abilities) {
    this.#isolate = isolate;
    this.#owner = owner;
    this.#abilities = abilities;
    this.#records = new Records(isolate.outbox, isolate.state, isolate.memoryBytes);
    this.#answers = new Answers(isolate.inbox);
    this.#clock = new Float64Array(isolate.state.buffer);
    this.#words = new Uint32Array(isolate.inbox.buffer);
    isolate.host = this.#hostCalls();
  }

  /** Whether the isolate was stopped or closed. */
  get gone(): boolean {
    return this.#gone;
  }

  has(bundle: number): boolean {
    return this.#loaded.has(bundle);
  }

  /** Evaluates a bundle for `call`. Throws BUNDLE_BROKEN when its code does not compile. */
  load(bundle: number, source: BundleCode, call: number, timeout: number): Stop | undefined {
    const script = this.#compile(source);
    return this.#enter(call, timeout, (limit) => {
      const factory = script.runSync(this.#isolate.context, { reference: true, ...limit });
      // A reference made by running a script can be passed back only as itself.
      const parameters = [bundle, source.hash, (factory as ivm.Reference).derefInto({ release: true })];
      this.#isolate.enter.load.applySync(undefined, parameters, limit);
      this.#loaded.add(bundle);
    });
  }

  /** Lets go of a bundle's module; what runs of it runs on. */
  unload(bundle: number): void {
    if (this.#gone || !this.#loaded.delete(bundle)) return;
    this.#enter(0, UNLOAD_MS, (limit) => this.#isolate.enter.unload.applySync(undefined, [bundle], limit));
  }

  /** Runs calls that fit the inbox together. */
  run(calls: readonly IncomingCall[], timeout: number): BatchEnd {
    const { inbox, enter } = this.#isolate;
    const words = this.#words;
    let offset = calls.length * CALL_WORDS * 4;
    for (let i = 0; i < calls.length; i++) {
      const { id, bundle, site, flags, body } = calls[i]!;
      const at = i * CALL_WORDS;
      words[at] = id;
      words[at + 1] = bundle;
      words[at + 2] = site | (flags << FLAGS_SHIFT);
      words[at + 3] = body.length;
      inbox.set(body, offset);
      offset += (body.length + 3) & ~3;
    }
    return this.#batch((limit) => enter.run.applySync(undefined, [calls.length], limit), timeout);
  }

  /** Runs one call whose body does not fit the inbox. */
  runLarge({ id, bundle, site, flags, body }: IncomingCall, timeout: number): BatchEnd {
    let { buffer, byteOffset } = body;
    if (!(buffer instanceof SharedArrayBuffer)) {
      buffer = new SharedArrayBuffer(body.length);
      byteOffset = 0;
      new Uint8Array(buffer).set(body);
    }
    const shared = this.#isolate.shared(buffer as SharedArrayBuffer);
    const parameters = [id, bundle, site, flags, shared, byteOffset, body.length];
    return this.#batch(
      (limit) => this.#isolate.enter.runLarge.applySync(undefined, parameters, limit),
      timeout,
    );
  }

  /** Hands the guest a packet for the live handles of `call`. One that is too large was not sent by a driver of ours. */
  handle(call: number, packet: Uint8Array): void {
    if (packet.length > INBOX_BYTES) return;
    this.#isolate.inbox.set(packet);
    const stop = this.#enter(call, this.#owner.remaining(call), (limit) =>
      this.#isolate.enter.handle.applySync(undefined, [call, packet.length], limit),
    );
    if (stop !== undefined) this.#owner.stopped(this, stop);
  }

  /** Loads the actor runtime for the actor that `call` is about to start. */
  openActor(
    call: number,
    script: BundleCode,
    facts: readonly [node: string, driver: string, maxPayload: number, isUp: boolean],
  ): Stop | undefined {
    const compiled = this.#compile(script);
    return this.#enter(call, this.#owner.remaining(call), (limit) => {
      const factory = compiled.runSync(this.#isolate.context, { reference: true, ...limit });
      const given = (factory as ivm.Reference).derefInto({ release: true });
      this.#isolate.enter.openActor.applySync(undefined, [call, ...facts, given], limit);
    });
  }

  /** Where messages for the actor are put before `mail`. */
  get inbox(): Uint8Array {
    return this.#isolate.inbox;
  }

  /** Hands the actor of `call` the messages in the inbox, or in a buffer of their own. */
  mail(call: number, count: number, buffer?: SharedArrayBuffer): void {
    const parameters = buffer ? [count, this.#isolate.shared(buffer)] : [count];
    this.#enterActor(call, (limit) => this.#isolate.enter.mail.applySync(undefined, parameters, limit));
  }

  news(call: number, what: "gone" | "link" | "retire", node: string, detail: string): void {
    this.#enterActor(call, (limit) =>
      this.#isolate.enter.news.applySync(undefined, [what, node, detail], limit),
    );
  }

  #enterActor(call: number, work: (limit: Limit) => void): void {
    const stop = this.#enter(call, this.#owner.remaining(call), work);
    if (stop !== undefined) this.#owner.stopped(this, stop);
  }

  /** Spares the first error the time for tables; only before any call ran. */
  warm(): void {
    if (!this.#gone) this.#isolate.warm();
  }

  /** Gives the isolate to one call alone, whose directory is `process.cwd()`. */
  assign(call: number, directory: string): void {
    this.#only = call;
    this.#isolate.enter.assign.applySync(undefined, [directory]);
  }

  /** Takes the isolate from its call again: nothing that the call left running goes on. */
  release(): void {
    this.#only = 0;
    // The timer stays: the guest counts on the tick that it asked for, even with nothing left to run in it.
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#enter(0, GRACE, (limit) => this.#isolate.enter.forget.applySync(undefined, [], limit));
  }

  /** Tells the guest that a call's answer is not wanted any more. */
  cancel(call: number): void {
    const stop = this.#enter(call, GRACE, (limit) =>
      this.#isolate.enter.cancel.applySync(undefined, [call], limit),
    );
    if (stop !== undefined) this.#owner.stopped(this, stop);
  }

  dispose(): void {
    this.#gone = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#aborts.clear();
    this.#isolate.dispose();
  }

  #compile(source: BundleCode): ivm.Script {
    const { hash, code, cache } = source;
    const filename = `bonfire:${hash}`;
    try {
      if (cache !== undefined)
        return this.#isolate.isolate.compileScriptSync(code, { filename, cachedData: cache });
      const script = this.#isolate.isolate.compileScriptSync(code, { filename, produceCachedData: true });
      source.cache = (script as unknown as { cachedData?: ivm.ExternalCopy<ArrayBuffer> }).cachedData;
      return script;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new BonfireError("BUNDLE_BROKEN", `Cannot load bundle ${hash} as it does not compile: ${reason}`);
    }
  }

  #batch(work: (limit: Limit) => void, timeout: number): BatchEnd {
    const { state } = this.#isolate;
    const stop = this.#enter(0, timeout, work, () => state[State.started]!);
    return { started: this.#started, stop };
  }
  #started = 0;
  /** When the current entry has to be over, on the clock of `performance.now()`. */
  #entryEnd = Number.POSITIVE_INFINITY;

  /** Enters the isolate and passes on what came out of it; the reason when it had to be stopped. */
  #enter(
    call: number,
    timeout: number,
    work: (limit: Limit) => void,
    started?: () => number,
  ): Stop | undefined {
    if (this.#gone) return undefined;
    const { state, isolate } = this.#isolate;
    state[State.current] = call;
    state[State.started] = 0;
    state[State.logBytes] = 0;
    const now = performance.now();
    this.#clock[STATE_CLOCK] = now;
    this.#entryEnd = now + timeout;
    let stop: Stop | undefined;
    let unhandled: unknown;
    try {
      work(limitOf(timeout));
    } catch (error) {
      stop = stopOf(
        error,
        isolate,
        performance.now() > this.#entryEnd - CLOCK_SLACK,
        state[State.current]! >>> 0,
        timeout,
      );
      unhandled = error;
    }
    if (started !== undefined) this.#started = started();
    const culprit = state[State.current]! >>> 0;
    const dropped = state[State.logsDropped]!;
    this.#records.drain();
    const requests = stop === undefined ? this.#afterwards() : [];
    if (stop !== undefined) this.dispose();
    this.#passOn(this.#records.take());
    if (dropped > 0) {
      state[State.logsDropped] = 0;
      this.#owner.log(
        0,
        "warn",
        `${dropped} log lines were dropped as they came faster than they can be delivered`,
      );
    }
    if (unhandled !== undefined && stop === undefined) {
      this.#owner.log(culprit, "error", `Unhandled rejection: ${shown(unhandled)}`);
    }
    for (const request of requests) this.#begin(request);
    return stop;
  }

  /** What the guest wants done after it has been left: timers, and its requests. */
  #afterwards(): Request[] {
    const { state, enter } = this.#isolate;
    const timer = state[State.timer]!;
    if (timer > 0) {
      state[State.timer] = 0;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#tick(), timer - 1);
    }
    if (state[State.immediates]! > 0) this.#immediate ??= setImmediate(() => this.#tick());
    if (state[State.mail] === 0) return [];
    try {
      return JSON.parse(enter.collect.applySync(undefined, [], { timeout: GRACE }) as string) as Request[];
    } catch (error) {
      // Only a guest that broke its own JSON or has no memory left comes here; its requests never get an answer.
      this.#owner.log(0, "error", `Requests of the sandbox were lost: ${shown(error)}`);
      return [];
    }
  }

  #passOn(said: readonly Said[]): void {
    for (const one of said) {
      if (one.kind === "reply") this.#owner.reply(one.call, one.reply, one.bytes);
      else if (one.kind === "handle") this.#owner.handle(one.call, one.bytes);
      else if (one.kind === "flood") this.#owner.flooded(one.call);
      else if (one.kind === "over") this.#owner.over(one.call);
      else if (one.kind === "post") this.#owner.post(one.call, one.bytes);
      else this.#owner.log(one.call, one.level, one.text);
    }
  }

  #tick(): void {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    const timeout = this.#owner.furthestDeadline(this);
    const stop = this.#enter(this.#only, timeout, (limit) =>
      this.#isolate.enter.tick.applySync(undefined, [], limit),
    );
    if (stop !== undefined) this.#owner.stopped(this, stop);
  }

  #begin([id, call, operation, args, blob]: Request): void {
    if (operation === "abort") {
      this.#aborts.get(args[0] as number)?.();
      return;
    }
    const bytes = blob === null ? undefined : this.#records.takeBytes(blob);
    const scope = this.#owner.scope(call);
    let wanted = true;
    if (id !== 0) this.#aborts.set(id, () => (wanted = false));
    const done = (add: () => boolean) => {
      this.#aborts.delete(id);
      if (id === 0 || !wanted || this.#gone) return;
      if (add()) queueMicrotask(() => this.#deliver());
    };
    const outcome =
      operation === "bundle.load"
        ? new Promise<{ value: number }>((resolve) =>
            resolve({ value: this.#owner.loadByHash(this, String(args[0])) }),
          )
        : this.#abilities.request(operation, scope, args, bytes);
    outcome.then(
      (result) => done(() => this.#answers.succeed(id, call, result)),
      (error) => done(() => this.#answers.fail(id, call, error)),
    );
  }

  /** Brings in everything that was answered, grouped so that each entry's limit suits the calls it resumes. */
  #deliver(): void {
    while (!this.#answers.empty && !this.#gone) {
      const longest = this.#limitOf(this.#answers.calls()[0]!);
      const answers = this.#answers.next((call) => similar(this.#limitOf(call), longest));
      const stop = this.#enter(this.#only, longest, (limit) =>
        this.#isolate.enter.deliver.applySync(undefined, [answers], limit),
      );
      if (stop !== undefined) this.#owner.stopped(this, stop);
    }
  }

  #limitOf(call: number): number {
    return call === 0 ? this.#owner.furthestDeadline(this) : this.#owner.remaining(call);
  }

  #hostCalls(): HostCalls {
    return {
      ask: (call, operation, args, blob) => {
        this.#records.drain();
        const bytes = blob < 0 ? undefined : this.#records.takeBytes(blob);
        const answer = this.#answers.immediate(() =>
          this.#abilities.ask(operation, this.#owner.scope(call), JSON.parse(args) as unknown[], bytes),
        );
        // The time limit of an entry does not count what is spent out here.
        if (performance.now() > this.#entryEnd) this.#isolate.isolate.dispose();
        return answer;
      },
      drain: () => this.#records.drain(),
      lend: (number, size) => this.#records.lend(number, size),
      open: (number) => this.#answers.open(number),
    };
  }
}

function shown(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

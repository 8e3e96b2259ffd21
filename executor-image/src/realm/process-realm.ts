/**
 * The trusted realm: the same bundles in this process itself, with everything that Node has. Nothing confines the
 * code, and synchronous code cannot be interrupted; the agent's watchdog ends the process past a deadline. A call that
 * goes on after it was ended costs the process, too, as soon as no other call is in it.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { constants, Script } from "node:vm";
import {
  BonfireError,
  CallFlag,
  type EncodeOptions,
  encode,
  encodeWithBlobs,
  handleEnded,
  ReplyKind,
} from "@bonfire/wire";
import { importFrom } from "../grants/import-from.ts";
import { BundleTable, MissingBundle, type ShipFactory } from "../guest/bundles.ts";
import type { ActorStarter } from "../guest/call-site.ts";
import { callSite } from "../guest/call-site.ts";
import { encodeError } from "../guest/encode-error.ts";
import { LiveCalls } from "../guest/live-calls.ts";
import { REALM_RUNTIME, realmRuntime } from "../guest/realm-runtime.ts";
import { deadlineError } from "../sandbox/stop.ts";
import { BundleStore, codeLimit } from "./bundle-store.ts";
import { CallConsole } from "./call-console.ts";
import { Deadlines } from "./deadlines.ts";
import { PendingCall } from "./pending-call.ts";
import type { ProcessActors } from "./process-actors.ts";
import type { IncomingCall, Realm, RealmEvents, RealmFacts, RealmOptions } from "./realm.ts";

const NOTHING = new Uint8Array(0);
/** So long code that was told to end has for it. */
const GRACE_MS = 25;

interface BundleSource {
  readonly hash: string;
  readonly code: string;
}

/** Those of this process; inline there may be several. */
const realms = new Set<ProcessRealm>();

/** What nobody awaited when its call ended must not end the process, and with it other calls. */
function onUnhandled(reason: unknown): void {
  for (const realm of realms) if (realm.noteUnhandled(reason)) return;
  throw reason;
}

export class ProcessRealm implements Realm {
  readonly #events: RealmEvents;
  readonly #console: CallConsole;
  readonly #sources: BundleStore<BundleSource>;
  readonly #evaluated = new Set<number>();
  readonly #bundles: BundleTable;
  readonly #pending = new Map<number, PendingCall>();
  /** Calls that were ended, but whose code runs on, with the reason. */
  readonly #strays = new Map<number, BonfireError>();
  readonly #deadlines = new Deadlines((now) => this.#expire(now));
  #grace: NodeJS.Timeout | undefined;
  readonly #live: LiveCalls;
  readonly #error: EncodeOptions;
  readonly #cwd = process.cwd();
  readonly #owns: boolean;
  readonly #loadActors: () => Promise<ProcessActors>;
  #actors: ProcessActors | undefined;

  /** @param owns whether the process is for nothing else, so that its working directory may change */
  constructor({ memoryMb, directory, workdir, events, cluster }: RealmOptions, owns = true) {
    this.#owns = owns;
    this.#events = events;
    this.#console = new CallConsole(events);
    this.#sources = new BundleStore(codeLimit(memoryMb), (bundle) => {
      this.#evaluated.delete(bundle);
      this.#bundles.unload(bundle);
    });
    const found = createRequire(join(directory, "closure.js"));
    const given = (specifier: string) => (specifier === REALM_RUNTIME ? realmRuntime : found(specifier));
    this.#bundles = new BundleTable(Object.assign(given, found), importFrom(directory));
    this.#live = new LiveCalls(this.#bundles, {
      send: (call, packet) => events.handle(call, packet),
      over: (call) => this.#over(call, NOTHING),
      console: (call) => this.#console.of(call),
      load: (hash) => this.#loadByHash(hash),
    });
    this.#error = { root: "error", reference: (value) => this.#bundles.reference(value) };
    // Most cells never start an actor, and then need not wait for what that takes.
    this.#loadActors = async () => {
      const { ProcessActors } = await import("./process-actors.ts");
      const over = (call: number) => this.#over(call, NOTHING);
      this.#actors ??= new ProcessActors(cluster(), over, (call, text) => events.log(call, "warn", text));
      return this.#actors;
    };
    if (owns) process.chdir(workdir);
    if (realms.add(this).size === 1) process.on("unhandledRejection", onUnhandled);
  }

  /** Whether nobody awaited it as its call has ended; then it is logged. */
  noteUnhandled(reason: unknown): boolean {
    if (!this.#live.isEnding(reason)) return false;
    this.#events.log(0, "error", `Unhandled rejection: ${(reason as Error).message}`);
    return true;
  }

  load(bundle: number, hash: string, code: string): void {
    this.#sources.put(bundle, { hash, code });
  }

  has(bundle: number): boolean {
    return this.#sources.use(bundle);
  }

  code(bundle: number): string | undefined {
    return this.#sources.get(bundle)?.code;
  }

  inspect(): RealmFacts {
    return { calls: this.#pending.size };
  }

  run(calls: readonly IncomingCall[]): void {
    const now = performance.now();
    for (const call of calls) {
      const pending = new PendingCall(call, now);
      this.#pending.set(call.id, pending);
      this.#begin(call);
      if (this.#pending.has(call.id)) this.#deadlines.watch(pending.deadline);
    }
  }

  receive(id: number, packet: Uint8Array): void {
    if (this.#pending.has(id) && !this.#actors?.has(id)) this.#live.receive(id, packet);
  }

  cancel(id: number, reason: BonfireError): boolean {
    const call = this.#pending.get(id);
    if (call === undefined) return true;
    if (call.answered) {
      this.#over(id, encode(reason));
      this.#live.close(id, reason);
      return true;
    }
    if (!this.#strays.has(id)) {
      call.deadline = Number.POSITIVE_INFINITY;
      this.#strays.set(id, reason);
      this.#live.close(id, reason);
      this.#reapLater();
    }
    return false;
  }

  async retire(patience: number): Promise<void> {
    await this.#actors?.retire(patience);
  }

  async close(): Promise<void> {
    clearTimeout(this.#grace);
    this.#deadlines.close();
    this.#pending.clear();
    this.#live.closeAll(handleEnded());
    realms.delete(this);
    if (realms.size === 0) process.off("unhandledRejection", onUnhandled);
    if (this.#owns) process.chdir(this.#cwd);
  }

  #reapLater(): void {
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => this.#reap(), GRACE_MS);
  }

  /** Nothing but the end of the process ends code that goes on; calls that are within their time come first. */
  #reap(): void {
    if (this.#strays.size === 0 || this.#strays.size < this.#pending.size) return;
    // First, as the answers then say that the code ends with the process.
    this.#events.retire(
      new BonfireError(
        "CELL_RESET",
        "The cell was replaced as the code of a call went on after it was ended",
      ),
    );
    for (const [id, reason] of [...this.#strays]) this.#answer(id, ReplyKind.error, encode(reason));
  }

  #begin(call: IncomingCall): void {
    const { id, bundle, body, flags } = call;
    try {
      if (flags & CallFlag.actor && !this.#actors) {
        const kept = { ...call, body: body.slice() };
        const begin = () => this.#invoke(kept, bundle, kept.body, this.#console.of(id));
        return this.#settle(id, this.#loadActors().then(begin));
      }
      this.#settle(id, this.#invoke(call, bundle, body, this.#console.of(id)));
    } catch (error) {
      this.#fail(id, error);
    }
  }

  /** Runs the call once `needed`, its own bundle or one that its values refer to, is evaluated. */
  #invoke(call: IncomingCall, needed: number, body: Uint8Array, console: Console): unknown {
    this.#evaluate(needed);
    const loading = this.#bundles.loading(needed);
    if (loading !== undefined) {
      const kept = body.slice();
      return loading.then(() => this.#invoke(call, call.bundle, kept, console));
    }
    try {
      return callSite(this.#bundles, this.#live, this.#actors as ActorStarter, call, body, console);
    } catch (error) {
      if (!(error instanceof MissingBundle)) throw error;
      return this.#invoke(call, this.#numberOf(error.hash), body, console);
    }
  }

  /** A value refers to a bundle that has been loaded, but whose code has not run yet. */
  async #loadByHash(hash: string): Promise<void> {
    const bundle = this.#numberOf(hash);
    this.#evaluate(bundle);
    await this.#bundles.loading(bundle);
  }

  #numberOf(hash: string): number {
    const bundle = this.#sources.numberOf(hash);
    if (bundle !== undefined) return bundle;
    throw new BonfireError("BUNDLE_MISSING", `This cell has no bundle ${hash}; it must be loaded again`);
  }

  #evaluate(bundle: number): void {
    if (this.#evaluated.has(bundle)) return;
    const source = this.#sources.get(bundle);
    if (source === undefined) {
      throw new BonfireError("BUNDLE_MISSING", `This cell has no bundle ${bundle}; it must be loaded again`);
    }
    const script = new Script(source.code, {
      filename: `bonfire:${source.hash}`,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    this.#evaluated.add(bundle);
    this.#bundles.load(bundle, source.hash, script.runInThisContext() as ShipFactory);
  }

  #settle(id: number, result: unknown): void {
    if (typeof (result as PromiseLike<unknown> | null | undefined)?.then !== "function") {
      this.#succeed(id, result);
      return;
    }
    (result as PromiseLike<unknown>).then(
      (value) => this.#succeed(id, value),
      (error) => this.#fail(id, error),
    );
  }

  #succeed(id: number, value: unknown): void {
    try {
      const bytes = encodeWithBlobs(value, {
        ...this.#error,
        root: "result",
        handle: (part) => this.#live.export(id, part),
      });
      if (!(bytes instanceof Promise)) return this.#give(id, bytes);
      bytes.then(
        (filled) => this.#give(id, filled),
        (error: unknown) => this.#fail(id, error),
      );
    } catch (error) {
      this.#fail(id, error);
    }
  }

  #give(id: number, bytes: Uint8Array): void {
    const call = this.#pending.get(id);
    const lives = () => this.#actors?.has(id) || this.#live.answered(id);
    if (call !== undefined && !this.#strays.has(id) && lives()) {
      call.answer();
      this.#events.reply(id, ReplyKind.liveValue, bytes);
    } else this.#answer(id, ReplyKind.value, bytes);
  }

  #fail(id: number, error: unknown): void {
    this.#answer(id, ReplyKind.error, encodeError(error, this.#error));
    this.#live.close(id, handleEnded());
  }

  #answer(id: number, kind: number, bytes: Uint8Array): void {
    const reason = this.#strays.get(id);
    if (!this.#end(id)) return;
    if (reason === undefined) this.#events.reply(id, kind, bytes);
    else this.#events.reply(id, ReplyKind.error, encode(reason));
  }

  #over(id: number, error: Uint8Array): void {
    if (this.#end(id)) this.#events.over(id, error);
  }

  #end(id: number): boolean {
    const call = this.#pending.get(id);
    call?.end();
    void this.#actors?.end(id);
    this.#strays.delete(id);
    if (this.#strays.size > 0) this.#reapLater();
    return this.#pending.delete(id);
  }

  #expire(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { id, deadline, budget } of [...this.#pending.values()]) {
      if (deadline <= now) this.cancel(id, deadlineError(budget, "waiting"));
      else next = Math.min(next, deadline);
    }
    return next;
  }
}

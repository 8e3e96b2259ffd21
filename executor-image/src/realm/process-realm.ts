/**
 * The trusted realm: the same bundles in this process itself, with everything that Node has. Nothing confines the
 * code, and synchronous code cannot be interrupted; the agent's watchdog ends the process past a deadline.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { constants, Script } from "node:vm";
import { BonfireError, type EncodeOptions, encode, ReplyKind } from "@bonfire/wire";
import { importFrom } from "../grants/import-from.ts";
import { BundleTable, type ShipFactory } from "../guest/bundles.ts";
import { callSite } from "../guest/call-site.ts";
import { encodeError } from "../guest/encode-error.ts";
import { deadlineError } from "../sandbox/stop.ts";
import { CallConsole } from "./call-console.ts";
import { Deadlines } from "./deadlines.ts";
import { PendingCall } from "./pending-call.ts";
import type { IncomingCall, Realm, RealmEvents, RealmFacts, RealmOptions } from "./realm.ts";

interface BundleSource {
  readonly hash: string;
  readonly code: string;
}

export class ProcessRealm implements Realm {
  readonly #events: RealmEvents;
  readonly #console: CallConsole;
  readonly #sources = new Map<number, BundleSource>();
  readonly #evaluated = new Set<number>();
  readonly #bundles: BundleTable;
  readonly #pending = new Map<number, PendingCall>();
  readonly #deadlines = new Deadlines((now) => this.#expire(now));
  readonly #result: EncodeOptions;
  readonly #cwd = process.cwd();

  constructor({ directory, workdir, events }: RealmOptions) {
    this.#events = events;
    this.#console = new CallConsole(events);
    const require = createRequire(join(directory, "closure.js"));
    this.#bundles = new BundleTable(require, importFrom(directory));
    this.#result = { root: "result", reference: (value) => this.#bundles.reference(value) };
    process.chdir(workdir);
  }

  load(bundle: number, hash: string, code: string): void {
    this.#sources.set(bundle, { hash, code });
  }

  has(bundle: number): boolean {
    return this.#sources.has(bundle);
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

  cancel(id: number, reason: BonfireError): void {
    this.#answer(id, ReplyKind.error, encode(reason));
  }

  async close(): Promise<void> {
    this.#deadlines.close();
    this.#pending.clear();
    process.chdir(this.#cwd);
  }

  #begin(call: IncomingCall): void {
    const { id, bundle, site, body } = call;
    const console = this.#console.of(id);
    try {
      this.#evaluate(bundle);
      const loading = this.#bundles.loading(bundle);
      if (loading === undefined) {
        this.#settle(id, callSite(this.#bundles, bundle, site, body, console));
        return;
      }
      const kept = body.slice();
      this.#settle(
        id,
        loading.then(() => callSite(this.#bundles, bundle, site, kept, console)),
      );
    } catch (error) {
      this.#fail(id, error);
    }
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
      this.#answer(id, ReplyKind.value, encode(value, this.#result));
    } catch (error) {
      this.#fail(id, error);
    }
  }

  #fail(id: number, error: unknown): void {
    this.#answer(id, ReplyKind.error, encodeError(error, this.#result));
  }

  #answer(id: number, kind: number, bytes: Uint8Array): void {
    const call = this.#pending.get(id);
    if (call === undefined) return;
    this.#pending.delete(id);
    call.end();
    this.#events.reply(id, kind, bytes);
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

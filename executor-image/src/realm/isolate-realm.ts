/**
 * The sandboxed realm: calls run in isolates of this process. Without files and programs they share one isolate and
 * enter it together; with them, or host modules, each running call has an isolate to itself, so that its working directory, children
 * and log lines are exactly its own. An isolate that had to be stopped is replaced by a spare one.
 */
import { BonfireError, CallFlag, encode, isGranted, ReplyKind } from "@bonfire/wire";
import { Abilities } from "../grants/abilities.ts";
import { CallScope } from "../grants/call-scope.ts";
import { guestFacts } from "../sandbox/guest-facts.ts";
import { MOST_PACKET_BYTES } from "../sandbox/records.ts";
import { type BundleCode, Sandbox, type SandboxOwner } from "../sandbox/sandbox.ts";
import { SpareIsolate } from "../sandbox/spare.ts";
import { deadlineError, memoryError, resetError, type Stop } from "../sandbox/stop.ts";
import { BundleStore, codeLimit } from "./bundle-store.ts";
import { CallDirectories } from "./call-directories.ts";
import { groupSize, LARGE_BODY } from "./call-group.ts";
import { Deadlines } from "./deadlines.ts";
import { IsolateActors, lostTo } from "./isolate-actors.ts";
import { PendingCall } from "./pending-call.ts";
import type { IncomingCall, Realm, RealmEvents, RealmFacts, RealmOptions } from "./realm.ts";

/** Isolates that are kept for later calls when each call has its own. */
const MOST_IDLE = 8;
/** Grants of things that belong to one call and end with it. */
const CALL_BOUND = ["files", "programs", "hostModules"] as const;
/** How long code may run that belongs to no waiting call, in milliseconds. */
const STRAY = 10_000;

const FLOODED = new BonfireError(
  "PROTOCOL",
  "The call sent far more of its streams than anybody had asked for",
);
const FORGED = new BonfireError("PROTOCOL", "The actor sent a message in the name of another");
const NOTHING = new Uint8Array(0);

/** Milliseconds after which a realm without calls uses its idleness. */
const WARM_AFTER = 50;

type Pending = PendingCall<Sandbox>;

function startsActor({ flags }: { readonly flags: number }): boolean {
  return (flags & CallFlag.actor) !== 0;
}

export class IsolateRealm implements Realm, SandboxOwner {
  readonly #events: RealmEvents;
  readonly #memoryMb: number;
  readonly #exclusive: boolean;
  readonly #spare: SpareIsolate;
  readonly #abilities: Abilities;
  readonly #directories: CallDirectories;
  readonly #bundles: BundleStore<BundleCode>;
  readonly #pending = new Map<number, Pending>();
  readonly #deadlines = new Deadlines((now) => this.#expire(now));
  readonly #idle: Sandbox[] = [];
  readonly #noCall: CallScope;
  readonly #actors: IsolateActors;
  readonly #workdir: string;
  #shared: Sandbox | undefined;
  /** Pending until the first call comes, after which it would be in the way. */
  #warming: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ memoryMb, grants, directory, workdir, events, cluster }: RealmOptions) {
    this.#events = events;
    this.#memoryMb = memoryMb;
    this.#exclusive = CALL_BOUND.some((grant) => isGranted(grants, grant));
    this.#spare = new SpareIsolate(memoryMb, JSON.stringify(guestFacts(grants, memoryMb, workdir)));
    this.#abilities = new Abilities({ grants, memoryMb, directory, events });
    this.#directories = new CallDirectories(workdir, (message) => events.log(0, "warn", message));
    this.#bundles = new BundleStore(codeLimit(memoryMb), (bundle) => this.#drop(bundle));
    this.#noCall = new CallScope(0, undefined, Number.POSITIVE_INFINITY);
    this.#actors = new IsolateActors(cluster);
    this.#workdir = workdir;
  }

  /** Builds the first isolate, so that the first call does not wait for it, and plans the spare one. */
  warm(): void {
    const sandbox = new Sandbox(this.#spare.first(), this, this.#abilities);
    if (this.#exclusive) this.#idle.push(sandbox);
    else this.#shared = sandbox;
    this.#warming = setTimeout(() => sandbox.warm(), WARM_AFTER);
    this.#warming.unref();
  }

  load(bundle: number, hash: string, code: string): void {
    this.#bundles.put(bundle, { hash, code });
  }

  has(bundle: number): boolean {
    return this.#bundles.use(bundle);
  }

  code(bundle: number): string | undefined {
    return this.#bundles.get(bundle)?.code;
  }

  inspect(): RealmFacts {
    return { calls: this.#pending.size, spareIsolate: this.#spare.inspect() };
  }

  run(calls: readonly IncomingCall[]): void {
    if (this.#closed) return;
    if (this.#warming !== undefined) this.#stopWarming();
    const now = performance.now();
    this.#spare.noteUse(now);
    let flags = 0;
    for (const call of calls) {
      this.#pending.set(call.id, new PendingCall(call, now));
      flags |= call.flags;
    }
    if (this.#exclusive) for (const call of calls) this.#runAlone(call);
    else if (!startsActor({ flags })) this.#runTogether(calls);
    else {
      for (const call of calls) {
        if (startsActor(call)) this.#runAlone(call);
        else this.#runTogether([call]);
      }
    }
    // What has not been answered by now waits for something, and its deadline has to be watched.
    if (this.#pending.size === 0) return;
    for (const { id, budget } of calls) {
      const waiting = budget > 0 ? this.#pending.get(id) : undefined;
      if (waiting !== undefined) this.#deadlines.watch(waiting.deadline);
    }
  }

  cancel(id: number, reason: BonfireError): boolean {
    const call = this.#pending.get(id);
    if (call === undefined) return true;
    const { place } = call;
    this.#fail(call, reason);
    if (place === undefined || place.gone) return true;
    this.#actors.lost(id);
    place.cancel(id);
    if (this.#exclusive || startsActor(call)) this.#discard(place);
    return true;
  }

  retire(patience: number): Promise<void> {
    return this.#actors.retire(patience);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWarming();
    this.#deadlines.close();
    this.#spare.close();
    const sandboxes = this.#sandboxes();
    this.#idle.length = 0;
    for (const call of this.#pending.values()) call.end();
    this.#pending.clear();
    this.#noCall.end();
    for (const sandbox of sandboxes) sandbox.dispose();
    await this.#directories.close();
  }

  #sandboxes(): Set<Sandbox> {
    const all = new Set(this.#idle);
    if (this.#shared !== undefined) all.add(this.#shared);
    for (const { place } of this.#pending.values()) if (place !== undefined) all.add(place);
    return all;
  }

  /** Its code was dropped for that of others: no isolate keeps it either. */
  #drop(bundle: number): void {
    for (const sandbox of this.#sandboxes()) sandbox.unload(bundle);
  }

  #stopWarming(): void {
    clearTimeout(this.#warming);
    this.#warming = undefined;
  }

  #runTogether(calls: readonly IncomingCall[]): void {
    let left = calls;
    while (left.length > 0) {
      const size = groupSize(left);
      const group = size === left.length ? left : left.slice(0, size);
      left = left.slice(size);
      const unstarted = this.#enter(group);
      // Their wait was of another call's making, so they get their time again; but once only.
      if (unstarted.length > 0) left = [...this.#stillInTime(unstarted), ...left];
    }
  }

  /** Runs a group of calls in the shared isolate; returns those that had not begun when it was stopped. */
  #enter(group: readonly IncomingCall[]): readonly IncomingCall[] {
    const sandbox = this.#sharedSandbox();
    if (sandbox === undefined) return [];
    let timeout = 0;
    for (const call of group) {
      timeout = Math.max(timeout, call.budget);
      if (!sandbox.has(call.bundle) && !this.#loadFor(call, sandbox))
        return group.filter(({ id }) => this.#pending.has(id));
    }
    for (const { id } of group) this.#pending.get(id)!.place = sandbox;
    const limit = timeout > 0 ? timeout : Number.POSITIVE_INFINITY;
    const [first] = group;
    const alone = group.length === 1 && first!.body.length > LARGE_BODY;
    const { started, stop } = alone ? sandbox.runLarge(first!, limit) : sandbox.run(group, limit);
    if (stop === undefined) return [];
    const unstarted = group.slice(started);
    for (const { id } of unstarted) this.#pending.get(id)!.place = undefined;
    this.stopped(sandbox, stop);
    return unstarted;
  }

  /** Loads the bundle of a call; false when the call has been failed for it. */
  #loadFor({ id, bundle, budget }: IncomingCall, sandbox: Sandbox): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined) return false;
    const { place } = pending;
    pending.place = sandbox;
    const source = this.#bundles.get(bundle);
    try {
      if (source === undefined) {
        throw new BonfireError(
          "BUNDLE_MISSING",
          `This cell has no bundle ${bundle}; it must be loaded again`,
        );
      }
      const stop = sandbox.load(bundle, source, id, budget > 0 ? budget : Number.POSITIVE_INFINITY);
      if (stop !== undefined) this.stopped(sandbox, stop);
      // The rest of the batch has not begun, so none of it has a place yet.
      pending.place = place;
      return stop === undefined;
    } catch (error) {
      this.#fail(pending, error);
      this.#leave(pending);
      return false;
    }
  }

  #stillInTime(calls: readonly IncomingCall[]): readonly IncomingCall[] {
    const now = performance.now();
    return calls.filter(({ id, budget }) => {
      const pending = this.#pending.get(id);
      if (pending === undefined) return false;
      if (budget === 0 || now < pending.deadline + budget) return true;
      this.#fail(pending, deadlineError(budget, "waiting"));
      return false;
    });
  }

  #runAlone(call: IncomingCall): void {
    const pending = this.#pending.get(call.id)!;
    const isActor = startsActor(call);
    // An actor keeps its isolate, so it gets one that nobody has used and gives it to nobody.
    const sandbox = isActor ? this.#openOrFail() : this.#takeIdle(call.bundle);
    if (sandbox === undefined) return;
    pending.place = sandbox;
    try {
      if (this.#exclusive) pending.directory = this.#directories.make();
    } catch (error) {
      if (isActor) this.#discard(sandbox);
      else this.#idle.push(sandbox);
      this.#fail(pending, error);
      return;
    }
    sandbox.assign(call.id, pending.directory ?? this.#workdir);
    const early = isActor ? this.#actors.open(call.id, sandbox) : undefined;
    if (early !== undefined) return this.stopped(sandbox, early);
    if (!sandbox.has(call.bundle) && !this.#loadFor(call, sandbox)) return;
    const limit = this.remaining(call.id);
    const { stop } =
      call.body.length > LARGE_BODY ? sandbox.runLarge(call, limit) : sandbox.run([call], limit);
    if (stop !== undefined) this.stopped(sandbox, stop);
  }

  #takeIdle(bundle: number): Sandbox | undefined {
    const at = this.#idle.findLastIndex((sandbox) => sandbox.has(bundle));
    if (at !== -1) return this.#idle.splice(at, 1)[0];
    return this.#idle.pop() ?? this.#openOrFail();
  }

  #sharedSandbox(): Sandbox | undefined {
    if (this.#shared === undefined || this.#shared.gone) this.#shared = this.#openOrFail();
    return this.#shared;
  }

  #open(): Sandbox {
    return new Sandbox(this.#spare.take(), this, this.#abilities);
  }

  /** A new sandbox; when the process cannot make any more, every call fails and the cell is told. */
  #openOrFail(): Sandbox | undefined {
    try {
      return this.#open();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const broken = new BonfireError("CELL_BROKEN", `Cannot build a sandbox: ${reason}`);
      for (const call of [...this.#pending.values()]) this.#fail(call, broken);
      this.#events.broken(broken);
      return undefined;
    }
  }

  reply(id: number, kind: number, bytes: Uint8Array): void {
    const call = this.#pending.get(id);
    if (call === undefined || call.answered) return;
    if (kind === ReplyKind.liveValue) {
      call.answer();
      this.#events.reply(id, kind, bytes);
      return;
    }
    this.#end(call);
    this.#events.reply(id, kind, bytes);
    this.#leave(call);
  }

  over(id: number): void {
    const call = this.#pending.get(id);
    if (call === undefined || !call.answered) return;
    this.#end(call);
    this.#events.over(id, NOTHING);
    this.#leave(call);
  }

  post(id: number, bytes: Uint8Array): void {
    if (!this.#actors.posted(id, bytes)) queueMicrotask(() => this.cancel(id, FORGED));
  }

  handle(id: number, packet: Uint8Array): void {
    const call = this.#pending.get(id);
    if (call === undefined) return;
    call.unheard += packet.length;
    if (call.unheard <= MOST_PACKET_BYTES) this.#events.handle(id, packet);
    else this.flooded(id);
  }

  flooded(id: number): void {
    // Not now, as the isolate has not been left for good.
    queueMicrotask(() => this.cancel(id, FLOODED));
  }

  receive(id: number, packet: Uint8Array): void {
    const call = this.#pending.get(id);
    if (call?.place === undefined || call.place.gone) return;
    call.unheard = 0;
    call.place.handle(id, packet);
  }

  /** The call's own isolate, if it had one, is free again. */
  #leave(call: Pending): void {
    const { place } = call;
    const isActor = startsActor(call);
    if ((!this.#exclusive && !isActor) || place === undefined || place.gone) return;
    // Left at the end of the turn: what the isolate still has to say is of this call.
    if (isActor) void this.#actors.ended(call.id).then(() => this.#discard(place));
    else setImmediate(() => this.#putBack(place));
  }

  log(call: number, level: "debug" | "log" | "info" | "warn" | "error", text: string): void {
    this.#events.log(call, level, text);
  }

  scope(id: number): CallScope {
    const call = this.#pending.get(id);
    if (call !== undefined) return call.scope;
    if (!this.#exclusive && id === 0) return this.#noCall;
    const over = new CallScope(id, undefined, 0);
    over.end();
    return over;
  }

  remaining(id: number): number {
    const call = this.#pending.get(id);
    if (call === undefined || (call.answered && call.deadline === Number.POSITIVE_INFINITY)) {
      return Math.max(STRAY, this.#actors.asked(id));
    }
    return Math.max(1, call.deadline - performance.now());
  }

  furthestDeadline(sandbox: Sandbox): number {
    let furthest = 0;
    let waiting = false;
    for (const { place, deadline, answered, id, flags } of this.#pending.values()) {
      if (place === sandbox && flags & CallFlag.actor) return this.remaining(id);
      if (place !== sandbox || (answered && deadline === Number.POSITIVE_INFINITY)) continue;
      waiting = true;
      if (deadline !== Number.POSITIVE_INFINITY) furthest = Math.max(furthest, deadline);
    }
    if (!waiting) return STRAY;
    return furthest === 0 ? Number.POSITIVE_INFINITY : Math.max(1, furthest - performance.now());
  }

  loadByHash(sandbox: Sandbox, hash: string): number {
    const bundle = this.#bundles.numberOf(hash);
    if (bundle === undefined)
      throw new BonfireError("BUNDLE_MISSING", `This cell has no bundle ${hash}; it must be loaded again`);
    if (!sandbox.has(bundle)) {
      const stop = sandbox.load(bundle, this.#bundles.get(bundle)!, 0, STRAY);
      if (stop !== undefined) this.stopped(sandbox, stop);
    }
    return bundle;
  }

  /** Fails the calls that the stopped isolate had begun. */
  stopped(sandbox: Sandbox, stop: Stop): void {
    const now = performance.now();
    const affected = [...this.#pending.values()].filter(({ place }) => place === sandbox);
    const known = affected.some(({ id }) => id === stop.culprit);
    for (const call of affected) {
      this.#actors.lost(call.id, lostTo(stop, this.#memoryMb));
      this.#fail(call, this.#errorOf(call, stop, known, now));
    }
  }

  #errorOf(call: Pending, stop: Stop, known: boolean, now: number): BonfireError {
    const guilty = known ? call.id === stop.culprit : stop.kind === "memory" || call.deadline <= now;
    if (!guilty) return resetError(stop, this.#memoryMb);
    if (stop.kind === "memory") return memoryError(this.#memoryMb);
    if (call.budget > 0) return deadlineError(call.budget, "running");
    return new BonfireError(
      "CELL_RESET",
      "Call was stopped because it kept its cell busy past the deadlines of the others: give it a deadline, or a pool of its own",
    );
  }

  /** Ends the calls whose deadline has passed; returns the earliest deadline left. */
  #expire(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { id, deadline, budget } of [...this.#pending.values()]) {
      if (deadline <= now) this.cancel(id, deadlineError(budget, "waiting"));
      else next = Math.min(next, deadline);
    }
    return next;
  }

  #fail(call: Pending, error: unknown): void {
    this.#end(call);
    if (call.answered) this.#events.over(call.id, encode(error));
    else this.#events.reply(call.id, ReplyKind.error, encode(error));
  }

  #end(call: Pending): void {
    this.#pending.delete(call.id);
    call.end();
    if (call.directory !== undefined) this.#directories.remove(call.directory);
  }

  #putBack(sandbox: Sandbox): void {
    if (this.#idle.length >= MOST_IDLE || this.#closed) this.#discard(sandbox);
    else {
      sandbox.release();
      if (!sandbox.gone) this.#idle.push(sandbox);
    }
  }

  #discard(sandbox: Sandbox): void {
    sandbox.dispose();
    this.#spare.noteUse(performance.now());
  }
}

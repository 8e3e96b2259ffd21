/** One call from the moment it is made until its caller has an answer. */
import {
  BonfireError,
  CallFlag,
  type HandleHooks,
  handleEnded,
  PacketKind,
  packet,
  ReplyKind,
} from "@bonfire/wire";
import type { Address } from "../actor/address.ts";
import { Question } from "../bus/inbox.ts";
import type { Bundle } from "../closure/bundle.ts";
import type { Closure } from "../closure/capture.ts";
import type { Resources } from "../supervisor/resources.ts";
import { CallHandles } from "./call-handles.ts";
import type { CellLink } from "./cell-link.ts";
import type { Need } from "./demand-tally.ts";
import { noteHeld } from "./held.ts";
import type { ReplyReader } from "./reply-reader.ts";
import type { Waiting } from "./waiting-queue.ts";

/** A stream that came back is given up when nobody has read it for so long. */
const IDLE_MS = 60_000;
const NOTHING = new Uint8Array(0);
/** How much longer than a stream's deadline the driver waits: the cell enforces it. */
const GRACE_MS = 1_000;

export type CallPhase =
  | { readonly name: "waiting" }
  /** On its way to the cell or running there. */
  | { readonly name: "running"; readonly cell: CellLink }
  /** It has run; its large value is on its way. */
  | { readonly name: "receiving"; readonly cell: CellLink }
  /** Its caller has the value, but something in it is alive over there. */
  | { readonly name: "open"; readonly cell: CellLink }
  | { readonly name: "settled" };

/** One for all, as ten thousand may wait. */
const WAITING = { name: "waiting" } as const;

/** What a call asks of the pool it belongs to. */
export interface CallHost {
  readonly replies: ReplyReader;
  /** The call's caller needs it no longer; it is in this phase. */
  abandoned(call: Call, phase: CallPhase, reason: unknown): void;
  /** The cell that should have run it does not exist, so it did not run. */
  undelivered(call: Call, cell: CellLink): void;
  /** The caller has its answer, and of a stream all of it. */
  settled(): void;
  /** The actor that it is for has started in `cell`; returns what its caller gets. */
  started(actor: Address, cell: CellLink): unknown;
  /** From now on packets for the call are to go to it; it is alive until `forgotten`. */
  live(call: Call): void;
  forgotten(call: Call): void;
  /** Has `onExpire` called after so many ms, as long as the call is open. */
  watch(call: Call, ms: number): void;
  unwatch(call: Call): void;
  /** The work has ended: the slot is free. */
  ended(call: Call, cell: CellLink): void;
  /** It has waited long enough for the cell of its key. */
  impatient(call: Call): void;
  timedOut(call: Call, phase: CallPhase): BonfireError;
}

export interface CallParts {
  readonly closure: Closure;
  readonly args: Uint8Array;
  readonly bundles: readonly Bundle[];
  /** How long the caller gave it, in ms. */
  readonly budget: number;
  /** performance.now() at which that is over. */
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
  /** See `CallFlag`. */
  readonly flags: number;
  /** What is alive in its captures and arguments. */
  readonly handles: CallHandles | undefined;
  /** The stack of the caller, where that cannot be told later. */
  readonly callSite: string | undefined;
  /** Higher goes first. */
  readonly priority: number;
  /** Calls of one key go to one cell while it lives. */
  readonly affinity: string | undefined;
  /** What it takes of its executor beside a slot. */
  readonly resources: Resources | undefined;
}

/** What a call is rejected with inside, on its way to where the caller's stack is known. */
class Rejection {
  readonly call: Call;
  readonly error: unknown;

  constructor(call: Call, error: unknown) {
    this.call = call;
    this.error = error;
  }
}

/**
 * Runs as a step of the caller's own await, so an Error made in it knows the caller's frames; making one at each call,
 * in case it fails, would cost twenty times as much. One function for all calls, as very many may wait.
 */
function located({ call, error }: Rejection): never {
  throw call.host.replies.located(call, error, new Error("called here").stack);
}

export class Call extends Question implements Waiting {
  readonly priority: number;
  readonly affinity: string | undefined;
  turn = 0;
  place = -1;
  /** What it is counted under while any slot would serve it. */
  need: Need | undefined;
  /** The cell of its key, for which it waits. */
  home: CellLink | undefined;
  /** Where its code may be running. */
  copyIn: CellLink | undefined;
  /** performance.now() when it was sent. */
  sentAt = 0;
  readonly id: number;
  readonly closure: Closure;
  readonly args: Uint8Array;
  readonly bundles: readonly Bundle[];
  readonly budget: number;
  readonly deadlineAt: number;
  readonly flags: number;
  readonly callSite: string | undefined;
  readonly resources: Resources | undefined;
  #promise: Promise<unknown> | undefined;
  /** Where the actor is that the call has started. */
  actor: Address | undefined;
  #handles: CallHandles | undefined;
  readonly host: CallHost;
  readonly #signal: AbortSignal | undefined;
  #resolve: (value: unknown) => void;
  #reject: (error: unknown) => void;
  /** Once the caller has the value: it holds what is alive over there, and only the caller is to hold it. */
  #answered: WeakRef<Promise<unknown>> | undefined;
  #phase: CallPhase = WAITING;
  #reloaded = false;
  #freed: PromiseWithResolvers<void> | undefined;

  constructor(id: number, host: CallHost, parts: CallParts) {
    super();
    this.id = id;
    this.closure = parts.closure;
    this.args = parts.args;
    this.bundles = parts.bundles;
    this.budget = parts.budget;
    this.deadlineAt = parts.deadlineAt;
    this.flags = parts.flags;
    this.callSite = parts.callSite;
    this.priority = parts.priority;
    this.affinity = parts.affinity;
    this.resources = parts.resources;
    this.host = host;
    this.#signal = parts.signal;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#promise = promise.catch(located);
    this.#resolve = resolve;
    this.#reject = reject;
    parts.signal?.addEventListener("abort", this, { once: true });
    if (parts.handles) this.#adopt(parts.handles);
  }

  #adopt(handles: CallHandles): void {
    this.#handles = handles;
    handles.bind(this);
    this.host.live(this);
  }

  /** Its live handles, made when they are first met in its value. */
  get handles(): CallHandles {
    if (!this.#handles) this.#adopt(new CallHandles());
    return this.#handles as CallHandles;
  }

  /** What its caller waits for; to be had until it has a value in which something is alive. */
  get promise(): Promise<unknown> {
    return this.#promise as Promise<unknown>;
  }

  /** How a value is read in which nothing is alive but, perhaps, refs that the call took along. */
  get importer(): HandleHooks["import"] | undefined {
    return this.#handles?.session.hooks.import;
  }

  /** Whether this is what its caller waits for, or has waited for. */
  answers(promise: Promise<unknown>): boolean {
    return (this.#promise ?? this.#answered?.deref()) === promise;
  }

  get phase(): CallPhase {
    return this.#phase;
  }

  get settled(): boolean {
    return this.#phase.name === "settled";
  }

  /** It has a slot in `cell`. */
  assigned(cell: CellLink): void {
    this.#phase = { name: "running", cell };
  }

  /** It lost its slot before it ran. */
  returned(): void {
    this.#phase = WAITING;
    this.copyIn = undefined;
  }

  /** Its message is on its way to `cell`. */
  sent(cell: CellLink, now: number): void {
    this.copyIn = cell;
    this.sentAt = now;
    this.#handles?.session.start();
  }

  fail(error: unknown): void {
    if (this.settled) return;
    this.#settle(error);
    this.#reject(new Rejection(this, error));
  }

  /** It could not be sent: it fails, and its slot is free again. */
  unsent(cell: CellLink, error: unknown): void {
    this.fail(error);
    this.host.ended(this, cell);
  }

  override onReply(data: Uint8Array): void {
    const phase = this.#phase;
    if (phase.name !== "running") return;
    const { cell } = phase;
    const kind = data[0] ?? 0;
    const body = data.subarray(1);
    this.copyIn = undefined;
    if (!this.#reloaded && this.host.replies.mustReload(kind, body)) {
      this.#reloaded = true;
      return cell.resend(this);
    }
    const isLive = kind === ReplyKind.liveValue || kind === ReplyKind.liveValueByTransfer;
    try {
      const value = this.host.replies.revive(kind, body, this, cell);
      if (value instanceof Promise) this.#receive(value, cell, isLive);
      else this.#give(value, cell, isLive);
    } catch (error) {
      // Nobody can use what is alive in a value that cannot be read.
      if (isLive) return this.abandon(error);
      this.#settle();
      this.#reject(new Rejection(this, error));
      this.#ended(cell);
    }
  }

  #give(value: unknown, cell: CellLink, isLive: boolean): void {
    if (isLive) this.#open(cell, value);
    else this.#settle();
    this.#resolve(this.flags & CallFlag.actor ? this.#started(value as Address, cell) : value);
    if (isLive) this.#letGo();
    else this.#ended(cell);
  }

  #started(actor: Address, cell: CellLink): unknown {
    this.actor = actor;
    return this.host.started(actor, cell);
  }

  /** A large value comes as a transfer, which ends by itself if it stalls; the call is not over before it is. */
  #receive(value: Promise<unknown>, cell: CellLink, isLive: boolean): void {
    this.#phase = { name: "receiving", cell };
    value.then(
      (whole) => {
        if (!this.settled) return this.#give(whole, cell, isLive);
        this.#ended(cell);
      },
      (error) => {
        if (isLive) {
          this.#phase = { name: "running", cell };
          return this.abandon(error);
        }
        this.fail(error);
        this.#ended(cell);
      },
    );
  }

  // What is alive

  /** The caller has the value; the slot stays taken until the cell says that all of it has ended. */
  #open(cell: CellLink, value: unknown): void {
    this.#phase = { name: "open", cell };
    // It is open until the actor has ended, whoever uses it.
    if (this.flags & CallFlag.actor) {
      this.#signal?.removeEventListener("abort", this);
      return this.host.settled();
    }
    noteHeld(value, this);
    const isStream = (this.flags & CallFlag.stream) !== 0;
    if (!isStream) this.host.settled();
    this.host.watch(this, isStream ? this.deadlineAt - performance.now() + GRACE_MS : IDLE_MS);
  }

  /** A packet from the cell. */
  onPacket(packet: Uint8Array): void {
    this.#handles?.session.receive(packet);
    const phase = this.#phase;
    if (packet[0] !== PacketKind.over || phase.name !== "open") return;
    this.#settle();
    this.#ended(phase.cell);
  }

  sendPacket(packet: Uint8Array): void {
    const phase = this.#phase;
    if (phase.name === "waiting" || phase.name === "settled") return;
    try {
      phase.cell.sendPacket(this.id, packet);
    } catch (error) {
      // Not from within the session, which is about to change.
      queueMicrotask(() => this.cutOff(error));
    }
  }

  /** Makes bundles known to the cell that the call runs in. */
  load(bundles: readonly Bundle[]): Promise<unknown> | undefined {
    const phase = this.#phase;
    return phase.name === "waiting" || phase.name === "settled" ? undefined : phase.cell.load(bundles);
  }

  received(error: unknown): unknown {
    return this.host.replies.received(this, error);
  }

  /** Packets have been lost. What waits for the value alone may go on. */
  cutOff(error: unknown): void {
    if (this.actor) this.#askWhetherOver();
    else if (this.#phase.name === "open") this.abandon(error);
    else if (error instanceof BonfireError) this.#handles?.session.end(error);
  }

  /** The word of its end may have been among what was lost: for what is over, the cell says so again. */
  #askWhetherOver(): void {
    this.sendPacket(packet(PacketKind.credit, 0, NOTHING));
  }

  #letGo(): void {
    this.#answered = new WeakRef(this.promise);
    this.#promise = undefined;
    this.#resolve = this.#reject = () => undefined;
  }

  /** Ends what is alive in its value. Resolves when its slot is free. */
  release(): Promise<void> {
    if (this.#phase.name === "open") {
      this.#freed = Promise.withResolvers();
      this.abandon(handleEnded());
    }
    return this.#freed?.promise ?? Promise.resolve();
  }

  /** Its slot is free. */
  freed(): void {
    this.#freed?.resolve();
  }

  #ended(cell: CellLink): void {
    if (cell.inFlight.delete(this)) this.host.ended(this, cell);
  }

  override onNobody(): void {
    if (this.#phase.name === "running") this.host.undelivered(this, this.#phase.cell);
  }

  override onExpire(): void {
    if (this.#phase.name === "open" && !(this.flags & CallFlag.stream)) this.#checkIdle();
    else if (this.home && performance.now() < this.deadlineAt) this.host.impatient(this);
    else this.abandon(this.host.timedOut(this, this.#phase));
  }

  #checkIdle(): void {
    const { session } = this.handles;
    const left = session.isAwaited ? IDLE_MS : session.usedAt + IDLE_MS - performance.now();
    if (left > 0) return this.host.watch(this, left);
    this.abandon(
      new BonfireError(
        "STREAM_IDLE",
        `A stream that the call at ${this.closure.at} gave back was not read for ${IDLE_MS / 1_000} s: read it, or cancel it`,
      ),
    );
  }

  /** Its signal was aborted. A method, as a listener for each of many that wait would take more memory. */
  handleEvent(): void {
    this.abandon(this.#signal?.reason);
  }

  /** Its caller needs it no longer, or it cannot go on: ends the work over there, too. */
  abandon(reason: unknown): void {
    const phase = this.#phase;
    if (phase.name === "settled") return;
    this.fail(reason);
    this.host.abandoned(this, phase, reason);
  }

  /** `reason` is what the users of its live handles get from now on; without it, that the call has ended. */
  #settle(reason?: unknown): void {
    const { name } = this.#phase;
    this.#phase = { name: "settled" };
    this.#signal?.removeEventListener("abort", this);
    if (name === "open") this.host.unwatch(this);
    if (this.#handles) {
      this.#handles.session.close(reason ?? handleEnded());
      this.host.forgotten(this);
    }
    if (name !== "open" || this.flags & CallFlag.stream) this.host.settled();
  }
}

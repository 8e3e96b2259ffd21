/**
 * The driver's side of a pool: calls wait here, get a slot, and go straight to the cell. It tells the supervisor
 * what it needs and is told what it gets; it decides nothing about executors. Long, as calls, slots and cells change
 * together: each of its parts would need the state of the others.
 */
import { setTimeout as pause } from "node:timers/promises";
import { BonfireError, decode, hasCode, ReplyKind, unpack } from "@bonfire/wire";
import type { Address } from "../actor/address.ts";
import { type Reason, reasonError } from "../actor/reason.ts";
import type { Ref } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import type { Bus } from "../bus/bus.ts";
import { TimerWheel } from "../bus/timer-wheel.ts";
import { locateError, reviveError, reviveValue } from "../closure/revive-error.ts";
import { localStack } from "../closure/stack.ts";
import type { Report } from "../supervisor/driver-record.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { AgentPort, CellOffer, KeeperPort } from "./agent-port.ts";
import type { Call, CallHost, CallPhase } from "./call.ts";
import { CellLink } from "./cell-link.ts";
import type { ClientHost } from "./client.ts";
import { LeaseReport } from "./lease-report.ts";
import { Slots } from "./slots.ts";
import { WaitingQueue } from "./waiting-queue.ts";

/** Unused slots go back to the supervisor after so long, so that others may have them and executors may idle out. */
const LINGER_MS = 1_000;
const SWEEP_MS = 100;
const ADMIT_MS = 30_000;
/** After an outage of NATS a cell may take so long until it listens again; its keeper tells if it is gone. */
const BACK_MS = 5_000;
const AGAIN_MS = 100;
/** How often a busy cell is asked again to end a call. */
const RECHECK_MS = 500;

/** Codes that tell the reader of a stream more than that its executor is gone. */
const SAYS_ENOUGH = new Set(["POOL_CLOSED", "EXECUTOR_LOST", "MEMORY_LIMIT"]);

/** How long an actor may keep its cell busy, as V8's limit in isolates says. */
const TURN_MS = 10_000;

/**
 * Whether a call of the cell other than `overdue`, which has been asked to end since `since`, is still within its
 * deadline, or an actor's turn within its limit.
 */
function hasTime(calls: Iterable<Call>, overdue: Call, since: number): boolean {
  const now = performance.now();
  for (const call of calls) {
    if (call === overdue || call.settled) continue;
    if (now < (call.actor ? since + TURN_MS : call.deadlineAt)) return true;
  }
  return false;
}

function cellGone(executor: string, reason: Reason): BonfireError {
  if (reason.kind !== "normal") return reasonError(`The cell on executor ${executor}`, reason);
  return new BonfireError("EXECUTOR_LOST", `Executor ${executor} was stopped while the call ran`);
}

/** The error of a stream whose cell is gone. */
function cutShort(call: Call, error: BonfireError): BonfireError {
  if (SAYS_ENOUGH.has(error.code)) return error;
  return new BonfireError(
    "EXECUTOR_LOST",
    `The executor of a stream of the call at ${call.closure.at} is gone: ${error.message}`,
    { cause: error },
  );
}

function ranTooLong(call: Call, what: string, cause?: unknown): BonfireError {
  return new BonfireError(
    "CALL_TIMEOUT",
    `Call at ${call.closure.at} exceeded its deadline of ${spoken(call.budget)} while it ran${what}: give it more time, or split the work`,
    cause === undefined ? undefined : { cause },
  );
}

function spoken(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(2))} s`;
}

/** The encoded error of a reply, on its way to where the caller's stack is known. */
class RemoteFailure {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

export interface DispatcherEvents {
  fleet(ready: number, booting: number): void;
  bootFailed(error: BonfireError): void;
  supervisorGone(reason: Reason): void;
}

export class Dispatcher implements CallHost, ClientHost {
  readonly #pool: string;
  readonly #system: ActorSystem<Bus>;
  readonly #events: DispatcherEvents;
  readonly #linger: number;
  readonly #slots = new Slots();
  readonly #queue = new WaitingQueue<Call>();
  readonly #wheel = new TimerWheel();
  readonly #cells = new Map<string, CellLink>();
  /** Slots on executors where a cell is being asked for. */
  readonly #admitting = new Map<string, number>();
  readonly #report: LeaseReport;
  #supervisor: Ref<Supervisor> | undefined;
  /** The last grant that has arrived. */
  #seen = 0;
  /** The supervisor wants back what is held above this. */
  #keep = Number.POSITIVE_INFINITY;
  /** How long the slots were unused that were given back last, ms. */
  #idleMs = 0;
  #lastBootFailure: BonfireError | undefined;
  #fleet = { ready: 0, booting: 0 };
  #sweep: NodeJS.Timeout | undefined;
  #closed = false;
  /** Calls with live handles. */
  readonly #live = new Map<number, Call>();
  readonly #stopFollowing: () => void;
  /** Calls that have no answer yet. */
  #open = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(pool: string, system: ActorSystem<Bus>, idleAfter: number, events: DispatcherEvents) {
    this.#pool = pool;
    this.#system = system;
    this.#events = events;
    this.#linger = Math.min(LINGER_MS, idleAfter);
    this.#stopFollowing = system.bus.onReconnect(() => this.#cutOff());
    this.#report = new LeaseReport(
      () => this.#state(),
      () => this.#forgotten(),
    );
  }

  /** From now on this supervisor is told what the driver needs. */
  serveUnder(supervisor: Ref<Supervisor>): void {
    this.#supervisor = supervisor;
    this.#seen = 0;
    this.#report.serveUnder(supervisor);
  }

  submit(call: Call): void {
    this.opened();
    if (this.#closed) return call.fail(new BonfireError("POOL_CLOSED", `Pool "${this.#pool}" is closed`));
    const cell = this.#queue.size === 0 ? this.#slots.take() : undefined;
    if (cell) return this.#start(call, cell);
    this.#queue.push(call);
    this.#wheel.add(call, call.deadlineAt - performance.now());
    this.#report.changed();
  }

  /** A call was made; it counts until `settled`. */
  opened(): void {
    this.#open++;
  }

  settled(): void {
    if (--this.#open === 0) this.#drained?.resolve();
  }

  /** Resolves when every call that was made has its answer. */
  drained(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  /** Stops the actors of this driver in order; those that do not end within `ms` end with their cells. */
  async stopActors(ms: number): Promise<void> {
    const actors = [...this.#slots].flatMap((cell) => cell.actors);
    const stopping = actors.map((actor) => this.#system.controls.end(actor, "stop", Math.max(1, ms)));
    await Promise.allSettled(stopping);
  }

  /** Fails whatever is left and gives everything back. */
  close(error: BonfireError): void {
    this.#closed = true;
    this.#report.close();
    this.#stopFollowing();
    clearInterval(this.#sweep);
    for (const call of this.#queue.drain()) this.#failWaiting(call, error);
    for (const cell of this.#slots) {
      this.#dropCell(cell, error);
      this.#system.ref<AgentPort>(cell.agent).tell.dismiss();
    }
    this.#supervisor?.tell.leave();
  }

  inspect() {
    return {
      waiting: this.#queue.size,
      running: this.#slots.busy,
      /** Calls with live handles: streams, signals, remote functions. */
      live: this.#live.size,
      executors: this.#fleet,
      cells: [...this.#slots].map(({ executor, node, slots, busy, codeBytes, actors }) => ({
        executor,
        node,
        slots,
        busy,
        /** Actors that this driver has started there; each takes a slot. */
        actors: actors.length,
        codeBytes,
      })),
      lastBootFailure: this.#lastBootFailure?.message,
    };
  }

  #start(call: Call, cell: CellLink): void {
    call.assigned(cell);
    cell.send(call);
  }

  /** Gives free slots to whoever has waited longest. */
  #pump(): void {
    while (this.#queue.size > 0) {
      const cell = this.#slots.take();
      if (!cell) break;
      const call = this.#queue.shift() as Call;
      this.#wheel.remove(call);
      this.#start(call, cell);
    }
    this.#report.changed();
  }

  #failWaiting(call: Call, error: unknown): void {
    this.#wheel.remove(call);
    call.fail(error);
  }

  // What calls say

  ended(cell: CellLink): void {
    cell.busy--;
    if (this.#keep < Number.POSITIVE_INFINITY) this.#giveBack();
    if (this.#queue.size > 0) return this.#pump();
    if (cell.busy === 0) cell.idleSince = performance.now();
    this.#sweepLater();
  }

  undelivered(call: Call, cell: CellLink): void {
    // Nobody listened, or the cell takes no more calls: it has not run, so another cell may have it without risk of
    // running it twice. What else runs in this one goes on until its keeper says otherwise.
    cell.inFlight.delete(call);
    cell.busy--;
    cell.slots = 0;
    cell.suspect = true;
    this.#report.changed();
    call.returned();
    this.#queue.unshift(call);
    this.#wheel.add(call, Math.max(1, call.deadlineAt - performance.now()));
    this.#pump();
  }

  abandoned(call: Call, phase: CallPhase, reason: unknown): void {
    if (phase.name === "waiting") {
      this.#queue.remove(call);
      this.#wheel.remove(call);
      this.#report.changed();
    } else if (phase.name === "running" || phase.name === "open") {
      this.#system.bus.forget(call);
      // The cell's own timeout should have ended it a second ago.
      if (hasCode(reason, "CALL_TIMEOUT")) phase.cell.suspect = true;
      const patience = hasCode(reason, "LINK_DOWN") ? BACK_MS : 0;
      const message = reason instanceof Error ? reason.message : String(reason);
      void this.#endWork(call, phase.cell, message, patience);
    }
  }

  /** The slot is freed only when the work has really ended. */
  async #endWork(call: Call, cell: CellLink, message: string, patience = 0): Promise<void> {
    const since = performance.now();
    const giveUpAt = since + patience;
    try {
      while (cell.inFlight.has(call)) {
        const ended = await cell.cancel(call.id, message).catch((error: unknown) => {
          if (performance.now() >= giveUpAt) throw error;
          return "unheard" as const;
        });
        if (ended === true) break;
        if (ended === "unheard") {
          await pause(AGAIN_MS);
          continue;
        }
        // It does not even answer. Another call that is within its time may rightly keep it busy; if there is none,
        // its keeper finds out whether the cell is stuck, and kills it if so.
        if (hasTime(cell.inFlight, call, since)) await pause(RECHECK_MS);
        else await this.#system.ref<KeeperPort>(cell.keeper).overdue(message);
      }
    } catch (error) {
      return this.#dropCell(cell, error as BonfireError);
    }
    cell.suspect = false;
    if (cell.inFlight.delete(call)) this.ended(cell);
  }

  live(call: Call): void {
    this.#live.set(call.id, call);
  }

  forgotten(call: Call): void {
    this.#live.delete(call.id);
  }

  watch(call: Call, ms: number): void {
    this.#wheel.add(call, ms);
  }

  unwatch(call: Call): void {
    this.#wheel.remove(call);
  }

  /** A message to this driver's handle subject: u32 id of the call, then the packet. */
  packet(cell: string, message: Uint8Array): void {
    const id = new DataView(message.buffer, message.byteOffset, message.byteLength).getUint32(0, true);
    const call = this.#live.get(id);
    // A cell speaks of its own calls only.
    if (
      call &&
      call.phase.name !== "waiting" &&
      call.phase.name !== "settled" &&
      call.phase.cell.node === cell
    )
      call.onPacket(message.subarray(4));
  }

  /** The link is up again; packets were lost meanwhile. */
  #cutOff(): void {
    const error = new BonfireError("LINK_DOWN", "The link to NATS broke while this was in use");
    for (const call of [...this.#live.values()]) call.cutOff(error);
  }

  received(call: Call, error: unknown): unknown {
    const remote = locateError(error, call.callSite ?? call.closure);
    return remote instanceof BonfireError && hasCode(remote, "CALL_TIMEOUT")
      ? ranTooLong(call, "", remote)
      : remote;
  }

  revive(kind: number, body: Uint8Array, call: Call, cell: CellLink): unknown {
    switch (kind) {
      case ReplyKind.value:
        return reviveValue(body, call.importer);
      case ReplyKind.error:
        throw new RemoteFailure(body);
      case ReplyKind.valueByTransfer:
        return this.#receive(body, cell, call.importer);
      case ReplyKind.liveValue:
        return reviveValue(body, call.handles.session.hooks.import);
      case ReplyKind.liveValueByTransfer:
        return this.#receive(body, cell, call.handles.session.hooks.import);
      default:
        throw new BonfireError("PROTOCOL", `Cell ${cell.node} sent a reply of unknown kind ${kind}`);
    }
  }

  mustReload(kind: number, body: Uint8Array): boolean {
    return kind === ReplyKind.error && hasCode(decode(body), "BUNDLE_MISSING");
  }

  located(call: Call, thrown: unknown, callSite: string | undefined): unknown {
    let error = thrown;
    if (error instanceof RemoteFailure) {
      const remote = reviveError(error.bytes, callSite);
      if (!hasCode(remote, "CALL_TIMEOUT")) return remote;
      // The cell knows only what was left when the call arrived; the caller gave a limit, and is told that one.
      const what = (remote as Error).message.includes("synchronous") ? " synchronous code" : "";
      error = ranTooLong(call, what, remote);
    }
    // Our own errors are made in timers and sockets; the stack that helps is the caller's.
    if (error instanceof BonfireError) error.stack = localStack(`${error.name}: ${error.message}`, callSite);
    return error;
  }

  async #receive(body: Uint8Array, cell: CellLink, importer: Call["importer"]): Promise<unknown> {
    const [transfer, total] = unpack(body) as [number, number];
    const transfers = await this.#system.bus.transfers();
    const bytes = await transfers.accept(cell.node, transfer, total);
    return reviveValue(bytes, importer);
  }

  timedOut(call: Call, phase: CallPhase): BonfireError {
    const where = `Call at ${call.closure.at}`;
    if (phase.name === "running") {
      return ranTooLong(call, ` on ${phase.cell.executor}, which does not answer`);
    }
    const { ready, booting } = this.#fleet;
    return new BonfireError(
      "CALL_TIMEOUT",
      `${where} exceeded its deadline of ${spoken(call.budget)} while it waited for a slot of pool "${this.#pool}" and never ran (${ready} executors ready, ${booting} booting, ${this.#queue.size} calls waiting)`,
      this.#lastBootFailure && { cause: this.#lastBootFailure },
    );
  }

  // What the supervisor says

  granted(number: number, executor: string, agent: Address, slots: number): void {
    if (this.#closed || number <= this.#seen) return;
    this.#seen = number;
    this.#report.changed();
    const cell = this.#slots.of(executor);
    if (cell) return this.#addSlots(cell, slots);
    this.#admitting.set(executor, (this.#admitting.get(executor) ?? 0) + slots);
    this.#admit(executor, agent).then(
      (admitted) => {
        const ready = this.#admitting.get(executor) ?? 0;
        this.#admitting.delete(executor);
        if (admitted && ready > 0) this.#addSlots(admitted, ready);
      },
      (error: BonfireError) => {
        this.#admitting.delete(executor);
        this.#supervisor?.tell.unusable(
          executor,
          new BonfireError(error.code ?? "ADMIT_FAILED", error.message),
        );
        this.#report.changed();
      },
    );
  }

  recalled(keep: number): void {
    this.#keep = keep;
    this.#giveBack();
  }

  /** Gives back free slots until no more are held than the supervisor left us; the rest follows as calls end. */
  #giveBack(): void {
    let excess = this.#slots.usable - this.#keep;
    for (const cell of this.#slots) {
      const back = Math.min(cell.free, excess);
      if (back <= 0) continue;
      cell.slots -= back;
      excess -= back;
      this.#idleMs = 0;
      this.#report.changed();
    }
    if (excess <= 0) this.#keep = Number.POSITIVE_INFINITY;
  }

  executorLost(executor: string, error: BonfireError): void {
    this.#admitting.delete(executor);
    const cell = this.#slots.of(executor);
    if (cell) this.#dropCell(cell, error);
    this.#report.changed();
  }

  /** The supervisor took this driver for dead and gave its slots to others; it has to begin again. */
  #forgotten(): void {
    this.#supervisor = undefined;
    this.#report.serveUnder(undefined);
    this.#admitting.clear();
    const error = new BonfireError(
      "EXECUTOR_LOST",
      "This process was out of reach for so long that its executors were given up",
    );
    for (const cell of this.#slots) this.#dropCell(cell, error);
    this.#events.supervisorGone({ kind: "lost", detail: "it had given this driver up" });
  }

  bootFailed(error: BonfireError, final: boolean): void {
    this.#lastBootFailure = error;
    this.#events.bootFailed(error);
    if (final) for (const call of this.#queue.drain()) this.#failWaiting(call, error);
  }

  fleetChanged(ready: number, booting: number): void {
    this.#fleet = { ready, booting };
    if (ready > 0) this.#lastBootFailure = undefined;
    this.#events.fleet(ready, booting);
  }

  supervisorGone(reason: Reason): void {
    this.#supervisor = undefined;
    this.#report.serveUnder(undefined);
    if (!this.#closed) this.#events.supervisorGone(reason);
  }

  // Cells and slots

  /** Whose log lines come from this cell. */
  owns(cell: string): boolean {
    return this.#cells.has(cell);
  }

  async #admit(executor: string, agent: Address): Promise<CellLink | undefined> {
    const method = "admit" satisfies keyof AgentPort;
    const offer = (await this.#system.ask(agent, method, [], ADMIT_MS)) as CellOffer;
    const existing = this.#slots.of(executor);
    if (existing || this.#closed) return existing;
    const cell = new CellLink(this.#system.bus, this.#wheel, agent, offer);
    this.#slots.put(cell);
    this.#cells.set(cell.node, cell);
    cell.unwatch = this.#system.monitor(offer.keeper, (reason) => {
      this.#dropCell(cell, cellGone(executor, reason));
      this.#report.changed();
    });
    return cell;
  }

  #addSlots(cell: CellLink, slots: number): void {
    cell.slots += slots;
    cell.idleSince = performance.now();
    this.#idleMs = 0;
    this.#pump();
    this.#sweepLater();
  }

  /** The cell is no more for us: its calls fail with the reason, its slots go back with the next report. */
  #dropCell(cell: CellLink, error: BonfireError): void {
    cell.unwatch();
    this.#cells.delete(cell.node);
    if (!this.#slots.drop(cell)) return;
    for (const call of cell.inFlight) {
      this.#system.bus.forget(call);
      call.fail(call.phase.name === "open" ? cutShort(call, error) : error);
    }
    cell.inFlight.clear();
    const { bus } = this.#system;
    if (bus.hasBulk) {
      bus.transfers().then(
        (bulk) => bulk.peerGone(cell.node),
        (error: Error) => process.emitWarning(error),
      );
    }
  }

  #sweepLater(): void {
    if (this.#sweep || this.#closed) return;
    this.#sweep = setInterval(() => this.#returnIdle(), Math.min(SWEEP_MS, Math.max(1, this.#linger)));
  }

  #returnIdle(): void {
    const now = performance.now();
    let leased = 0;
    for (const cell of this.#slots) {
      const idle = now - cell.idleSince;
      if (cell.slots > 0 && cell.busy === 0 && idle >= this.#linger) {
        cell.slots = 0;
        this.#idleMs = idle;
        this.#report.changed();
      }
      leased += cell.slots;
    }
    if (leased > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  /** What the supervisor has to know. */
  #state(): Report {
    const held: Record<string, number> = Object.fromEntries(this.#admitting);
    for (const { executor, slots } of this.#slots) {
      if (slots > 0) held[executor] = (held[executor] ?? 0) + slots;
    }
    let coming = 0;
    for (const slots of this.#admitting.values()) coming += slots;
    return { waiting: Math.max(0, this.#queue.size - coming), held, seen: this.#seen, idleMs: this.#idleMs };
  }
}

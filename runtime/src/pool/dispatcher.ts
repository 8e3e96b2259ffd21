/**
 * The driver's side of a pool: calls wait here, get a slot, and go straight to the cell. It tells the supervisor
 * what it needs and is told what it gets; it decides nothing about executors. Long, as calls, slots and cells change
 * together: each of its parts would need the state of the others.
 */
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { BonfireError, hasCode } from "@bonfire/wire";
import type { Address } from "../actor/address.ts";
import type { Reason } from "../actor/reason.ts";
import type { Ref } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import type { Bus } from "../bus/bus.ts";
import { TimerWheel } from "../bus/timer-wheel.ts";
import type { Holding } from "../supervisor/adoption.ts";
import type { Report } from "../supervisor/driver-record.ts";
import type { FleetCounts, FleetEvent } from "../supervisor/fleet-event.ts";
import type { Policy } from "../supervisor/policy.ts";
import type { Resources } from "../supervisor/resources.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { AgentPort, CellOffer, KeeperPort } from "./agent-port.ts";
import type { Call, CallHost, CallPhase } from "./call.ts";
import { cellGone, cutShort, neverRan, ranTooLong } from "./call-errors.ts";
import { CellLink } from "./cell-link.ts";
import type { ClientHost, GrantOffer } from "./client.ts";
import { BACK_MS, endWork } from "./end-work.ts";
import { type Explanation, explain } from "./explain.ts";
import { LeaseReport } from "./lease-report.ts";
import { callLost, listensAgain, lostCalls } from "./reconcile.ts";
import { ReplyReader } from "./reply-reader.ts";
import { Slots } from "./slots.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** Unused slots go back to the supervisor after so long, so that others may have them and executors may idle out. */
const LINGER_MS = 1_000;
const SWEEP_MS = 100;
const ADMIT_MS = 30_000;
const ADMIT_AGAIN_MS = 3_000;
const AGAIN_MS = 100;
/** For how long asking for a cell may fail so, without a break. */
const ADMIT_PATIENCE_MS: Record<string, number> = {
  ASK_TIMEOUT: ADMIT_MS,
  LINK_DOWN: ADMIT_MS,
  NO_SUCH_ACTOR: BACK_MS,
};

/** How a keeper ends whose agent could still tell. */
const ENDED: readonly Reason["kind"][] = ["normal", "error", "no-such-actor"];

export interface DispatcherEvents {
  policyChanged(policy: Policy): void;
  fleet(counts: FleetCounts, event: FleetEvent | undefined): void;
  bootFailed(error: BonfireError): void;
  supervisorGone(reason: Reason): void;
}

export interface DispatcherOptions {
  readonly pool: string;
  /** ms after which an executor without work ends. */
  readonly idleAfter: number;
  /** Calls that may wait. */
  readonly maxQueue: number;
}

export class Dispatcher implements CallHost, ClientHost {
  readonly replies: ReplyReader;
  readonly #options: DispatcherOptions;
  readonly #system: ActorSystem<Bus>;
  readonly #events: DispatcherEvents;
  readonly #linger: number;
  readonly #slots = new Slots();
  readonly #wheel = new TimerWheel();
  readonly #waiting: WaitingRoom;
  readonly #cells = new Map<string, CellLink>();
  /** Slots on executors where a cell is being asked for. */
  readonly #admitting = new Map<string, { readonly offer: GrantOffer; slots: number }>();
  readonly #report: LeaseReport;
  #supervisor: Ref<Supervisor> | undefined;
  /** The last grant that has arrived. */
  #seen = 0;
  /** The supervisor wants back what is held above this. */
  #keep = Number.POSITIVE_INFINITY;
  /** How long the slots were unused that were given back last, ms. */
  #idleMs = 0;
  #lastBootFailure: BonfireError | undefined;
  #fleet: FleetCounts = { ready: 0, booting: 0, draining: 0 };
  /** Slots are kept free beyond those in use, so the supervisor has to know how many are. */
  #buffered = false;
  /** Slots in use, as last reported. */
  #busy = 0;
  #bootingSince = 0;
  #sweep: NodeJS.Timeout | undefined;
  #closed = false;
  /** Calls with live handles. */
  readonly #live = new Map<number, Call>();
  readonly #stopFollowing: () => void;
  /** Calls that have no answer yet. */
  #open = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: DispatcherOptions, system: ActorSystem<Bus>, events: DispatcherEvents) {
    this.#options = options;
    this.#system = system;
    this.#events = events;
    this.replies = new ReplyReader(system.bus);
    this.#waiting = new WaitingRoom(options.pool, options.maxQueue, this.#slots, this.#wheel);
    this.#linger = Math.min(LINGER_MS, options.idleAfter);
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

  /** Where this driver has a cell or is asking for one, for a supervisor that may not know it. */
  get holdings(): Holding[] {
    const asked = Array.from(this.#admitting.values(), ({ offer: { agent, resources }, slots }) => ({
      ...{ agent, resources, slots, withdrawn: false },
    }));
    const held = Array.from(this.#slots, ({ agent, resources, slots, withdrawn }) => ({
      ...{ agent, resources, slots, withdrawn },
    }));
    return [...asked, ...held];
  }

  submit(call: Call): void {
    this.opened();
    if (this.#closed)
      return call.fail(new BonfireError("POOL_CLOSED", `Pool "${this.#options.pool}" is closed`));
    const cell = this.#waiting.placeAtOnce(call);
    if (cell) return this.#start(call, cell);
    try {
      this.#waiting.admit(call);
    } catch (error) {
      return call.fail(error);
    }
    // One of a higher priority may fit where the one that was first does not.
    if (call.priority !== 0 || call.resources) this.#waiting.serve(this.#start);
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
  stopActors(ms: number): Promise<unknown> {
    return this.#stop(
      [...this.#slots].flatMap((cell) => cell.actors),
      Math.max(1, ms),
    );
  }

  #stop(actors: readonly Address[], ms?: number): Promise<unknown> {
    return Promise.allSettled(actors.map((actor) => this.#system.controls.end(actor, "stop", ms)));
  }

  /** Fails whatever is left and gives everything back. */
  close(error: BonfireError): void {
    this.#closed = true;
    this.#report.close();
    this.#stopFollowing();
    clearInterval(this.#sweep);
    for (const call of this.#waiting.drain()) call.fail(error);
    for (const cell of this.#slots) {
      this.#dropCell(cell, error);
      this.#dismiss(cell.agent);
    }
    // Cells that are still starting.
    for (const { offer } of this.#admitting.values()) this.#dismiss(offer.agent);
    this.#supervisor?.tell.leave();
  }

  inspect() {
    return {
      waiting: this.#waiting.size,
      /** The same by priority, highest first. */
      queue: this.#waiting.byPriority(),
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

  /** Where the call of this promise is, or of the one that is served next; undefined if none has this promise. */
  explain(promise?: Promise<unknown>): Explanation | undefined {
    const call = promise && this.#callOf(promise);
    return promise && !call ? undefined : this.explainCall(call);
  }

  explainCall(call: Call | undefined): Explanation {
    return explain(call, {
      pool: this.#options.pool,
      executors: this.#fleet,
      bootingSince: this.#bootingSince,
      bootFailure: this.#lastBootFailure?.message,
      waiting: this.#waiting,
      cells: this.#slots,
    });
  }

  #callOf(promise: Promise<unknown>): Call | undefined {
    for (const call of this.#waiting) if (call.answers(promise)) return call;
    for (const cell of this.#slots) for (const call of cell.inFlight) if (call.answers(promise)) return call;
    return undefined;
  }

  readonly #start = (call: Call, cell: CellLink): void => {
    cell.take(call);
    this.#waiting.settled(call, cell);
    call.assigned(cell);
    cell.send(call);
  };

  /** Gives free slots to whoever has waited longest. */
  #pump(): void {
    this.#waiting.serve(this.#start);
    this.#report.changed();
  }

  // What calls say

  started(actor: Address, cell: CellLink): Ref<object> {
    // It cannot stay where it has just started.
    if (cell.withdrawn) void this.#stop([actor]);
    return this.#system.ref(actor);
  }

  ended(call: Call, cell: CellLink): void {
    cell.release(call);
    call.freed();
    if ((cell.once || cell.withdrawn) && cell.slots > cell.busy) {
      cell.slots--;
      if (cell.slots === 0) this.#waiting.evict(cell);
      this.#idleMs = 0;
      this.#report.changed();
    }
    if (this.#keep < Number.POSITIVE_INFINITY) this.#giveBack();
    if (this.#waiting.size > 0) return this.#pump();
    if (cell.busy === 0) cell.idleSince = performance.now();
    this.#sweepLater();
  }

  undelivered(call: Call, cell: CellLink): void {
    // Nobody listened, or the cell takes no more calls: it has not run, so another cell may have it without risk of
    // running it twice. What else runs in this one goes on until its keeper says otherwise, and keeps its slots.
    cell.inFlight.delete(call);
    cell.release(call);
    if (cell.once || cell.withdrawn) cell.slots = cell.busy;
    if (cell.busy === 0) cell.idleSince = performance.now();
    void this.#awaitBack(cell);
    this.#waiting.evict(cell);
    call.returned();
    this.#waiting.add(call);
    this.#pump();
  }

  /** Nobody listens there: it is on its way out, which its keeper says, or has lost its link and comes back. */
  async #awaitBack(cell: CellLink): Promise<void> {
    if (cell.isAway) return;
    cell.isAway = true;
    const isHeld = () => this.#slots.of(cell.executor) === cell;
    await listensAgain(cell, isHeld, () => this.#watchKeeper(cell));
    cell.isAway = false;
    if (isHeld()) this.#pump();
  }

  impatient(call: Call): void {
    this.#waiting.leaveHome(call);
    this.#pump();
  }

  abandoned(call: Call, phase: CallPhase, reason: unknown): void {
    if (phase.name === "waiting") {
      this.#waiting.remove(call);
      // It may have held up those behind it.
      if (call.resources) this.#waiting.serve(this.#start);
      this.#report.changed();
    } else if (phase.name === "running" || phase.name === "open") {
      this.#system.bus.forget(call);
      // The cell's own timeout should have ended it before.
      if (hasCode(reason, "CALL_TIMEOUT")) phase.cell.suspect = true;
      void this.#endWork(call, phase.cell, reason instanceof Error ? reason.message : String(reason));
    }
  }

  /** The slot is freed only when the work has really ended. */
  async #endWork(call: Call, cell: CellLink, message: string): Promise<void> {
    const keeper = this.#system.ref<KeeperPort>(cell.keeper);
    try {
      if (await endWork(call, cell, keeper, message)) call.copyIn = undefined;
    } catch (error) {
      this.#dropCell(cell, error as BonfireError);
      return this.#pump();
    }
    cell.suspect = false;
    if (cell.inFlight.delete(call)) this.ended(call, cell);
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
    const own = id === 0 ? this.#cells.get(cell) : undefined;
    if (own) return void this.#reconcile(own);
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
    for (const cell of this.#cells.values()) void this.#reconcile(cell);
  }

  /** A message to or from the cell may have been lost: no caller waits for what will never come. */
  async #reconcile(cell: CellLink): Promise<void> {
    for (const call of await lostCalls(cell)) {
      this.#system.bus.forget(call);
      call.copyIn = undefined;
      call.fail(callLost(call));
      if (cell.inFlight.delete(call)) this.ended(call, cell);
    }
  }

  timedOut(call: Call, phase: CallPhase): BonfireError {
    if (phase.name === "running") {
      return ranTooLong(call, ` on ${phase.cell.executor}, which does not answer`);
    }
    const { ready, booting } = this.#fleet;
    return neverRan(
      call,
      `waited for a slot of pool "${this.#options.pool}" and never ran (${ready} executors ready, ${booting} booting, ${this.#waiting.size} calls waiting)`,
      this.#lastBootFailure,
    );
  }

  // What the supervisor says

  granted(offer: GrantOffer): void {
    const { number, executor, slots } = offer;
    if (this.#closed || number <= this.#seen) return;
    this.#seen = number;
    this.#report.changed();
    const cell = this.#slots.of(executor);
    if (cell) return this.#addSlots(cell, slots);
    const asked = this.#admitting.get(executor);
    this.#admitting.set(executor, { offer, slots: (asked?.slots ?? 0) + slots });
    this.#admit(offer).then(
      (admitted) => {
        const ready = this.#admitting.get(executor)?.slots ?? 0;
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
    this.#pump();
  }

  /** Gives back free slots until no more are held than the supervisor left us; the rest follows as calls end. */
  #giveBack(): void {
    let excess = this.#slots.usable - this.#keep;
    for (const cell of this.#slots) {
      const back = Math.min(cell.free, excess);
      if (back <= 0) continue;
      cell.slots -= back;
      excess -= back;
      if (cell.slots === 0) this.#waiting.evict(cell);
      this.#idleMs = 0;
      this.#report.changed();
    }
    if (excess <= 0) this.#keep = Number.POSITIVE_INFINITY;
  }

  withdrawn(executor: string): void {
    this.#admitting.delete(executor);
    const cell = this.#slots.of(executor);
    if (cell) {
      cell.withdrawn = true;
      cell.slots = cell.busy;
      this.#waiting.evict(cell);
      this.#idleMs = 0;
      // Unlike calls they would not end by themselves, and the sooner they have, the sooner they are elsewhere.
      void this.#stop(cell.actors);
    }
    this.#pump();
  }

  refused(resources: Resources, error: BonfireError): void {
    for (const call of [...this.#waiting]) {
      if (!call.resources || !isDeepStrictEqual(call.resources, resources)) continue;
      this.#waiting.remove(call);
      call.fail(error);
    }
    this.#pump();
  }

  policyChanged(policy: Policy): void {
    this.#buffered = policy.buffer > 0;
    this.#events.policyChanged(policy);
    this.#report.changed();
  }

  executorLost(executor: string, error: BonfireError): void {
    this.#admitting.delete(executor);
    const cell = this.#slots.of(executor);
    if (cell) this.#dropCell(cell, error);
    this.#pump();
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
    if (final) for (const call of this.#waiting.drain()) call.fail(error);
  }

  fleetChanged(counts: FleetCounts, event: FleetEvent | undefined): void {
    if (counts.booting > 0 && this.#fleet.booting === 0) this.#bootingSince = performance.now();
    this.#fleet = counts;
    if (counts.ready > 0) this.#lastBootFailure = undefined;
    this.#events.fleet(counts, event);
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

  async #admit({ executor, agent, resources, once }: GrantOffer): Promise<CellLink | undefined> {
    const offer = await this.#askForCell(agent);
    const existing = this.#slots.of(executor);
    if (existing) return existing;
    // The supervisor may have wanted it back meanwhile, so that nobody dismissed it.
    if (this.#closed) return void this.#dismiss(agent);
    const cell = new CellLink(this.#system.bus, this.#wheel, agent, offer, { resources, once });
    this.#slots.put(cell);
    this.#cells.set(cell.node, cell);
    this.#watchKeeper(cell);
    return cell;
  }

  #dismiss(agent: Address): void {
    this.#system.ref<AgentPort>(agent).tell.dismiss();
  }

  /** Asks its agent whether the keeper is still there, and to tell when it is not; also again, as news can be lost. */
  #watchKeeper(cell: CellLink): void {
    cell.unwatch();
    cell.unwatch = this.#system.monitor(cell.keeper, (reason) => {
      // A keeper ends when it has seen the process end.
      cell.hasEnded = ENDED.includes(reason.kind);
      if (!this.#forget(cell)) return;
      this.#pump();
      // The server has said by then of which calls it is sure that they came too late to run: those go elsewhere.
      void this.#system.bus.drain().then(() => this.#failAll(cell, cellGone(cell.executor, reason)));
    });
  }

  /** An outage of NATS can fall into this, and our link be back sooner than theirs. Asking again gives the same cell. */
  async #askForCell(agent: Address): Promise<CellOffer> {
    const method = "admit" satisfies keyof AgentPort;
    let failing = { code: "", since: 0 };
    for (;;) {
      try {
        return (await this.#system.ask(agent, method, [], ADMIT_AGAIN_MS)) as CellOffer;
      } catch (error) {
        const { code } = error as BonfireError;
        // Nobody is there at first when an outage is over: how long that lasted says nothing.
        if (code !== failing.code) failing = { code, since: performance.now() };
        const isOver = performance.now() - failing.since >= (ADMIT_PATIENCE_MS[code] ?? 0);
        if (this.#closed || isOver) throw error;
      }
      await pause(AGAIN_MS);
    }
  }

  #addSlots(cell: CellLink, slots: number): void {
    cell.slots += slots;
    this.#waiting.leased(cell);
    cell.idleSince = performance.now();
    this.#idleMs = 0;
    this.#pump();
    this.#sweepLater();
  }

  /** The cell is no more for us: its calls fail with the reason, its slots go back with the next report. */
  #dropCell(cell: CellLink, error: BonfireError): void {
    if (this.#forget(cell)) this.#failAll(cell, error);
  }

  /** Sends nothing there any more; false if that was so before. */
  #forget(cell: CellLink): boolean {
    cell.unwatch();
    this.#cells.delete(cell.node);
    if (!this.#slots.drop(cell)) return false;
    this.#waiting.forget(cell);
    return true;
  }

  #failAll(cell: CellLink, error: BonfireError): void {
    for (const call of cell.inFlight) {
      this.#system.bus.forget(call);
      call.freed();
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
    if (this.#buffered && this.#slots.busy !== this.#busy) this.#report.changed();
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
    const held: Record<string, number> = {};
    let coming = 0;
    for (const [executor, { slots }] of this.#admitting) {
      held[executor] = slots;
      coming += slots;
    }
    for (const { executor, slots } of this.#slots) {
      if (slots > 0) held[executor] = (held[executor] ?? 0) + slots;
    }
    this.#busy = this.#buffered ? this.#slots.busy : 0;
    return {
      demand: this.#waiting.demand(coming),
      busy: this.#busy,
      held,
      seen: this.#seen,
      idleMs: this.#idleMs,
    };
  }
}

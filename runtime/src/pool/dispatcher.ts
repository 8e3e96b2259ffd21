/**
 * The driver's side of a pool: calls wait here, get a slot, and go straight to the cell. It tells the supervisor
 * what it needs and is told what it gets; it decides nothing about executors.
 */
import { BonfireError, hasCode, ReplyKind, unpack } from "@bonfire/wire";
import { type Reason, reasonError } from "../actor/reason.ts";
import type { Address, Ref } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import { TimerWheel } from "../bus/timer-wheel.ts";
import { reviveError, reviveValue } from "../closure/revive-error.ts";
import { localStack } from "../closure/stack.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { AgentPort, CellOffer, KeeperPort } from "./agent-port.ts";
import type { Call, CallHost, CallPhase } from "./call.ts";
import { CellLink } from "./cell-link.ts";
import type { ClientHost } from "./client.ts";
import { Slots } from "./slots.ts";
import { WaitingQueue } from "./waiting-queue.ts";

/** Unused slots go back to the supervisor after so long, so that others may have them and executors may idle out. */
const LINGER_MS = 1_000;
const SWEEP_MS = 100;
const ADMIT_MS = 30_000;

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
  readonly #system: ActorSystem;
  readonly #events: DispatcherEvents;
  readonly #linger: number;
  readonly #slots = new Slots();
  readonly #queue = new WaitingQueue<Call>();
  readonly #wheel = new TimerWheel();
  readonly #cells = new Map<string, CellLink>();
  #supervisor: Ref<Supervisor> | undefined;
  #lastBootFailure: BonfireError | undefined;
  #fleet = { ready: 0, booting: 0 };
  #reported = "";
  #reporting = false;
  #sweep: NodeJS.Timeout | undefined;
  #closed = false;
  /** Calls that have no answer yet. */
  #open = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(pool: string, system: ActorSystem, idleAfter: number, events: DispatcherEvents) {
    this.#pool = pool;
    this.#system = system;
    this.#events = events;
    this.#linger = Math.min(LINGER_MS, idleAfter);
  }

  /** From now on this supervisor is told what the driver needs. */
  serveUnder(supervisor: Ref<Supervisor>): void {
    this.#supervisor = supervisor;
    this.#reported = "";
    this.#report();
  }

  submit(call: Call): void {
    this.opened();
    if (this.#closed) return call.fail(new BonfireError("POOL_CLOSED", `Pool "${this.#pool}" is closed`));
    const cell = this.#queue.size === 0 ? this.#slots.take() : undefined;
    if (cell) return this.#start(call, cell);
    this.#queue.push(call);
    this.#wheel.add(call, call.deadlineAt - performance.now());
    this.#report();
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

  /** Fails whatever is left and gives everything back. */
  close(error: BonfireError): void {
    this.#closed = true;
    clearInterval(this.#sweep);
    for (const call of this.#queue.drain()) this.#failWaiting(call, error);
    for (const cell of this.#slots) for (const call of cell.inFlight) call.fail(error);
    this.#supervisor?.tell.leave();
  }

  inspect() {
    return {
      waiting: this.#queue.size,
      running: this.#slots.busy,
      executors: this.#fleet,
      cells: [...this.#slots].map(({ executor, node, slots, busy }) => ({ executor, node, slots, busy })),
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
    this.#report();
  }

  #failWaiting(call: Call, error: unknown): void {
    this.#wheel.remove(call);
    call.fail(error);
  }

  // What calls say

  ended(cell: CellLink): void {
    cell.busy--;
    if (this.#queue.size > 0) return this.#pump();
    if (cell.busy === 0) cell.idleSince = performance.now();
    this.#sweepLater();
  }

  undelivered(call: Call, cell: CellLink): void {
    // Nobody listened, so it has not run: another cell may have it without risk of running it twice.
    cell.inFlight.delete(call);
    this.#dropCell(
      cell,
      new BonfireError("EXECUTOR_LOST", `Cell ${cell.node} of executor ${cell.executor} is gone`),
    );
    call.returned();
    this.#queue.unshift(call);
    this.#wheel.add(call, Math.max(1, call.deadlineAt - performance.now()));
    this.#pump();
  }

  abandoned(call: Call, phase: CallPhase, reason: unknown): void {
    if (phase.name === "waiting") {
      this.#queue.remove(call);
      this.#wheel.remove(call);
      this.#report();
    } else if (phase.name === "running") {
      this.#system.bus.forget(call);
      // The cell's own timeout should have ended it a second ago.
      if (hasCode(reason, "CALL_TIMEOUT")) phase.cell.suspect = true;
      void this.#endWork(call, phase.cell, reason instanceof Error ? reason.message : String(reason));
    }
  }

  /** The slot is freed only when the work has really ended. */
  async #endWork(call: Call, cell: CellLink, message: string): Promise<void> {
    try {
      // If it does not even answer, its keeper finds out whether it is stuck, and kills it if so.
      await cell
        .cancel(call.id, message)
        .catch(() => this.#system.ref<KeeperPort>(cell.keeper).overdue(message));
    } catch (error) {
      return this.#dropCell(cell, error as BonfireError);
    }
    cell.suspect = false;
    if (cell.inFlight.delete(call)) this.ended(cell);
  }

  revive(kind: number, body: Uint8Array, cell: CellLink): unknown {
    switch (kind) {
      case ReplyKind.value:
        return reviveValue(body);
      case ReplyKind.error:
        throw new RemoteFailure(body);
      case ReplyKind.valueByTransfer:
        return this.#receive(body, cell);
      default:
        throw new BonfireError("PROTOCOL", `Cell ${cell.node} sent a reply of unknown kind ${kind}`);
    }
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

  async #receive(body: Uint8Array, cell: CellLink): Promise<unknown> {
    const [transfer, total] = unpack(body) as [number, number];
    const transfers = await this.#system.bus.transfers();
    return reviveValue(await transfers.accept(cell.node, transfer, total));
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

  granted(executor: string, agent: Address, slots: number): void {
    const cell = this.#slots.of(executor);
    if (cell) return this.#addSlots(cell, slots);
    this.#admit(executor, agent).then(
      (admitted) => this.#addSlots(admitted, slots),
      (error: BonfireError) => {
        this.#lastBootFailure = error;
        this.#supervisor?.tell.release(executor, slots, 0);
      },
    );
  }

  recalled(slots: number): void {
    let wanted = slots;
    for (const cell of this.#slots) {
      const back = Math.min(cell.free, wanted);
      if (back > 0) this.#release(cell, back, 0);
      wanted -= Math.max(0, back);
    }
    this.#report();
  }

  executorLost(executor: string, error: BonfireError): void {
    const cell = this.#slots.of(executor);
    if (cell) this.#dropCell(cell, error);
    this.#report();
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
    if (!this.#closed) this.#events.supervisorGone(reason);
  }

  // Cells and slots

  /** Whose log lines come from this cell. */
  owns(cell: string): boolean {
    return this.#cells.has(cell);
  }

  async #admit(executor: string, agent: Address): Promise<CellLink> {
    const offer = (await this.#system.ask(
      agent,
      "admit" satisfies keyof AgentPort,
      [],
      ADMIT_MS,
    )) as CellOffer;
    const existing = this.#slots.of(executor);
    if (existing) return existing;
    const cell = new CellLink(this.#system.bus, executor, offer.keeper, offer.node);
    this.#slots.put(cell);
    this.#cells.set(cell.node, cell);
    this.#system.monitor(offer.keeper, (reason) => {
      this.#dropCell(cell, reasonError(`The cell on executor ${executor}`, reason));
      this.#report();
    });
    return cell;
  }

  #addSlots(cell: CellLink, slots: number): void {
    cell.slots += slots;
    cell.idleSince = performance.now();
    this.#pump();
    this.#sweepLater();
  }

  /** The cell is no more: its calls fail with the reason, its slots go back. */
  #dropCell(cell: CellLink, error: BonfireError): void {
    this.#cells.delete(cell.node);
    if (!this.#slots.drop(cell)) return;
    if (cell.slots > 0) this.#supervisor?.tell.release(cell.executor, cell.slots, 0);
    for (const call of cell.inFlight) {
      this.#system.bus.forget(call);
      call.fail(error);
    }
    cell.inFlight.clear();
    if (this.#system.bus.hasBulk) void this.#system.bus.transfers().then((bulk) => bulk.peerGone(cell.node));
  }

  #release(cell: CellLink, slots: number, idleMs: number): void {
    cell.slots -= slots;
    this.#supervisor?.tell.release(cell.executor, slots, idleMs);
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
      if (cell.slots > 0 && cell.busy === 0 && idle >= this.#linger) this.#release(cell, cell.slots, idle);
      leased += cell.slots;
    }
    this.#report();
    if (leased > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  /** Says what is needed, at most once per turn of the event loop and only if it changed. */
  #report(): void {
    if (this.#reporting || this.#closed) return;
    this.#reporting = true;
    queueMicrotask(() => {
      this.#reporting = false;
      const waiting = this.#queue.size;
      const usable = this.#slots.usable;
      const report = `${waiting} ${usable}`;
      if (report === this.#reported || !this.#supervisor) return;
      this.#reported = report;
      this.#supervisor.tell.report(waiting, usable);
    });
  }
}

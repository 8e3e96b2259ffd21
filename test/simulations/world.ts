/** A pool on a virtual clock: calls, executors that boot, fail and are taken back, and what all of it costs. */
import type { Load, SimulatedCall } from "./load.ts";
import { exponential, random } from "./random.ts";

/** How long an executor runs on after its platform's notice. */
const NOTICE = 30;

export interface SimulatedExecutor {
  readonly id: string;
  readonly launchedAt: number;
  phase: "booting" | "ready" | "draining" | "gone";
  readonly running: Set<Run>;
  idleSince: number;
  endedAt: number;
}

/** A call in the queue. */
interface Queued {
  readonly call: SimulatedCall;
  readonly since: number;
  /** Seconds that it had waited before, if its executor was taken from it. */
  readonly waited: number;
}

interface Run {
  readonly call: SimulatedCall;
  readonly waited: number;
  readonly executor: SimulatedExecutor;
  readonly startedAt: number;
}

/** Decides, whenever something has happened, and says which executor takes the next call. */
export interface Scaler {
  readonly name: string;
  /** `failed`: a boot has just failed. */
  react(world: World, event: Event["kind"]): void;
  /** Where the first of the queue may run now. */
  pick(world: World): SimulatedExecutor | undefined;
  /** A call ended on it. */
  freed(executor: SimulatedExecutor, world: World): void;
}

type Event =
  | { readonly kind: "arrive"; readonly call: SimulatedCall }
  | { readonly kind: "end"; readonly run: Run }
  | { readonly kind: "booted" | "failed" | "notice" | "taken"; readonly executor: SimulatedExecutor }
  | { readonly kind: "look" };

export interface Outcome {
  /** Executor-seconds. */
  readonly cost: number;
  /** Seconds that each call was in the queue, again where its executor was taken from it while it ran. */
  readonly waits: readonly number[];
  /** When calls ran, of those that ran to their end. */
  readonly runs: readonly (readonly [from: number, to: number])[];
  /** When executors were there, boots included. */
  readonly lives: readonly (readonly [from: number, to: number])[];
  /** Executors that were launched less than a minute after another had gone because it was idle. */
  readonly flaps: number;
  readonly unserved: number;
}

const FLAP = 60;

export class World {
  readonly load: Load;
  readonly concurrency: number;
  now = 0;
  readonly queue: Queued[] = [];
  readonly executors = new Map<string, SimulatedExecutor>();
  readonly #events: { at: number; event: Event }[] = [];
  readonly #random: () => number;
  readonly #all: SimulatedExecutor[] = [];
  readonly #waits: number[] = [];
  readonly #runs: (readonly [number, number])[] = [];
  readonly #looks = new Set<number>();
  #idleEnds: number[] = [];
  #flaps = 0;

  constructor(load: Load, concurrency: number) {
    this.load = load;
    this.concurrency = concurrency;
    this.#random = random(load.seed + 99);
  }

  run(scaler: Scaler): Outcome {
    // The last to come first, so that each finds its place at the end at once.
    for (const call of this.load.calls.toReversed()) this.#at(call.at, { kind: "arrive", call });
    for (let next = this.#events.pop(); next; next = this.#events.pop()) {
      this.now = next.at;
      if (!this.#happen(next.event, scaler)) continue;
      scaler.react(this, next.event.kind);
      for (;;) {
        const executor = this.queue.length > 0 ? scaler.pick(this) : undefined;
        if (!executor) break;
        this.#start(this.queue.shift() as Queued, executor);
        scaler.react(this, "look");
      }
      if (this.isOver && this.executors.size === 0) break;
    }
    // Whoever was never served waited until the end.
    for (const { since, waited } of this.queue) this.#waits.push(waited + this.now - since);
    return {
      cost: this.#all.reduce((sum, one) => sum + one.endedAt - one.launchedAt, 0),
      waits: this.#waits,
      runs: this.#runs,
      lives: this.#all.map((one) => [one.launchedAt, one.endedAt] as const),
      flaps: this.#flaps,
      unserved: this.load.calls.length - this.#runs.length,
    };
  }

  /** Every call has ended. */
  get isOver(): boolean {
    return this.#runs.length === this.load.calls.length;
  }

  launch(): void {
    const executor: SimulatedExecutor = {
      id: `e${this.#all.length}`,
      launchedAt: this.now,
      phase: "booting",
      running: new Set(),
      idleSince: this.now,
      endedAt: this.now,
    };
    const recent = this.#idleEnds.findIndex((at) => this.now - at < FLAP);
    if (recent >= 0) {
      this.#idleEnds.splice(recent, 1);
      this.#flaps++;
    }
    this.#all.push(executor);
    this.executors.set(executor.id, executor);
    const { bootTakes, bootFailures, preemptedAfter } = this.load;
    const fails = this.#random() * 100 < bootFailures;
    this.#at(this.now + bootTakes, { kind: fails ? "failed" : "booted", executor });
    if (preemptedAfter !== undefined) {
      const notice = this.now + bootTakes + exponential(preemptedAfter, this.#random);
      this.#at(notice, { kind: "notice", executor });
      this.#at(notice + NOTICE, { kind: "taken", executor });
    }
  }

  end(executor: SimulatedExecutor, idle: boolean): void {
    executor.phase = "gone";
    executor.endedAt = this.now;
    this.executors.delete(executor.id);
    if (idle) this.#idleEnds.push(this.now);
    // Its calls begin again, before all others.
    for (const { call, waited } of executor.running) this.queue.unshift({ call, since: this.now, waited });
    executor.running.clear();
  }

  lookAt(at: number): void {
    const when = Math.max(at, this.now);
    if (!Number.isFinite(at) || this.#looks.has(when)) return;
    this.#looks.add(when);
    this.#at(when, { kind: "look" });
  }

  #happen(event: Event, scaler: Scaler): boolean {
    switch (event.kind) {
      case "arrive":
        this.queue.push({ call: event.call, since: this.now, waited: 0 });
        return true;
      case "end": {
        const { run } = event;
        if (!run.executor.running.delete(run)) return false;
        this.#waits.push(run.waited);
        this.#runs.push([run.startedAt, this.now]);
        if (run.executor.running.size === 0) run.executor.idleSince = this.now;
        scaler.freed(run.executor, this);
        return true;
      }
      case "booted":
        if (event.executor.phase !== "booting") return false;
        event.executor.phase = "ready";
        event.executor.idleSince = this.now;
        return true;
      case "failed":
        if (event.executor.phase === "gone") return false;
        this.end(event.executor, false);
        return true;
      case "notice":
        if (event.executor.phase !== "ready") return false;
        event.executor.phase = "draining";
        return true;
      case "taken":
        if (event.executor.phase === "gone") return false;
        this.end(event.executor, false);
        return true;
      case "look":
        this.#looks.delete(this.now);
        return true;
    }
  }

  #start({ call, since, waited }: Queued, executor: SimulatedExecutor): void {
    const run = { call, waited: waited + this.now - since, executor, startedAt: this.now };
    executor.running.add(run);
    this.#at(this.now + call.takes, { kind: "end", run });
  }

  /** Kept in order, the next at the end; what comes at the same time happens in the order in which it was foreseen. */
  #at(at: number, event: Event): void {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle] as { at: number }).at > at) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, { at, event });
  }
}

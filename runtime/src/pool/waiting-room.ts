/** The calls of a driver that wait for a slot: most in one queue, those of a key at the cell where the key is at home. */
import { BonfireError } from "@bonfire/wire";
import type { TimerWheel } from "../bus/timer-wheel.ts";
import type { Demand } from "../supervisor/decide.ts";
import { fits } from "../supervisor/resources.ts";
import type { Call } from "./call.ts";
import type { CellLink } from "./cell-link.ts";
import { DemandTally } from "./demand-tally.ts";
import { KeyHomes } from "./key-homes.ts";
import type { Slots } from "./slots.ts";
import { comesBefore, WaitingQueue } from "./waiting-queue.ts";

/** How long a call waits for the cell of its key before it takes any other. */
export const PATIENCE_MS = 5_000;

export class WaitingRoom {
  readonly #pool: string;
  readonly #most: number;
  readonly #slots: Slots;
  readonly #wheel: TimerWheel;
  readonly #queue = new WaitingQueue<Call>();
  readonly #tally = new DemandTally();
  readonly #homes = new KeyHomes();
  /** Calls that wait at home, over all cells. */
  #atHome = 0;

  constructor(pool: string, most: number, slots: Slots, wheel: TimerWheel) {
    this.#pool = pool;
    this.#most = most;
    this.#slots = slots;
    this.#wheel = wheel;
  }

  get size(): number {
    return this.#queue.size + this.#atHome;
  }

  byPriority(): { readonly priority: number; readonly waiting: number }[] {
    const counts = new Map<number, number>();
    for (const { priority } of this) counts.set(priority, (counts.get(priority) ?? 0) + 1);
    return [...counts].sort(([a], [b]) => b - a).map(([priority, waiting]) => ({ priority, waiting }));
  }

  /** What those need who do not wait for a slot that they will get, when `coming` more slots are here. */
  demand(coming: number): Demand[] {
    return this.#tally.demand(coming);
  }

  /** In no particular order. */
  *[Symbol.iterator](): IterableIterator<Call> {
    yield* this.#queue;
    if (this.#atHome > 0) for (const cell of this.#slots) yield* cell.atHome;
  }

  /** The cell that a call that has just been made may go to at once. */
  placeAtOnce(call: Call): CellLink | undefined {
    const home = this.#homeOf(call);
    if (home) {
      const isFirst = home.atHome.size === 0 && !awaits(this.#queue.peek(), home);
      return isFirst && home.canTake(call) ? home : undefined;
    }
    return this.#queue.size === 0 ? this.#slots.bestFor(call) : undefined;
  }

  /** Throws `POOL_SATURATED`. */
  admit(call: Call): void {
    if (this.size >= this.#most) {
      throw new BonfireError(
        "POOL_SATURATED",
        `Pool "${this.#pool}" has ${this.size} calls waiting, its "maxQueue": call less at a time, for example by map, or raise "max" or "maxQueue"`,
      );
    }
    this.add(call);
  }

  /** Lets a call wait, in its turn. */
  add(call: Call): void {
    const home = this.#homeOf(call);
    if (!home) return this.#join(call);
    call.home = home;
    home.atHome.push(call);
    this.#atHome++;
    if (home.slots === 0) this.#tally.add(call, home.executor);
    this.#wheel.add(call, Math.min(timeLeft(call), PATIENCE_MS));
  }

  /** It has waited for its key's cell for long enough. */
  leaveHome(call: Call): void {
    this.remove(call);
    this.#join(call);
  }

  #join(call: Call): void {
    this.#queue.push(call);
    this.#tally.add(call, undefined);
    this.#wheel.add(call, timeLeft(call));
  }

  #homeOf({ affinity }: Call): CellLink | undefined {
    const home = affinity === undefined ? undefined : this.#homes.of(affinity);
    return home?.isOpen && !home.withdrawn ? home : undefined;
  }

  remove(call: Call): void {
    this.#wheel.remove(call);
    this.#tally.remove(call);
    if (call.home?.atHome.remove(call)) this.#atHome--;
    else this.#queue.remove(call);
    call.home = undefined;
  }

  /** Takes out everything, in the order in which it would have been served. */
  drain(): Call[] {
    const all = [...this].sort((a, b) => (comesBefore(a, b) ? -1 : 1));
    for (const call of all) this.remove(call);
    return all;
  }

  /** A call runs in `cell`. */
  settled(call: Call, cell: CellLink): void {
    if (call.affinity !== undefined) this.#homes.settle(call.affinity, cell);
  }

  /** Slots in the cell have come: nobody else needs to be asked for those who wait for it. */
  leased(cell: CellLink): void {
    for (const call of cell.atHome) this.#tally.remove(call);
  }

  /** The cell has no slots any more: whoever waits for it asks for others. */
  evict(cell: CellLink): void {
    for (const call of [...cell.atHome]) {
      this.remove(call);
      this.add(call);
    }
  }

  /** The cell is no more. */
  forget(cell: CellLink): void {
    this.#homes.leave(cell);
    this.evict(cell);
  }

  /** Gives free slots to whoever's turn it is. One that needs more than is free holds up those behind it. */
  serve(start: (call: Call, cell: CellLink) => void): void {
    const take = (call: Call, cell: CellLink) => {
      this.remove(call);
      start(call, cell);
    };
    for (;;) {
      const next = this.#queue.peek();
      if (this.#atHome > 0) this.#serveHomes(next, take);
      const cell = next && this.#placeFor(next);
      if (!cell) break;
      take(next, cell);
    }
  }

  #placeFor(call: Call): CellLink | undefined {
    const home = this.#homeOf(call);
    return home?.canTake(call) ? home : this.#slots.bestFor(call);
  }

  /** Serves those at home whose turn is before that of `next`, or who take nothing from it. */
  #serveHomes(next: Call | undefined, take: (call: Call, cell: CellLink) => void): void {
    for (const cell of this.#slots) {
      for (let call = cell.atHome.peek(); call; call = cell.atHome.peek()) {
        if (!cell.canTake(call) || (next && awaits(next, cell) && !comesBefore(call, next))) break;
        take(call, cell);
      }
    }
  }
}

/** Whether `next` may be waiting for room in the cell. */
function awaits(next: Call | undefined, { resources }: CellLink): boolean {
  return next !== undefined && fits(next.resources, resources);
}

function timeLeft({ deadlineAt }: Call): number {
  return Math.max(1, deadlineAt - performance.now());
}

/** What the supervisor knows of one executor, and the only moves it may make. */
import type { Address } from "../actor/address.ts";
import type { ExecutorView } from "./decide.ts";

export type Phase =
  /** Asked of the backend; not registered yet. */
  | { readonly name: "booting"; readonly launch: AbortController; readonly timer: NodeJS.Timeout }
  /** Registered: its slots may be leased. */
  | { readonly name: "ready"; readonly agent: Address; readonly unwatch: () => void }
  /** Being stopped, or gone: never offered again. */
  | { readonly name: "leaving" };

const MOVES: Record<Phase["name"], readonly Phase["name"][]> = {
  booting: ["ready", "leaving"],
  ready: ["leaving"],
  leaving: [],
};

export class ExecutorRecord {
  readonly id: string;
  readonly launchedAt: number;
  /** Slots held, by driver. */
  readonly leases = new Map<string, number>();
  idleSince: number;
  #phase: Phase;

  constructor(id: string, phase: Phase, now: number) {
    this.id = id;
    this.#phase = phase;
    this.launchedAt = now;
    this.idleSince = now;
  }

  get phase(): Phase {
    return this.#phase;
  }

  become(next: Phase): void {
    const previous = this.#phase;
    if (!MOVES[previous.name].includes(next.name)) {
      throw new Error(`executor ${this.id} cannot go from ${previous.name} to ${next.name}`);
    }
    if (previous.name === "booting") clearTimeout(previous.timer);
    if (previous.name === "ready") previous.unwatch();
    this.#phase = next;
  }

  /** Sets what a driver holds here; `idleSince` counts if nobody holds anything any more. */
  lease(driver: string, slots: number, idleSince: number): void {
    if (slots > 0) this.leases.set(driver, slots);
    else if (this.leases.delete(driver) && this.leases.size === 0) this.idleSince = idleSince;
  }

  view(): ExecutorView {
    if (this.#phase.name === "leaving") throw new Error("an executor that leaves is not offered");
    return { id: this.id, phase: this.#phase.name, leases: this.leases, idleSince: this.idleSince };
  }
}

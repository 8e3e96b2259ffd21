/** What the supervisor knows of one executor, and the only moves it may make. */
import type { Address } from "../actor/address.ts";
import type { ExecutorView } from "./decide.ts";
import type { Resources } from "./resources.ts";

/** Asked of the backend; not registered yet. */
export interface Booting {
  readonly name: "booting";
  readonly launch: AbortController;
  readonly timer: NodeJS.Timeout;
  /** The platform has said that it starts. */
  accepted: boolean;
}

export type Phase =
  | Booting
  /** Another supervisor had it, and drivers use it; its agent is being asked. */
  | { readonly name: "adopting"; readonly agent: Address; readonly unwatch: () => void }
  /** Registered: its slots may be leased. */
  | { readonly name: "ready"; readonly agent: Address; readonly unwatch: () => void }
  /** It is going, and ends when nobody holds a slot any more: none is leased again. */
  | { readonly name: "draining"; readonly agent: Address; readonly unwatch: () => void; readonly by: number }
  /** Being stopped, or gone. */
  | { readonly name: "leaving" };

const MOVES: Record<Phase["name"], readonly Phase["name"][]> = {
  booting: ["ready", "leaving"],
  adopting: ["ready", "leaving"],
  ready: ["draining", "leaving"],
  draining: ["leaving"],
  leaving: [],
};

export interface ExecutorParts {
  readonly id: string;
  readonly resources: Resources;
  readonly replaces: string | undefined;
  readonly singleUse: boolean;
  readonly now: number;
}

export class ExecutorRecord implements ExecutorView {
  readonly id: string;
  launchedAt: number;
  readonly resources: Resources;
  readonly replaces: string | undefined;
  readonly leases = new Map<string, number>();
  /** Resolves when its machine has ended; with false when it is no longer ours to end. */
  readonly ended: Promise<boolean>;
  readonly hasEnded: (isOver: boolean) => void;
  /** Whether it may go is being asked. */
  asking = false;
  /** Another driver than the supervisor's own has had slots here, and can have another supervisor for it. */
  isShared = false;
  /** It is to drain as soon as it is adopted. */
  isWithdrawn = false;
  idleSince: number;
  /** Set when it is ready: the time that a boot takes is not lost to those who wait for it. */
  expiresAt = Number.POSITIVE_INFINITY;
  leased = 0;
  spent = false;
  readonly #singleUse: boolean;
  #now: Phase;

  constructor({ id, resources, replaces, singleUse, now }: ExecutorParts, phase: Phase) {
    this.id = id;
    this.resources = resources;
    this.replaces = replaces;
    this.#singleUse = singleUse;
    this.#now = phase;
    this.launchedAt = now;
    this.idleSince = now;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.ended = promise;
    this.hasEnded = resolve;
  }

  get state(): Phase {
    return this.#now;
  }

  get phase(): ExecutorView["phase"] {
    if (this.#now.name === "leaving") throw new Error("an executor that leaves is not offered");
    // Its slots are about to be there, and it counts against `max`.
    return this.#now.name === "adopting" ? "booting" : this.#now.name;
  }

  get drainBy(): number {
    return this.#now.name === "draining" ? this.#now.by : Number.POSITIVE_INFINITY;
  }

  become(next: Phase): void {
    const previous = this.#now;
    if (!MOVES[previous.name].includes(next.name)) {
      throw new Error(`executor ${this.id} cannot go from ${previous.name} to ${next.name}`);
    }
    if (previous.name === "booting") clearTimeout(previous.timer);
    if (next.name === "leaving" && "unwatch" in previous) previous.unwatch();
    this.#now = next;
  }

  /** Sets what a driver holds here; `idleSince` counts if nobody holds anything any more. */
  lease(driver: string, slots: number, idleSince: number): void {
    const before = this.leases.get(driver) ?? 0;
    if (slots === before) return;
    this.leased += slots - before;
    if (slots > 0) this.leases.set(driver, slots);
    else this.leases.delete(driver);
    if (slots > 0 && this.#singleUse) this.spent = true;
    if (this.leased === 0) this.idleSince = idleSince;
  }
}

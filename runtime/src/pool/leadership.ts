/**
 * The lease by which a driver leads a pool. An outage of the store ends it and is no reason to end executors: nobody
 * else can lead meanwhile. So it is taken again, unless another has it by then.
 */
import { setTimeout as pause } from "node:timers/promises";
import { hasCode } from "@bonfire/wire";
import { Lease } from "../store/lease.ts";
import type { Store } from "../store/port.ts";
import { LEASE_MS } from "../supervisor/adoption.ts";

const AGAIN_MS = 200;

export class Leadership {
  readonly #store: Store;
  readonly #onDeposed: () => void;
  #lease: Lease;
  #isOver = false;
  /** Settled when a lost lease has been taken again, or cannot be. */
  #retaken: Promise<void> | undefined;

  private constructor(store: Store, lease: Lease, onDeposed: () => void) {
    this.#store = store;
    this.#lease = lease;
    this.#onDeposed = onDeposed;
    this.#watch();
  }

  /** Undefined if another leads. Throws `STORE_UNAVAILABLE`. */
  static async take(
    store: Store,
    { pool, node, onDeposed }: { pool: string; node: string; onDeposed(): void },
  ): Promise<Leadership | undefined> {
    const lease = await Lease.acquire(store, `pool/${pool}`, node, LEASE_MS);
    return lease && new Leadership(store, lease, onDeposed);
  }

  /** Greater than that of whoever led before. */
  get token(): bigint {
    return this.#lease.token;
  }

  #watch(): void {
    const takeAgain = () => {
      this.#retaken = this.#takeAgain();
    };
    this.#lease.signal.addEventListener("abort", takeAgain, { once: true });
  }

  async #takeAgain(): Promise<void> {
    const { key, holder } = this.#lease;
    while (!this.#isOver) {
      const lease = await this.#tryAgain(key, holder);
      if (lease === "another's") return this.#onDeposed();
      if (lease) {
        this.#lease = lease;
        return this.#watch();
      }
      await pause(AGAIN_MS, undefined, { ref: false });
    }
  }

  /** Undefined while the store cannot be reached, or has not forgotten our own last lease. */
  async #tryAgain(key: string, node: string): Promise<Lease | "another's" | undefined> {
    try {
      const lease = await Lease.acquire(this.#store, key, node, LEASE_MS);
      if (lease) return lease;
      const held = await this.#store.holder(key);
      return held && held.holder !== node ? "another's" : undefined;
    } catch (error) {
      if (hasCode(error, "STORE_UNAVAILABLE")) return undefined;
      process.emitWarning(error as Error);
      return "another's";
    }
  }

  /** Leads no longer: the next can at once or, if the store does not hear it, when the lease ends. Idempotent. */
  async release(): Promise<void> {
    this.#isOver = true;
    // A lease may be on its way.
    await this.#retaken;
    try {
      await this.#lease.release();
    } catch (error) {
      process.emitWarning(error as Error);
    }
  }
}

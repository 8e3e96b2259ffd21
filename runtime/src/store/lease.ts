/** A lease that is kept: renewed in time, and given up by the holder's own clock if that does not work. */
import { type Duration, milliseconds } from "../duration.ts";
import { elapsed, type Moment, moment } from "./clock.ts";
import { LeaseLost } from "./error.ts";
import type { Store } from "./port.ts";

/** Two clocks may run at rates that differ; the store's may be the faster one by this much. */
const CLOCK_RATE = 0.01;
const RENEWALS = 3;
const RETRIES = 10;
const JITTER = 0.1;

/**
 * Only who has a `valid` lease may act for its key. It is counted from before the request was sent, by this process's
 * own clocks, so it ends here before it ends in the store, also when the process was stopped in between.
 *
 * ```ts
 * await using lease = await Lease.acquire(store, "nightly", "worker-1", "5s");
 * if (lease) await backUp({ signal: lease.signal, token: lease.token });
 * ```
 */
export class Lease implements AsyncDisposable {
  readonly key: string;
  readonly holder: string;
  /** Hand it to whatever must refuse an earlier holder, such as `store.put`. */
  readonly token: bigint;
  readonly #store: Store;
  readonly #ttl: number;
  readonly #lost = new AbortController();
  #from: Moment;
  #renewal: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #released: Promise<void> | undefined;
  /** Why the last renewal failed. */
  #trouble: unknown;

  private constructor(store: Store, key: string, holder: string, token: bigint, ttl: number, from: Moment) {
    this.#store = store;
    this.key = key;
    this.holder = holder;
    this.token = token;
    this.#ttl = ttl;
    this.#from = from;
  }

  /**
   * Takes the lease of `key` and keeps it until it is released or lost; undefined if it is taken. Renewals do not
   * keep the process alive. Throws as `store.acquire` does.
   */
  static async acquire(store: Store, key: string, holder: string, ttl: Duration): Promise<Lease | undefined> {
    const from = moment();
    const grant = await store.acquire(key, holder, ttl);
    if (!grant) return undefined;
    const lease = new Lease(store, key, holder, grant.token, milliseconds("ttl", ttl), from);
    if (lease.valid) {
      lease.#keep();
      return lease;
    }
    // The answer took longer than the lease lasts.
    await store.release(key, grant.token);
    return undefined;
  }

  /** Whether this process may act for the key. Exact at the moment of asking, also if timers are late. */
  get valid(): boolean {
    if (!this.#lost.signal.aborted && this.#remaining() <= 0) this.#lose("was not renewed in time");
    return !this.#lost.signal.aborted;
  }

  /** Milliseconds for which it is still valid if it is not renewed; 0 if it is not. */
  get remaining(): number {
    return this.valid ? Math.max(0, this.#remaining()) : 0;
  }

  /**
   * Aborted, with `LEASE_LOST`, when the lease is lost, released, or may be lost. A blocked event loop aborts late:
   * look at `valid` before each step that must not be done by two.
   */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Aborts the signal and gives the lease back, so that the next can have it at once. Idempotent. Rejects with
   * `STORE_UNAVAILABLE` if the store did not hear it; then the lease ends when its time is up.
   */
  release(): Promise<void> {
    const held = this.valid;
    this.#lose("was released");
    // One that was lost is not ours to give back.
    this.#released ??= held ? this.#store.release(this.key, this.token).then(() => {}) : Promise.resolve();
    return this.#released;
  }

  /** Does without it, as `release`, but leaves it to the store: the next can have it when its time is up. */
  abandon(): void {
    this.#lose("was given up");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #remaining(): number {
    return this.#ttl * (1 - CLOCK_RATE) - elapsed(this.#from);
  }

  #keep(): void {
    this.#watchDeadline();
    const spread = 1 + JITTER * (Math.random() - 0.5);
    // Counted from the request too: over a slow link the answer has taken a part of the time.
    this.#schedule(Math.max(0, (this.#ttl / RENEWALS) * spread - elapsed(this.#from)));
  }

  #schedule(ms: number): void {
    this.#renewal = setTimeout(() => void this.#renew(), ms).unref();
  }

  async #renew(): Promise<void> {
    const from = moment();
    try {
      const renewed = await this.#store.renew(this.key, this.token, this.#ttl);
      if (!renewed) this.#lose("was taken by another");
      // Came through too late: nobody acts for it here any more, so the next need not wait for it.
      else if (!this.valid) await this.#store.release(this.key, this.token);
    } catch (error) {
      // The deadline ends it unless a later try gets through.
      this.#trouble = error;
      if (this.valid) this.#schedule(this.#ttl / RETRIES);
      return;
    }
    if (!this.valid) return;
    this.#from = from;
    this.#trouble = undefined;
    clearTimeout(this.#deadline);
    this.#keep();
  }

  #watchDeadline(): void {
    const left = Math.max(1, Math.ceil(this.#remaining()));
    this.#deadline = setTimeout(() => {
      // A timer may fire early by a fraction.
      if (this.valid) this.#watchDeadline();
    }, left).unref();
  }

  #lose(how: string): void {
    if (this.#lost.signal.aborted) return;
    clearTimeout(this.#renewal);
    clearTimeout(this.#deadline);
    this.#lost.abort(new LeaseLost(this.key, how, this.#trouble));
  }
}

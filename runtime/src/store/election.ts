import { setTimeout as pause } from "node:timers/promises";
import { hasCode } from "@bonfire/wire";
import { type Duration, milliseconds } from "../duration.ts";
import { refuseUnknown } from "../option.ts";
import { Lease } from "./lease.ts";
import type { Holder, Store } from "./port.ts";

/** Between two tries while the store cannot be used. */
const RETRY_MS = 250;

export interface ElectionOptions {
  /** What is led: the candidates of one key compete. */
  readonly key: string;
  /** This candidate's name, for others to read. */
  readonly candidate: string;
  /** How long the others wait for a leader that was killed. Default 5 s. */
  readonly ttl?: Duration;
}

const KNOWN = ["key", "candidate", "ttl"] as const satisfies readonly (keyof ElectionOptions)[];

/**
 * One leader at a time among the candidates of a key.
 *
 * ```ts
 * await using election = new Election(store, { key: "scheduler", candidate: "service-1" });
 * const lease = await election.campaign();
 * await schedule({ signal: lease.signal });
 * ```
 */
export class Election implements AsyncDisposable {
  readonly #store: Store;
  readonly #key: string;
  readonly #candidate: string;
  readonly #ttl: number;
  readonly #closed = new AbortController();
  #lease: Lease | undefined;

  /** Starts nothing. Throws `UNKNOWN_OPTION` and `INVALID_OPTION`. */
  constructor(store: Store, options: ElectionOptions) {
    refuseUnknown("an election", options, KNOWN);
    const { key, candidate, ttl = "5s" } = options;
    this.#store = store;
    this.#key = key;
    this.#candidate = candidate;
    this.#ttl = milliseconds("ttl", ttl);
  }

  /**
   * Resolves with the lease once this candidate leads; goes on through times in which the store cannot be used.
   * Rejects with the reason of `signal`, and when the election is closed.
   */
  async campaign({ signal }: { signal?: AbortSignal } = {}): Promise<Lease> {
    const given = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
    for (;;) {
      given.throwIfAborted();
      try {
        const lease = await Lease.acquire(this.#store, this.#key, this.#candidate, this.#ttl);
        if (lease) return await this.#won(lease, given);
        await this.#store.whenFree(this.#key, given);
      } catch (error) {
        if (!hasCode(error, "STORE_UNAVAILABLE")) throw error;
        await pause(RETRY_MS, undefined, { signal: given });
      }
    }
  }

  /** Who leads now; undefined between two leaders. */
  leader(): Promise<Holder | undefined> {
    return this.#store.holder(this.#key);
  }

  /** Gives the lead back, if this candidate has it: the next one leads at once. */
  async resign(): Promise<void> {
    await this.#lease?.release();
    this.#lease = undefined;
  }

  /** Resigns, and ends a campaign that is under way. Idempotent. */
  close(): Promise<void> {
    this.#closed.abort();
    return this.resign();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Nobody waits for the lead any more if it came too late. */
  async #won(lease: Lease, given: AbortSignal): Promise<Lease> {
    if (given.aborted) await lease.release();
    given.throwIfAborted();
    this.#lease = lease;
    return lease;
  }
}

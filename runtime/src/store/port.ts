/**
 * The port to what a cluster shares: leases with fencing tokens, values that only the last holder may write, and sets
 * whose members have to come again. Unique names, elections and snapshots are built on it.
 */
import { BonfireError } from "@bonfire/wire";
import { type Duration, milliseconds } from "../duration.ts";
import { StaleToken } from "./error.ts";

export interface Grant {
  /** Greater than that of every earlier grant of the key, also after expiry, release and restart of the store. */
  readonly token: bigint;
}

export interface Holder {
  readonly holder: string;
  readonly token: bigint;
  /** Milliseconds until the lease ends, by the store's clock. */
  readonly remaining: number;
}

const LEAST_TTL_MS = 10;
const MOST_NAME_BYTES = 512;

/**
 * What every store does; docs/stores.md says what each of them guarantees. Times count by the store's own clock.
 *
 * Every verb throws `INVALID_OPTION` and `CLOSED` at once and rejects with `STORE_UNAVAILABLE` if the store did not
 * answer; then it may have been done or not. An acquire whose answer was lost leaves the key taken for its `ttl`.
 */
export abstract class Store implements AsyncDisposable {
  #closed: Promise<void> | undefined;

  /** The largest value that `put` takes, in bytes. */
  abstract readonly maxValueBytes: number;

  /**
   * Takes the lease of `key` for `ttl`; undefined if anybody has it, also the same `holder`. `holder` says who, for
   * others to read. Use `Lease` or `Election` to keep it.
   */
  acquire(key: string, holder: string, ttl: Duration): Promise<Grant | undefined> {
    return this.doAcquire(this.#name("key", key), this.#name("holder", holder), timeToLive(ttl));
  }

  /**
   * Lets the lease last `ttl` from now on; false if it was released or granted to another. One that has run out and
   * that nobody has taken since is renewed.
   */
  renew(key: string, token: bigint, ttl: Duration): Promise<boolean> {
    return this.doRenew(this.#name("key", key), token, timeToLive(ttl));
  }

  /** Gives the lease back, so that the next can have it at once; false if it was not this token's any more. */
  release(key: string, token: bigint): Promise<boolean> {
    return this.doRelease(this.#name("key", key), token);
  }

  /** Who has the lease of `key` now; undefined if nobody has. */
  holder(key: string): Promise<Holder | undefined> {
    return this.doHolder(this.#name("key", key));
  }

  /**
   * Resolves when nobody holds `key`: at once after a release (within 1 s if word of it was lost), and as its time is
   * up otherwise. Somebody else may have taken it again by then. Rejects with the reason of `signal`.
   */
  whenFree(key: string, signal?: AbortSignal): Promise<void> {
    return this.doWhenFree(this.#name("key", key), signal);
  }

  /** The value of `key`, whoever holds its lease. */
  get(key: string): Promise<Uint8Array | undefined> {
    return this.doGet(this.#name("key", key));
  }

  /**
   * Writes the value of `key`; it stays until it is deleted, whatever becomes of the lease. Rejects with
   * `STALE_TOKEN` once the lease was released or granted to another; throws `VALUE_TOO_LARGE` at once.
   */
  put(key: string, value: Uint8Array, token: bigint): Promise<void> {
    this.#name("key", key);
    if (value.byteLength > this.maxValueBytes) {
      throw new BonfireError(
        "VALUE_TOO_LARGE",
        `Cannot store ${value.byteLength} bytes under "${key}" as this store takes at most ${this.maxValueBytes}: keep less, or store it elsewhere and keep where it is`,
      );
    }
    return this.doPut(key, value, token).then((done) => requireFresh(done, key));
  }

  /** Removes the value of `key`, if there is one. Rejects with `STALE_TOKEN` as `put` does. */
  delete(key: string, token: bigint): Promise<void> {
    return this.doDelete(this.#name("key", key), token).then((done) => requireFresh(done, key));
  }

  /** Makes `member` one of `group` for `ttl`; to stay, join again. */
  join(group: string, member: string, ttl: Duration): Promise<void> {
    return this.doJoin(this.#name("group", group), this.#name("member", member), timeToLive(ttl));
  }

  leave(group: string, member: string): Promise<void> {
    return this.doLeave(this.#name("group", group), this.#name("member", member));
  }

  /** Who is in the group now, in the order of their names. */
  members(group: string): Promise<string[]> {
    return this.doMembers(this.#name("group", group)).then((members) => members.sort());
  }

  /** Closes what it opened. Leases last until their time is up. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.doClose();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  protected abstract doAcquire(key: string, holder: string, ttl: number): Promise<Grant | undefined>;
  protected abstract doRenew(key: string, token: bigint, ttl: number): Promise<boolean>;
  protected abstract doRelease(key: string, token: bigint): Promise<boolean>;
  protected abstract doHolder(key: string): Promise<Holder | undefined>;
  protected abstract doWhenFree(key: string, signal: AbortSignal | undefined): Promise<void>;
  protected abstract doGet(key: string): Promise<Uint8Array | undefined>;
  /** False: the token is not that of the last grant, or was released. */
  protected abstract doPut(key: string, value: Uint8Array, token: bigint): Promise<boolean>;
  protected abstract doDelete(key: string, token: bigint): Promise<boolean>;
  protected abstract doJoin(group: string, member: string, ttl: number): Promise<void>;
  protected abstract doLeave(group: string, member: string): Promise<void>;
  protected abstract doMembers(group: string): Promise<string[]>;
  protected abstract doClose(): Promise<void>;

  /** `name`, if this store is open and takes it. */
  #name(what: string, name: string): string {
    if (this.#closed) throw new BonfireError("CLOSED", "Cannot use the store as it is closed");
    const fits = typeof name === "string" && name !== "" && Buffer.byteLength(name) <= MOST_NAME_BYTES;
    // Half a surrogate pair has no bytes of its own, so two such names would be one.
    if (fits && name.isWellFormed()) return name;
    throw new BonfireError(
      "INVALID_OPTION",
      `The ${what} of a store must be text of 1 to ${MOST_NAME_BYTES} bytes of UTF-8, got ${typeof name === "string" ? `${name.length} characters` : typeof name}`,
    );
  }
}

/** Not by its class, as a store may come from another copy of this package. */
export function isStore(value: unknown): value is Store {
  return typeof value === "object" && value !== null && typeof (value as Store).acquire === "function";
}

function requireFresh(done: boolean, key: string): void {
  if (!done) throw new StaleToken(key);
}

function timeToLive(ttl: Duration): number {
  const ms = milliseconds("ttl", ttl);
  if (ms >= LEAST_TTL_MS) return Math.round(ms);
  throw new BonfireError("INVALID_OPTION", `Option "ttl" must be at least ${LEAST_TTL_MS} ms, got ${ms}`);
}

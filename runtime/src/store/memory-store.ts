/** A store in the memory of this process, for tests and a lone driver. No other process can see it. */
import { type Grant, type Holder, Store } from "./port.ts";
import { untilFree } from "./until-free.ts";

interface Slot {
  token: bigint;
  holder: string | undefined;
  /** By `now()`. */
  until: number;
  value: Uint8Array | undefined;
}

export class MemoryStore extends Store {
  readonly maxValueBytes = 1_047_552;
  readonly #slots = new Map<string, Slot>();
  readonly #groups = new Map<string, Map<string, number>>();
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Of the whole store, so that a key without a value needs no record once it is released. */
  #lastToken = 0n;

  protected async doAcquire(key: string, holder: string, ttl: number): Promise<Grant | undefined> {
    const slot = this.#slots.get(key);
    if (slot?.holder !== undefined && slot.until > now()) return undefined;
    const clock = BigInt(Math.floor(now() * 1_000));
    this.#lastToken = clock > this.#lastToken ? clock : this.#lastToken + 1n;
    this.#slots.set(key, { token: this.#lastToken, holder, until: now() + ttl, value: slot?.value });
    return { token: this.#lastToken };
  }

  protected async doRenew(key: string, token: bigint, ttl: number): Promise<boolean> {
    const slot = this.#granted(key, token);
    if (slot) slot.until = now() + ttl;
    return slot !== undefined;
  }

  protected async doRelease(key: string, token: bigint): Promise<boolean> {
    const slot = this.#granted(key, token);
    if (!slot) return false;
    slot.holder = undefined;
    if (!slot.value) this.#slots.delete(key);
    for (const wake of this.#waiting.get(key) ?? []) wake();
    return true;
  }

  protected async doHolder(key: string): Promise<Holder | undefined> {
    const slot = this.#slots.get(key);
    if (slot?.holder === undefined) return undefined;
    const remaining = slot.until - now();
    return remaining > 0 ? { holder: slot.holder, token: slot.token, remaining } : undefined;
  }

  protected doWhenFree(key: string, signal: AbortSignal | undefined): Promise<void> {
    return untilFree(
      () => this.doHolder(key),
      (wake) => {
        const waiting = this.#waiting.get(key) ?? new Set();
        this.#waiting.set(key, waiting.add(wake));
        return () => {
          waiting.delete(wake);
          if (waiting.size === 0) this.#waiting.delete(key);
        };
      },
      signal,
    );
  }

  protected async doGet(key: string): Promise<Uint8Array | undefined> {
    return this.#slots.get(key)?.value?.slice();
  }

  protected async doPut(key: string, value: Uint8Array, token: bigint): Promise<boolean> {
    const slot = this.#granted(key, token);
    if (slot) slot.value = value.slice();
    return slot !== undefined;
  }

  protected async doDelete(key: string, token: bigint): Promise<boolean> {
    const slot = this.#granted(key, token);
    if (slot) slot.value = undefined;
    return slot !== undefined;
  }

  protected async doJoin(group: string, member: string, ttl: number): Promise<void> {
    const members = this.#groups.get(group) ?? new Map<string, number>();
    this.#groups.set(group, members.set(member, now() + ttl));
  }

  protected async doLeave(group: string, member: string): Promise<void> {
    const members = this.#groups.get(group);
    members?.delete(member);
    if (members?.size === 0) this.#groups.delete(group);
  }

  protected async doMembers(group: string): Promise<string[]> {
    const members = this.#groups.get(group) ?? new Map<string, number>();
    for (const [member, until] of members) if (until <= now()) members.delete(member);
    if (members.size === 0) this.#groups.delete(group);
    return [...members.keys()];
  }

  protected async doClose(): Promise<void> {
    this.#slots.clear();
    this.#groups.clear();
  }

  #granted(key: string, token: bigint): Slot | undefined {
    const slot = this.#slots.get(key);
    return slot?.token === token && slot.holder !== undefined ? slot : undefined;
  }
}

/** Milliseconds since the epoch that never go back, with fractions. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

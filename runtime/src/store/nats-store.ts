/**
 * A store in a key-value bucket of NATS JetStream. The lease of a key is one entry, changed only by compare-and-set on
 * its revision; it names the grant and where the value is, so that no write with an older grant gets in after a newer
 * one. The server of 2.9 has no time to live for single entries: times are judged by the server's own time of the
 * entries, against that of a fresh one.
 */
import { BonfireError } from "@bonfire/wire";
import { Bucket, type BucketOptions } from "../bus/bucket.ts";
import type { Bus } from "../bus/bus.ts";
import { subject } from "../bus/subject.ts";
import { refuseUnknown, wholeNumber } from "../option.ts";
import { kept, parse, type Seen, type Slot, seenIn, valuePart } from "./nats-slot.ts";
import { type Grant, type Holder, Store } from "./port.ts";
import { untilFree } from "./until-free.ts";

export interface NatsStoreOptions {
  /** The bucket's name: letters, digits, `-` and `_`. Default `bonfire`. */
  readonly bucket?: string;
  /** Copies of the bucket in a cluster of servers: 1, 3 or 5. Default 1; that of a bucket that exists is kept. */
  readonly replicas?: number;
}

const KNOWN = ["bucket", "replicas"] as const satisfies readonly (keyof NatsStoreOptions)[];

/** A change that loses this often against others is given up. */
const MOST_TRIES = 100;
const CLOCK_KEY = "clock";
const NOTHING = new Uint8Array(0);
const utf8 = new TextEncoder();

export class NatsStore extends Store {
  readonly maxValueBytes: number;
  readonly #bus: Bus;
  readonly #name: string;
  readonly #bucket: Bucket;
  #ticking: Promise<number> | undefined;

  private constructor(bus: Bus, name: string, bucket: Bucket) {
    super();
    this.#bus = bus;
    this.#name = name;
    this.#bucket = bucket;
    this.maxValueBytes = bus.maxPayload;
  }

  /**
   * Opens the bucket, and makes it if there is none. The bus stays the caller's to close. Throws `UNKNOWN_OPTION`,
   * `INVALID_OPTION`, and `STORE_UNAVAILABLE` with the remedy if JetStream is off.
   */
  static async open(bus: Bus, options: NatsStoreOptions = {}): Promise<NatsStore> {
    const settings = resolve(options);
    return new NatsStore(bus, settings.name, await bus.bucket(settings));
  }

  protected async doAcquire(key: string, holder: string, ttl: number): Promise<Grant | undefined> {
    const revision = await this.#change(key, async (seen) => {
      if (seen && seen.slot.holder !== undefined && (await this.#now()) < seen.until) return undefined;
      return { holder, ttl, last: String(seen?.token ?? 0n), ...valuePart(seen) };
    });
    if (revision === undefined) return undefined;
    // Gone if it ran out, and another took it, before this read.
    const entry = await this.#bucket.at(revision);
    return entry && { token: seenIn(entry).token };
  }

  protected async doRenew(key: string, token: bigint, ttl: number): Promise<boolean> {
    const renewed = await this.#changeGranted(key, token, ({ slot: { holder, value } }) => ({
      holder: holder as string,
      ttl,
      token: String(token),
      ...(value !== undefined && { value }),
    }));
    return renewed !== undefined;
  }

  protected async doRelease(key: string, token: bigint): Promise<boolean> {
    let hasValue = false;
    const revision = await this.#changeGranted(key, token, (seen) => {
      hasValue = seen.slot.value !== undefined;
      return { ttl: 0, token: String(token), ...valuePart(seen) };
    });
    if (revision === undefined) return false;
    // Not before it is stored, as who hears of it looks at once. Word that is lost costs them a second.
    if (this.#bus.link.up) this.#bus.publish(this.#released(key), NOTHING);
    // What remains of a name without a value is only in the way.
    if (!hasValue) await this.#bucket.remove(leaseKey(key), revision + 1);
    return true;
  }

  protected async doHolder(key: string): Promise<Holder | undefined> {
    const seen = await this.#see(key);
    if (seen?.slot.holder === undefined) return undefined;
    const remaining = (seen.until - (await this.#now())) / 1_000;
    return remaining > 0 ? { holder: seen.slot.holder, token: seen.token, remaining } : undefined;
  }

  protected doWhenFree(key: string, signal: AbortSignal | undefined): Promise<void> {
    return untilFree(
      () => this.doHolder(key),
      (wake) => {
        const subscription = this.#bus.subscribe(this.#released(key), wake);
        return () => subscription.unsubscribe();
      },
      signal,
    );
  }

  protected async doGet(key: string): Promise<Uint8Array | undefined> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const value = (await this.#see(key))?.slot.value;
      if (value === undefined) return undefined;
      const entry = await this.#bucket.at(value);
      if (entry) return entry.data;
      // Replaced between the two reads.
    }
    throw contended(key);
  }

  protected async doPut(key: string, value: Uint8Array, token: bigint): Promise<boolean> {
    // Under a name of its own: a write that is refused then must not have replaced what is there.
    const own = `${valueKey(key)}.${Bucket.uniqueToken()}`;
    const stored = (await this.#bucket.put(own, value)) as number;
    const revision = await this.#changeGranted(key, token, (seen) => ({
      ...kept(seen),
      // If the same holder sent another later, and that is there already, then this one is what it replaced.
      value: Math.max(stored, seen.slot.value ?? 0),
    }));
    if (revision === undefined) await this.#bucket.remove(own, stored + 1);
    else await this.#bucket.remove(`${valueKey(key)}.*`, stored);
    return revision !== undefined;
  }

  protected async doDelete(key: string, token: bigint): Promise<boolean> {
    let before = 0;
    const revision = await this.#changeGranted(key, token, (seen) => {
      before = (seen.slot.value ?? 0) + 1;
      return kept(seen);
    });
    if (revision === undefined) return false;
    await this.#bucket.remove(`${valueKey(key)}.*`, before);
    return true;
  }

  protected async doJoin(group: string, member: string, ttl: number): Promise<void> {
    await this.#bucket.put(memberKey(group, member), utf8.encode(JSON.stringify({ member, ttl })));
  }

  protected async doLeave(group: string, member: string): Promise<void> {
    await this.#bucket.remove(memberKey(group, member), Number.MAX_SAFE_INTEGER);
  }

  protected async doMembers(group: string): Promise<string[]> {
    const keys = await this.#bucket.keys(`group.${token(group)}.*`);
    if (keys.length === 0) return [];
    const entries = await Promise.all(keys.map((key) => this.#bucket.get(key)));
    const now = await this.#now();
    const members: string[] = [];
    for (const [index, entry] of entries.entries()) {
      if (!entry) continue; // left in between
      const { member, ttl } = parse<{ member: string; ttl: number }>(entry.data);
      if (entry.at + ttl * 1_000 > now) members.push(member);
      // If it has come again by now, its new entry stays.
      else await this.#bucket.remove(keys[index] as string, entry.revision + 1);
    }
    return members;
  }

  protected async doClose(): Promise<void> {}

  #released(key: string): string {
    return subject.released(this.#name, token(key));
  }

  async #see(key: string): Promise<Seen | undefined> {
    const entry = await this.#bucket.get(leaseKey(key));
    return entry && seenIn(entry);
  }

  /** The server's time in microseconds, or a little earlier: then a lease seems to last longer, never shorter. */
  #now(): Promise<number> {
    this.#ticking ??= this.#tick().finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  /** Writes an entry to see which time it gets; that of another, if it wrote in between, is later still. */
  async #tick(): Promise<number> {
    await this.#bucket.put(CLOCK_KEY, NOTHING);
    const entry = await this.#bucket.get(CLOCK_KEY);
    if (entry) return entry.at;
    throw new BonfireError("STORE_UNAVAILABLE", "Cannot use the store in NATS: its bucket is being emptied");
  }

  /** Writes what `next` makes of the entry of `key`; tries again if another was first. Undefined if `next` gives up. */
  async #change(
    key: string,
    next: (seen: Seen | undefined) => Promise<Slot | undefined> | Slot | undefined,
  ): Promise<number | undefined> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const seen = await this.#see(key);
      const slot = await next(seen);
      if (!slot) return undefined;
      const data = utf8.encode(JSON.stringify(slot));
      const revision = await this.#bucket.put(leaseKey(key), data, seen?.revision ?? 0);
      if (revision !== undefined) return revision;
    }
    throw contended(key);
  }

  #changeGranted(key: string, token: bigint, next: (seen: Seen) => Slot): Promise<number | undefined> {
    return this.#change(key, (seen) =>
      seen?.token === token && seen.slot.holder !== undefined ? next(seen) : undefined,
    );
  }
}

function leaseKey(key: string): string {
  return `lease.${token(key)}`;
}

function valueKey(key: string): string {
  return `value.${token(key)}`;
}

function memberKey(group: string, member: string): string {
  return `group.${token(group)}.${token(member)}`;
}

/** Any text as one token of a subject: what NATS does not take becomes `=` and the hex of its UTF-8 bytes. */
function token(text: string): string {
  return text.replace(/[^\w-]/gu, (character) =>
    [...utf8.encode(character)].map((byte) => `=${byte.toString(16).padStart(2, "0")}`).join(""),
  );
}

function resolve(options: NatsStoreOptions): BucketOptions {
  refuseUnknown("a NATS store", options, KNOWN);
  const { bucket: name = "bonfire", replicas = 1 } = options;
  if (!/^[\w-]{1,64}$/.test(name)) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "bucket" must be 1 to 64 letters, digits, "-" and "_", got ${JSON.stringify(name)}`,
    );
  }
  return { name, replicas: wholeNumber("replicas", replicas, 1) };
}

function contended(key: string): BonfireError {
  return new BonfireError(
    "STORE_UNAVAILABLE",
    `Cannot change "${key}" as others changed it ${MOST_TRIES} times meanwhile: let fewer compete for one key, and try again`,
  );
}

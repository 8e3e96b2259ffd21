import { BonfireError, type Grant, type Holder, Store } from "@bonfire/runtime";
import { refuseUnknown, untilFree } from "@bonfire/runtime/internal";
import { another, type Connection, open, unavailable } from "./connection.ts";
import { Releases } from "./releases.ts";

export interface RedisStoreOptions {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS; several are nodes of a cluster. Default: `REDIS_URL`. */
  readonly url?: string | readonly string[];
  /** What every key of this store begins with. Default `bonfire`. */
  readonly prefix?: string;
}

const KNOWN = ["url", "prefix"] as const satisfies readonly (keyof RedisStoreOptions)[];
const MAX_VALUE_BYTES = 1_047_552;

/** A store on Redis 6.2 or newer, or on a cluster of them. */
export class RedisStore extends Store {
  readonly maxValueBytes = MAX_VALUE_BYTES;
  readonly #redis: Connection;
  readonly #releases: Releases;
  readonly #prefix: string;

  private constructor(redis: Connection, prefix: string) {
    super();
    this.#redis = redis;
    this.#prefix = prefix;
    this.#releases = new Releases(() => another(redis));
  }

  /**
   * Connects.
   *
   * Throws `UNKNOWN_OPTION`, `INVALID_OPTION`, `STORE_UNAVAILABLE`.
   *
   * ```ts
   * await using store = await RedisStore.connect({ url: "redis://localhost:6379" });
   * ```
   */
  static async connect(options: RedisStoreOptions = {}): Promise<RedisStore> {
    refuseUnknown("a Redis store", options, KNOWN);
    const { url = process.env.REDIS_URL ?? [], prefix = "bonfire" } = options;
    const urls = (typeof url === "string" ? url.split(",") : url).map(parse);
    if (urls.length === 0) throw noUrl();
    return new RedisStore(await open(urls), prefix);
  }

  protected async doAcquire(key: string, holder: string, ttl: number): Promise<Grant | undefined> {
    const token = await answer(this.#redis.storeAcquire(this.#lease(key), holder, ttl));
    return token === null ? undefined : { token: BigInt(token) };
  }

  protected async doRenew(key: string, token: bigint, ttl: number): Promise<boolean> {
    return (await answer(this.#redis.storeRenew(this.#lease(key), String(token), ttl))) === 1;
  }

  protected async doRelease(key: string, token: bigint): Promise<boolean> {
    const sent = this.#redis.storeRelease(this.#lease(key), String(token), this.#channel(key));
    return (await answer(sent)) === 1;
  }

  protected async doHolder(key: string): Promise<Holder | undefined> {
    const found = await answer(this.#redis.storeHolder(this.#lease(key)));
    if (!found) return undefined;
    const [holder, token, remaining] = found;
    return { holder, token: BigInt(token), remaining: Number(remaining) };
  }

  protected doWhenFree(key: string, signal: AbortSignal | undefined): Promise<void> {
    return untilFree(
      () => this.doHolder(key),
      (wake) => answer(this.#releases.listen(this.#channel(key), wake)),
      signal,
    );
  }

  protected async doGet(key: string): Promise<Uint8Array | undefined> {
    const value = await answer(this.#redis.hgetBuffer(this.#lease(key), "value"));
    return value === null ? undefined : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }

  protected async doPut(key: string, value: Uint8Array, token: bigint): Promise<boolean> {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return (await answer(this.#redis.storePut(this.#lease(key), String(token), bytes))) === 1;
  }

  protected async doDelete(key: string, token: bigint): Promise<boolean> {
    return (await answer(this.#redis.storeRemove(this.#lease(key), String(token)))) === 1;
  }

  protected async doJoin(group: string, member: string, ttl: number): Promise<void> {
    await answer(this.#redis.storeJoin(this.#group(group), member, ttl));
  }

  protected async doLeave(group: string, member: string): Promise<void> {
    await answer(this.#redis.zrem(this.#group(group), member));
  }

  protected doMembers(group: string): Promise<string[]> {
    return answer(this.#redis.storeMembers(this.#group(group)));
  }

  protected async doClose(): Promise<void> {
    await this.#releases.close();
    this.#redis.disconnect();
  }

  // The braces make a cluster keep whatever one lease may need one day on one node.
  #lease(key: string): string {
    return `${this.#prefix}:lease:{${key}}`;
  }

  #channel(key: string): string {
    return `${this.#prefix}:free:{${key}}`;
  }

  #group(group: string): string {
    return `${this.#prefix}:group:{${group}}`;
  }
}

async function answer<T>(sent: Promise<T>): Promise<T> {
  try {
    return await sent;
  } catch (error) {
    throw error instanceof BonfireError ? error : unavailable(error);
  }
}

function parse(text: string): URL {
  const url = URL.parse(text.trim());
  if (url && ["redis:", "rediss:"].includes(url.protocol) && url.hostname !== "") return url;
  throw noUrl();
}

function noUrl(): BonfireError {
  // What was given may hold a password, so it is not repeated.
  return new BonfireError(
    "INVALID_OPTION",
    'A Redis server is given as redis://host:port or rediss://host:port: set REDIS_URL or the option "url"',
  );
}

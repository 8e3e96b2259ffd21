/** A JetStream key-value bucket, the part of it that a store needs: reads with the server's time, guarded writes. */
import { BonfireError } from "@bonfire/wire";
import { type JetStreamClient, type JetStreamManager, type NatsConnection, NatsError, nuid } from "nats";

export interface Entry {
  readonly data: Uint8Array;
  /** The bucket's number of this write; grows with every write to any key. */
  readonly revision: number;
  /** When the server stored it: microseconds since the epoch, by the server's clock. */
  readonly at: number;
}

export interface BucketOptions {
  /** Letters, digits, `-` and `_`. */
  readonly name: string;
  /** Copies in a cluster of servers, 1, 3 or 5. */
  readonly replicas: number;
}

const REQUEST_MS = 1_000;
const WRONG_LAST_REVISION = 10_071;
const NO_MESSAGE = 10_037;
const NO_STREAM = 10_059;
const NO_RESPONDERS = "503";

export class Bucket {
  readonly #options: BucketOptions;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #requireLink: () => void;

  private constructor(options: BucketOptions, manager: JetStreamManager, requireLink: () => void) {
    this.#options = options;
    this.#client = manager.jetstream();
    this.#manager = manager;
    this.#requireLink = requireLink;
  }

  /** Opens the bucket, and makes it if there is none. Throws `STORE_UNAVAILABLE`. */
  static async open(
    connection: NatsConnection,
    requireLink: () => void,
    options: BucketOptions,
  ): Promise<Bucket> {
    try {
      requireLink();
      const manager = await connection.jetstreamManager({ timeout: REQUEST_MS });
      const bucket = new Bucket(options, manager, requireLink);
      await bucket.#make();
      return bucket;
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** A new name that is a single token of a key. */
  static uniqueToken(): string {
    return nuid.next();
  }

  /** The last entry of `key`, as the stream's leader has it. */
  async get(key: string): Promise<Entry | undefined> {
    return this.#read({ last_by_subj: this.#subject(key) });
  }

  /** The entry with this revision, unless a later one of its key has replaced it. */
  async at(revision: number): Promise<Entry | undefined> {
    return this.#read({ seq: revision });
  }

  /**
   * Writes, and returns the new revision. With `expected` only if that is the revision of the key's last entry (0:
   * there is none); undefined if it is not.
   */
  async put(key: string, data: Uint8Array, expected?: number): Promise<number | undefined> {
    const expect = expected === undefined ? {} : { lastSubjectSequence: expected };
    try {
      const { seq } = await this.#attempt(() => this.#client.publish(this.#subject(key), data, { expect }));
      return seq;
    } catch (error) {
      if (apiCode(error) === WRONG_LAST_REVISION) return undefined;
      throw unavailable(error);
    }
  }

  /** Every key that matches `filter`, in which `*` stands for one token. */
  async keys(filter: string): Promise<string[]> {
    const query = { subjects_filter: this.#subject(filter) };
    try {
      const { state } = await this.#attempt(() => this.#manager.streams.info(this.#stream, query));
      return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(this.#subject("").length));
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** Removes the entries of all keys that match `filter` and whose revision is below `before`. */
  async remove(filter: string, before: number): Promise<void> {
    const query = { filter: this.#subject(filter), seq: before };
    try {
      await this.#attempt(() => this.#manager.streams.purge(this.#stream, query));
    } catch (error) {
      throw unavailable(error);
    }
  }

  get #stream(): string {
    return `KV_${this.#options.name}`;
  }

  #subject(key: string): string {
    return `$KV.${this.#options.name}.${key}`;
  }

  async #make(): Promise<void> {
    const { name, replicas } = this.#options;
    // A replica may answer a direct read with an older entry; a new holder must read what the last one wrote.
    await this.#client.views.kv(name, { history: 1, replicas, allow_direct: false });
  }

  async #read(query: { last_by_subj: string } | { seq: number }): Promise<Entry | undefined> {
    try {
      const found = await this.#attempt(() => this.#manager.streams.getMessage(this.#stream, query));
      return { data: found.data, revision: found.seq, at: microseconds(found.timestamp) };
    } catch (error) {
      if (apiCode(error) === NO_MESSAGE) return undefined;
      throw unavailable(error);
    }
  }

  /** Sends; makes the bucket anew, and sends again, if the server came back without its data. */
  async #attempt<T>(send: () => Promise<T>): Promise<T> {
    this.#requireLink();
    try {
      return await send();
    } catch (error) {
      // Either way nothing was done.
      if (apiCode(error) !== NO_STREAM && (error as NatsError).code !== NO_RESPONDERS) throw error;
    }
    await this.#make();
    return send();
  }
}

function apiCode(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

/** `2026-11-23T13:33:34.123456789Z`: a Date would drop the microseconds. */
function microseconds(timestamp: string): number {
  const [, seconds, fraction = ""] = /^(.{19})(?:\.(\d+))?Z$/.exec(timestamp) as RegExpExecArray;
  return Date.parse(`${seconds}Z`) * 1_000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

function unavailable(error: unknown): BonfireError {
  return new BonfireError("STORE_UNAVAILABLE", `Cannot use the store in NATS: ${remedy(error)}`, {
    cause: error,
  });
}

function remedy(error: unknown): string {
  const { code, message, api_error } = error as NatsError;
  if (code === NO_RESPONDERS) {
    return "JetStream is off: start nats-server with -js, and enable it for this account, or use another store";
  }
  if (code === "LINK_DOWN") return "the connection is down, it reconnects by itself: try again";
  if (code === "TIMEOUT")
    return `no answer within ${REQUEST_MS / 1_000} s, so it may have been done or not: try again`;
  return api_error?.description ?? message;
}

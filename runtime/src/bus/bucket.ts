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
const NO_MESSAGE = "404";

export class Bucket {
  readonly #name: string;
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #requireLink: () => void;

  private constructor(
    name: string,
    connection: NatsConnection,
    client: JetStreamClient,
    manager: JetStreamManager,
    requireLink: () => void,
  ) {
    this.#name = name;
    this.#connection = connection;
    this.#client = client;
    this.#manager = manager;
    this.#requireLink = requireLink;
  }

  /** Opens the bucket, and makes it if there is none. Throws `STORE_UNAVAILABLE`. */
  static async open(
    connection: NatsConnection,
    requireLink: () => void,
    { name, replicas }: BucketOptions,
  ): Promise<Bucket> {
    const client = connection.jetstream({ timeout: REQUEST_MS });
    try {
      requireLink();
      const manager = await client.jetstreamManager();
      // A replica may answer a direct read with an older entry; a new holder must read what the last one wrote.
      const settings = { history: 1, replicas, allow_direct: false };
      // Two that make it at once: the slower one finds it made with the same settings.
      await client.views.kv(name, settings);
      return new Bucket(name, connection, client, manager, requireLink);
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
    try {
      this.#requireLink();
      const expect = expected === undefined ? {} : { lastSubjectSequence: expected };
      return (await this.#client.publish(this.#subject(key), data, { expect })).seq;
    } catch (error) {
      if (error instanceof NatsError && error.api_error?.err_code === WRONG_LAST_REVISION) return undefined;
      throw unavailable(error);
    }
  }

  /** Every key that matches `filter`, in which `*` stands for one token. */
  async keys(filter: string): Promise<string[]> {
    const info = await this.#call(() =>
      this.#manager.streams.info(this.#stream, { subjects_filter: this.#subject(filter) }),
    );
    const start = this.#subject("").length;
    return Object.keys(info.state.subjects ?? {}).map((subject) => subject.slice(start));
  }

  /** Removes the entries of all keys that match `filter` and whose revision is below `before`. */
  async remove(filter: string, before: number): Promise<void> {
    await this.#call(() =>
      this.#manager.streams.purge(this.#stream, { filter: this.#subject(filter), seq: before }),
    );
  }

  /** Hears what is sent to `key`, also writes that are refused then: a hint to look. Returns the way to stop. */
  listen(key: string, heard: (data: Uint8Array) => void): () => void {
    const subscription = this.#connection.subscribe(this.#subject(key), {
      callback: (error, message) => {
        // Without permission to listen the one who waits still looks by the clock.
        if (!error) heard(message.data);
      },
    });
    return () => subscription.unsubscribe();
  }

  get #stream(): string {
    return `KV_${this.#name}`;
  }

  #subject(key: string): string {
    return `$KV.${this.#name}.${key}`;
  }

  async #read(query: { last_by_subj: string } | { seq: number }): Promise<Entry | undefined> {
    try {
      this.#requireLink();
      const { data, seq, timestamp } = await this.#manager.streams.getMessage(this.#stream, query);
      return { data, revision: seq, at: microseconds(timestamp) };
    } catch (error) {
      if (error instanceof NatsError && error.code === NO_MESSAGE && !isStreamMissing(error))
        return undefined;
      throw unavailable(error);
    }
  }

  async #call<T>(send: () => Promise<T>): Promise<T> {
    try {
      this.#requireLink();
      return await send();
    } catch (error) {
      throw unavailable(error);
    }
  }
}

function isStreamMissing(error: NatsError): boolean {
  return error.api_error?.err_code === 10_059;
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
  if (code === "503") {
    return "JetStream is off: start nats-server with -js, and enable it for this account, or use another store";
  }
  if (code === "LINK_DOWN") return "the connection is down, it reconnects by itself: try again";
  if (code === "TIMEOUT")
    return `no answer within ${REQUEST_MS / 1_000} s, so it may have been done or not: try again`;
  return api_error?.description ?? message;
}

/** One node's access to NATS: its control connection with the reply inbox, and the bulk connection when needed. */
import { BonfireError } from "@bonfire/wire";
import {
  headers,
  type Msg,
  type NatsConnection,
  type ServerInfo as NatsServerInfo,
  type Subscription,
} from "nats";
import { Bucket, type BucketOptions } from "./bucket.ts";
import { LINK_ANSWER_MS, type Link, type NatsAddress, type OpenOptions, open } from "./connection.ts";
import { guarded, surface } from "./guard.ts";
import { Inbox, type Question } from "./inbox.ts";
import type { ActorBus } from "./node-bus.ts";
import { Transfers } from "./transfer.ts";

/** What a subscription receives; `nats` itself is imported nowhere but in this folder. */
export type Message = Msg;
export type { Subscription };

/** What a nats-server says of itself to whoever connects. */
export interface ServerInfo {
  readonly version: string;
  /** Undefined: it is alone. */
  readonly cluster: string | undefined;
  readonly jetstream: boolean;
  /** In bytes. */
  readonly maxPayload: number;
  /** Without them it does not say when nobody listens. */
  readonly headers: boolean;
}

const DRAIN_MS = 2_000;
const NO_RESPONDERS = 503;
const NOTHING = new Uint8Array(0);
/** What a message may hold beside its payload limit: NATS counts headers into it. */
const HEADROOM_BYTES = 1_024;

export class Bus implements ActorBus, AsyncDisposable {
  readonly node: string;
  readonly address: NatsAddress;
  readonly link: Link;
  /** The largest payload that fits into one message; larger values go as transfers. */
  readonly maxPayload: number;
  readonly #connection: NatsConnection;
  readonly #inbox: Inbox;
  readonly #reconnected: Set<() => void>;
  #bulk: Promise<{ connection: NatsConnection; transfers: Transfers }> | undefined;
  #hasBulk = false;
  #checking: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    node: string,
    address: NatsAddress,
    { connection, link }: { connection: NatsConnection; link: Link },
    reconnected: Set<() => void>,
  ) {
    this.node = node;
    this.address = address;
    this.link = link;
    this.maxPayload = (connection.info?.max_payload ?? 1_048_576) - HEADROOM_BYTES;
    this.#connection = connection;
    this.#reconnected = reconnected;
    this.#inbox = new Inbox(node, (to, receive) => this.subscribe(to, receive));
  }

  /** Connects as `node`. Throws `NATS_UNREACHABLE` or `NATS_REFUSED`. */
  static async connect(
    address: NatsAddress,
    node: string,
    options: Pick<OpenOptions, "pings"> = {},
  ): Promise<Bus> {
    const reconnected = new Set<() => void>();
    const opened = await open(address, node, {
      ...options,
      onReconnect: () => reconnected.forEach(callSafely),
    });
    return new Bus(node, address, opened, reconnected);
  }

  /**
   * Sends. Throws `LINK_DOWN` while disconnected, as NATS would drop the message without a word. With `reply` the server
   * says there, by an empty message, if nobody listens.
   */
  publish(to: string, payload: Uint8Array, reply?: string): void {
    this.#requireLink();
    this.#connection.publish(to, payload, reply === undefined ? undefined : { reply });
  }

  /** Asks; exactly one method of `question` is called within `deadline` milliseconds. Throws `LINK_DOWN`. */
  ask(to: string, payload: Uint8Array, question: Question, deadline: number): void {
    this.#requireLink();
    this.#connection.publish(to, payload, { reply: this.#inbox.ask(question, deadline) });
  }

  /** Registers a question, and returns where it is answered; `answered` is another way to do that. */
  expect(question: Question, deadline: number): string {
    return this.#inbox.ask(question, deadline);
  }

  /** An answer, with the key of its question, that arrived on another subject than the one of the question. */
  answered(key: number, data: Uint8Array, from: string): void {
    this.#inbox.answered(key, data, from);
  }

  /** Takes a question back. */
  forget(question: Question): void {
    this.#inbox.forget(question);
  }

  /** The server that it is connected to, or was last. */
  get server(): ServerInfo {
    // There is no connection without it.
    const { version, cluster, jetstream, max_payload, headers } = this.#connection.info as NatsServerInfo;
    return {
      version,
      cluster,
      jetstream: jetstream === true,
      maxPayload: max_payload,
      headers: headers === true,
    };
  }

  /** How many questions wait for a reply. */
  get waiting(): number {
    return this.#inbox.size;
  }

  /** What `receive` throws becomes an uncaught exception; a message that cannot be read is a dead letter. */
  subscribe(to: string, receive: (message: Msg) => void, options: { queue?: string } = {}): Subscription {
    return this.#connection.subscribe(to, { ...options, callback: guarded(receive) });
  }

  /**
   * Calls back whenever the link is up again, with every subscription of this bus in force; those of others may still
   * be on their way. Returns the way to stop.
   */
  onReconnect(callback: () => void): () => void {
    this.#reconnected.add(callback);
    return () => this.#reconnected.delete(callback);
  }

  /** Answers as the server does if nobody listens, so that the asker may safely ask somebody else. */
  decline(to: string): void {
    this.#requireLink();
    this.#connection.publish(to, NOTHING, { headers: headers(NO_RESPONDERS, "No Responders") });
  }

  /** Resolves when the server has seen everything sent or subscribed so far. Rejects with `LINK_DOWN`. */
  async flush(): Promise<void> {
    try {
      await this.#connection.flush();
    } catch (cause) {
      throw new BonfireError("LINK_DOWN", "The link to NATS broke: it reconnects by itself, try again", {
        cause,
      });
    }
  }

  /** Asks the server for an answer, and connects anew if there is none within 2 s. */
  checkLink(): void {
    if (!this.link.up || this.#checking || this.#connection.isClosed()) return;
    this.#checking = setTimeout(() => void this.#connection.reconnect(), LINK_ANSWER_MS).unref();
    const checked = () => {
      clearTimeout(this.#checking);
      this.#checking = undefined;
    };
    // A link that breaks meanwhile needs no more asking.
    this.#connection.flush().then(checked, checked);
  }

  /** As `flush`, but waits for no broken link, and at most `ms`. */
  async drain(ms = DRAIN_MS): Promise<void> {
    if (this.link.up && !this.#connection.isClosed()) await settled(this.#connection.flush(), ms);
  }

  /** The bulk connection's transfers; the connection is opened at the first use. */
  async transfers(): Promise<Transfers> {
    if (this.#closed) this.#requireLink();
    this.#bulk ??= this.#openBulk().catch((error: unknown) => {
      // The next who needs it tries again.
      this.#bulk = undefined;
      throw error;
    });
    return (await this.#bulk).transfers;
  }

  /** A key-value bucket, made if there is none. Throws `STORE_UNAVAILABLE`, also if JetStream is off. */
  bucket(options: BucketOptions): Promise<Bucket> {
    return Bucket.open(this.#connection, () => this.#requireLink(), options);
  }

  /** Whether the bulk connection is open: then `transfers()` does not fail. */
  get hasBulk(): boolean {
    return this.#hasBulk;
  }

  async #openBulk() {
    const { connection } = await open(this.address, `${this.node}-bulk`);
    const transfers = new Transfers(connection, this.node);
    await connection.flush().catch(async (error: unknown) => {
      await connection.close();
      throw error;
    });
    this.#hasBulk = true;
    return { connection, transfers };
  }

  #requireLink(): void {
    if (this.link.up && !this.#connection.isClosed()) return;
    throw new BonfireError(
      "LINK_DOWN",
      this.#connection.isClosed()
        ? "Cannot send as the connection to NATS is closed"
        : "Cannot send as the connection to NATS is down: it reconnects by itself, try again",
    );
  }

  /** Sends what is buffered and closes the connections. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // A bulk connection that could not be opened needs no closing; whoever wanted it has been told.
    const bulk = await this.#bulk?.catch(() => undefined);
    bulk?.transfers.close();
    await bulk?.connection.close();
    await this.drain();
    this.link.up = false;
    await this.#connection.close();
    this.#reconnected.clear();
    this.#inbox.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function callSafely(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    surface(error);
  }
}

/** Waits for `promise` to end either way, but at most `ms`: a link that breaks now must not hold up the closing. */
function settled(promise: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    promise.then(done, done);
  });
}

/**
 * The streams that async generator methods give: both ends of every one that this node takes part in. The consumer
 * grants credit, a number of items; the producer pulls no item without. What is lost with a link is not found again:
 * such a stream fails on both sides.
 *
 * Message, little-endian: u8 MailKind.stream, u8 what (see What), u16 reserved, u32 stream, u32 credit or number of
 * the item, then the item or the error as an encoded value.
 */
import { BonfireError, type DecodeOptions, decode } from "@bonfire/wire";
import type { ActorBus } from "../bus/node-bus.ts";
import { subject } from "../bus/subject.ts";
import type { Source } from "./behaviour.ts";
import { ANSWER_BYTES, getNumber, MailKind, malformed, packError, putNumber } from "./envelope.ts";
import { tooLarge } from "./parts.ts";
import type { WatchNode } from "./system.ts";

const HEADER_BYTES = 12;
/** How many items may be under way or unread. */
const WINDOW = 32;
/** A stream that nobody began to read for so long is ended. */
const UNREAD_MS = 10_000;

const What = { credit: 1, cancel: 2, item: 3, end: 4, failed: 5 } as const;
type What = (typeof What)[keyof typeof What];

export interface StreamsHost {
  readonly bus: ActorBus;
  readonly decoding: DecodeOptions;
  readonly watchNode: WatchNode;
}

export class Streams {
  readonly #host: StreamsHost;
  readonly #outgoing = new Map<string, Outgoing>();
  readonly #incoming = new Map<string, Incoming>();
  readonly #unfollow: () => void;
  #next = 1;

  constructor(host: StreamsHost) {
    this.#host = host;
    this.#unfollow = host.bus.onReconnect(() => this.#linkLost());
  }

  get size(): number {
    return this.#outgoing.size + this.#incoming.size;
  }

  /** Offers what `source` gives to `consumer`. */
  open(consumer: string, source: Source, { cancelled, done }: StreamEvents): Outgoing {
    const id = this.#next++;
    const key = `${consumer} ${id}`;
    const unwatch = this.#watch(consumer, (detail) =>
      outgoing.cancel(new BonfireError("ACTOR_LOST", `The reader of a stream is gone: ${detail}`)),
    );
    const outgoing = new Outgoing(id, source, {
      maxItem: this.#host.bus.maxPayload,
      send: (frame) => this.#send(consumer, frame),
      cancelled,
      done: (failure) => {
        this.#outgoing.delete(key);
        unwatch();
        done(failure);
      },
    });
    this.#outgoing.set(key, outgoing);
    return outgoing;
  }

  /** Reads the stream `id` of `producer`. */
  accept(producer: string, id: number): Incoming {
    const key = `${producer} ${id}`;
    const unwatch = this.#watch(producer, (detail) =>
      incoming.fail(new BonfireError("ACTOR_LOST", `The actor behind a stream is gone: ${detail}`)),
    );
    const incoming = new Incoming(id, {
      decoding: this.#host.decoding,
      send: (frame) => this.#send(producer, frame),
      done: () => {
        this.#incoming.delete(key);
        unwatch();
      },
    });
    this.#incoming.set(key, incoming);
    return incoming;
  }

  /** A message of kind `stream`. Throws `MALFORMED_VALUE`. */
  receive(sender: string, message: Uint8Array): void {
    if (message.length < HEADER_BYTES) throw malformed();
    const what = message[1] as What;
    const id = getNumber(message, 4);
    const number = getNumber(message, 8);
    const key = `${sender} ${id}`;
    if (what === What.credit || what === What.cancel) {
      const outgoing = this.#outgoing.get(key);
      if (what === What.cancel) outgoing?.cancel();
      else if (outgoing) outgoing.grant(number);
      else this.#send(sender, failure(id, streamLost("it was ended, as nobody read it or as a link broke")));
      return;
    }
    const incoming = this.#incoming.get(key);
    if (!incoming) return; // given up; the cancel is on its way
    if (what === What.item) incoming.receive(number, message.subarray(HEADER_BYTES));
    else if (what === What.end) incoming.end();
    else incoming.fail(decode(message.subarray(HEADER_BYTES), this.#host.decoding));
  }

  close(): void {
    this.#unfollow();
    const error = new BonfireError("CLOSED", "The stream was ended as the connection was closed");
    for (const incoming of this.#incoming.values()) incoming.fail(error);
    for (const outgoing of this.#outgoing.values()) outgoing.cancel(error);
  }

  #watch(node: string, onGone: (detail: string) => void): () => void {
    return node === this.#host.bus.node ? () => undefined : this.#host.watchNode(node, onGone);
  }

  #send(to: string, frame: Uint8Array): void {
    const { bus } = this.#host;
    if (to === bus.node) queueMicrotask(() => this.receive(to, frame));
    // While the link is down nothing is sent: once it is up again, the stream fails.
    else if (bus.link.up) bus.publish(subject.mail(to, bus.node), frame);
  }

  #linkLost(): void {
    const isRemote = (key: string) => !key.startsWith(`${this.#host.bus.node} `);
    const error = streamLost("the link to NATS broke");
    for (const [key, incoming] of this.#incoming) if (isRemote(key)) incoming.abandon(error);
    for (const [key, outgoing] of this.#outgoing) if (isRemote(key)) outgoing.cancel(error);
  }
}

export interface StreamEvents {
  /** Nobody wants more; the generator's `finally` is about to run. */
  cancelled(): void;
  /** The source has ended, however; called once. `failure`: what its `finally` threw, which nobody else hears of. */
  done(failure?: { error: unknown }): void;
}

interface OutgoingHost extends StreamEvents {
  readonly maxItem: number;
  send(frame: Uint8Array): void;
}

/** The producer's end. */
export class Outgoing {
  readonly id: number;
  readonly #source: Source;
  readonly #host: OutgoingHost;
  readonly #unread: NodeJS.Timeout;
  #credit = 0;
  #sent = 0;
  #isPumping = false;
  #isOver = false;

  constructor(id: number, source: Source, host: OutgoingHost) {
    this.id = id;
    this.#source = source;
    this.#host = host;
    this.#unread = setTimeout(() => this.cancel(streamLost("nobody read it")), UNREAD_MS);
  }

  grant(credit: number): void {
    clearTimeout(this.#unread);
    // No honest reader has more than a window outstanding.
    this.#credit = Math.min(this.#credit + credit, WINDOW);
    if (!this.#isPumping) void this.#pump();
  }

  /** Ends it: without an error because the reader wants no more, with one that the reader is told. */
  cancel(error?: BonfireError): void {
    if (this.#isOver) return;
    this.#over(error && failure(this.id, error));
    this.#host.cancelled();
    this.#source.end().then(
      () => this.#host.done(),
      (thrown: unknown) => this.#host.done({ error: thrown }),
    );
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    while (this.#credit > 0 && !this.#isOver) {
      let item: Uint8Array | undefined;
      try {
        item = await this.#source.pull(HEADER_BYTES);
      } catch (error) {
        return this.#failed(error);
      }
      // Cancelled meanwhile: the source has been ended.
      if (this.#isOver) return;
      if (item === undefined) {
        this.#over(header(new Uint8Array(HEADER_BYTES), What.end, this.id, this.#sent));
        return this.#host.done();
      }
      if (item.length > this.#host.maxItem) {
        this.cancel(tooLarge("An item of a stream", item.length, this.#host.maxItem));
        return;
      }
      this.#credit--;
      this.#host.send(header(item, What.item, this.id, this.#sent++));
    }
    this.#isPumping = false;
  }

  /** The generator threw, or gave what cannot travel. */
  #failed(error: unknown): void {
    if (this.#isOver) return;
    this.#over(failure(this.id, error));
    // Without effect on a generator that threw; one whose item was refused runs its `finally`.
    this.#source.end().then(
      () => this.#host.done(),
      (thrown: unknown) => this.#host.done({ error: thrown }),
    );
  }

  #over(last: Uint8Array | undefined): void {
    this.#isOver = true;
    clearTimeout(this.#unread);
    if (last) this.#host.send(last);
  }
}

interface IncomingHost {
  readonly decoding: DecodeOptions;
  send(frame: Uint8Array): void;
  done(): void;
}

interface Reader {
  resolve(result: IteratorResult<unknown, undefined>): void;
  reject(error: unknown): void;
}

const DONE: IteratorResult<never, undefined> = { done: true, value: undefined };

/** The consumer's end: what `for await` reads. */
export class Incoming implements AsyncIterableIterator<unknown, undefined, void> {
  /** Called once, when nothing more will come. */
  onOver: (() => void) | undefined;
  readonly #id: number;
  readonly #host: IncomingHost;
  #items: Uint8Array[] = [];
  #readers: Reader[] = [];
  #received = 0;
  /** Items that were read since credit was granted. */
  #read = 0;
  #isOpen = false;
  /** No more will come; an error waits behind the items. */
  #over: { failure?: { error: unknown } } | undefined;

  constructor(id: number, host: IncomingHost) {
    this.#id = id;
    this.#host = host;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (!this.#isOpen && !this.#over) {
      this.#isOpen = true;
      this.#send(What.credit, WINDOW);
    }
    const item = this.#items.shift();
    if (item) return this.#give(item);
    if (this.#over) {
      const { failure } = this.#over;
      this.#over = {};
      return failure ? Promise.reject(failure.error) : Promise.resolve(DONE);
    }
    const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<unknown, undefined>>();
    this.#readers.push({ resolve, reject });
    return promise;
  }

  /** The reader wants no more. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    if (!this.#over) {
      this.#send(What.cancel, 0);
      this.#finish({});
    }
    this.#items = [];
    return Promise.resolve(DONE);
  }

  receive(number: number, item: Uint8Array): void {
    if (this.#over) return;
    if (number !== this.#received) return this.abandon(streamLost("an item is missing"));
    this.#received++;
    const reader = this.#readers.shift();
    if (reader) this.#give(item).then(reader.resolve, reader.reject);
    // The memory belongs to NATS, and an unread item may stay long.
    else this.#items.push(item.slice());
  }

  end(): void {
    if (!this.#over) this.#finish({});
  }

  fail(error: unknown): void {
    if (!this.#over) this.#finish({ failure: { error } });
  }

  /** Fails, and tells the producer, who may know nothing of it. */
  abandon(error: unknown): void {
    if (this.#over) return;
    this.#send(What.cancel, 0);
    this.fail(error);
  }

  #finish(over: { failure?: { error: unknown } }): void {
    this.#over = over;
    this.#host.done();
    this.onOver?.();
    for (const reader of this.#readers.splice(0)) this.next().then(reader.resolve, reader.reject);
  }

  async #give(item: Uint8Array): Promise<IteratorResult<unknown, undefined>> {
    if (++this.#read >= WINDOW / 2 && !this.#over) {
      this.#send(What.credit, this.#read);
      this.#read = 0;
    }
    try {
      return { done: false, value: decode(item, this.#host.decoding) };
    } catch (error) {
      this.abandon(error);
      throw error;
    }
  }

  #send(what: What, number: number): void {
    this.#host.send(header(new Uint8Array(HEADER_BYTES), what, this.#id, number));
  }
}

function header(frame: Uint8Array, what: What, id: number, number: number): Uint8Array {
  frame[0] = MailKind.stream;
  frame[1] = what;
  putNumber(frame, 4, id);
  putNumber(frame, 8, number);
  return frame;
}

function failure(id: number, error: unknown): Uint8Array {
  const body = packError(error).subarray(ANSWER_BYTES);
  const frame = new Uint8Array(HEADER_BYTES + body.length);
  frame.set(body, HEADER_BYTES);
  return header(frame, What.failed, id, 0);
}

function streamLost(why: string): BonfireError {
  return new BonfireError("STREAM_LOST", `The stream ended early as ${why}: ask for it again`);
}

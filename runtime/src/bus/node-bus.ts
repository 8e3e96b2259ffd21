/**
 * What the actors of a node need of the bus. A connection is enough for one node; a cell's connection also carries the
 * nodes of its actors, and an isolate reaches it through its host, which is the reason for the port.
 */
import { Inbox, type Question } from "./inbox.ts";

/** A message as it arrives. */
export interface Mail {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reply?: string;
  readonly headers?: { readonly code: number };
}

export interface Receiving {
  unsubscribe(): void;
  /** Receives what is on its way, and nothing after it. */
  drain(): Promise<void>;
}

/** What carries the messages of nodes: a connection, or the host of an isolate. */
export interface Carrier {
  readonly link: { readonly up: boolean };
  /** The largest payload that fits into one message. */
  readonly maxPayload: number;
  /** Throws `LINK_DOWN`. With `reply` an empty message with code 503 comes there if nobody listens. */
  publish(to: string, payload: Uint8Array, reply?: string): void;
  subscribe(to: string, receive: (message: Mail) => void): Receiving;
  /** Calls back whenever the link is up again. Returns the way to stop. */
  onReconnect(callback: () => void): () => void;
}

/** A carrier as one node uses it, with an inbox for what it asks. */
export interface ActorBus extends Carrier {
  readonly node: string;
  expect(question: Question, deadline: number): string;
  answered(key: number, data: Uint8Array, from: string): void;
  forget(question: Question): void;
}

/** A node that has no connection of its own. */
export class NodeBus implements ActorBus {
  readonly node: string;
  readonly #carrier: Carrier;
  readonly #inbox: Inbox;
  readonly #subscriptions: Receiving[] = [];

  constructor(carrier: Carrier, node: string) {
    this.#carrier = carrier;
    this.node = node;
    this.#inbox = new Inbox(node, (to, receive) => this.subscribe(to, receive));
  }

  get link(): Carrier["link"] {
    return this.#carrier.link;
  }

  get maxPayload(): number {
    return this.#carrier.maxPayload;
  }

  publish(to: string, payload: Uint8Array, reply?: string): void {
    this.#carrier.publish(to, payload, reply);
  }

  subscribe(to: string, receive: (message: Mail) => void): Receiving {
    const subscription = this.#carrier.subscribe(to, receive);
    this.#subscriptions.push(subscription);
    return subscription;
  }

  expect(question: Question, deadline: number): string {
    return this.#inbox.ask(question, deadline);
  }

  answered(key: number, data: Uint8Array, from: string): void {
    this.#inbox.answered(key, data, from);
  }

  forget(question: Question): void {
    this.#inbox.forget(question);
  }

  onReconnect(callback: () => void): () => void {
    return this.#carrier.onReconnect(callback);
  }

  /** Receives what is on its way, then nothing more. Rejects if the connection is closed. */
  async drain(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.drain()));
  }

  /** Receives nothing any more; whoever waits for an answer is told that nobody is there. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#inbox.close();
  }
}

/** The actors of one node: starts them, carries messages to and from them, and watches those of other nodes. */
import { channel } from "node:diagnostics_channel";
import { BonfireError, decode, encode } from "@bonfire/wire";
import type { Bus, Message } from "../bus/bus.ts";
import { Question } from "../bus/inbox.ts";
import { senderOf, subject } from "../bus/subject.ts";
import type { Actor } from "./actor.ts";
import { type Envelope, packAnswer, packEnvelope, unpackAnswer, unpackEnvelope } from "./envelope.ts";
import { gone, Instance } from "./instance.ts";
import { Monitors } from "./monitor.ts";
import type { Reason } from "./reason.ts";
import { type Address, type Courier, makeRef, type Ref } from "./ref.ts";

const ASK_MS = 10_000;
/** Messages that nobody waits for and that found no one, or failed: `{ to, method, error }`. */
const deadLetters = channel("bonfire:dead-letter");

/** Tells once when a node is gone; returns the way to stop watching. */
export type WatchNode = (node: string, onGone: (detail: string) => void) => () => void;

export class ActorSystem implements Courier, AsyncDisposable {
  readonly bus: Bus;
  readonly #instances = new Map<string, Instance>();
  readonly #monitors: Monitors;
  #next = 1;

  constructor(bus: Bus, watchNode: WatchNode) {
    this.bus = bus;
    this.#monitors = new Monitors(this, watchNode);
    bus.subscribe(subject.everyMail(bus.node), (message) => this.receive(message, senderOf(message.subject)));
  }

  get node(): string {
    return this.bus.node;
  }

  /** Starts `actor`; rejects with what its `onStart` threw. */
  async spawn<T extends Actor>(actor: T, name?: string): Promise<Ref<T>> {
    const id = name ?? `${actor.constructor.name.toLowerCase()}-${this.#next++}`;
    if (this.#instances.has(id)) {
      throw new BonfireError(
        "NAME_TAKEN",
        `Cannot start actor "${id}" as this node already has one of that name`,
      );
    }
    const instance = new Instance(this, { node: this.node, actor: id }, actor);
    this.#instances.set(id, instance);
    void instance.ended.then((reason) => {
      this.#instances.delete(id);
      this.#monitors.ended(instance.address, reason);
    });
    await instance.started;
    return makeRef<T>(this, instance.address);
  }

  ref<T extends Actor>(address: Address): Ref<T> {
    return makeRef<T>(this, address);
  }

  /** Ends an actor of this node; resolves when it has ended. Nothing happens if there is none. */
  async stop(address: Address, reason?: Reason): Promise<void> {
    await this.#instances.get(address.actor)?.stop(reason);
  }

  /** Calls `onDown` once, when `who` ends, is lost, or turns out not to exist. */
  monitor(who: Address, onDown: (reason: Reason) => void): () => void {
    return this.#monitors.watch(who, onDown);
  }

  /** Asks by address; `deadline` in ms (10 s). Fails at once if the node or the actor is gone. */
  ask(to: Address, method: string, args: unknown[], deadline = ASK_MS): Promise<unknown> {
    if (to.node === this.node) return this.#askHere(to, method, args);
    return this.askSubject(subject.mail(to.node, this.node), to, method, args, deadline);
  }

  /** As `ask`, over a subject that several nodes may share, such as a pool's name for its supervisor. */
  askSubject(via: string, to: Address, method: string, args: unknown[], deadline = ASK_MS): Promise<unknown> {
    const payload = packEnvelope({ actor: to.actor, method, args, budget: deadline, trace: "" });
    return new Promise((resolve, reject) => {
      this.bus.ask(via, payload, new Asked(to, method, deadline, resolve, reject), deadline);
    });
  }

  /** Sends and forgets. What cannot be delivered is published on the channel `bonfire:dead-letter`. */
  tell(to: Address, method: string, args: unknown[]): void {
    if (to.node === this.node) {
      this.#askHere(to, method, args).catch((error: unknown) => deadLetters.publish({ to, method, error }));
      return;
    }
    if (!this.bus.link.up) return deadLetters.publish({ to, method, error: "the link to NATS is down" });
    const payload = packEnvelope({ actor: to.actor, method, args, budget: 0, trace: "" });
    this.bus.publish(subject.mail(to.node, this.node), payload);
  }

  /** As `tell`, over a subject that several nodes may share; all who listen there get it. */
  tellSubject(via: string, to: Address, method: string, args: unknown[]): void {
    if (!this.bus.link.up) return deadLetters.publish({ to, method, error: "the link to NATS is down" });
    this.bus.publish(via, packEnvelope({ actor: to.actor, method, args, budget: 0, trace: "" }));
  }

  /** Hands a message that arrived on any subject to its actor, and the outcome to whoever asked. */
  receive(message: Message, sender: string): void {
    const envelope = unpackEnvelope(message.data);
    const outcome = this.#deliver(sender, envelope);
    const answerTo = message.reply;
    outcome.then(
      (value) => answerTo && this.#answer(answerTo, { value }),
      (error: unknown) => {
        if (answerTo) this.#answer(answerTo, { error });
        else
          deadLetters.publish({
            to: { node: this.node, actor: envelope.actor },
            method: envelope.method,
            error,
          });
      },
    );
  }

  /** An actor of this node needs no NATS, but gets copies like everybody else. */
  async #askHere(to: Address, method: string, args: unknown[]): Promise<unknown> {
    const copy = unpackEnvelope(packEnvelope({ actor: to.actor, method, args, budget: 0, trace: "" }));
    const value = await this.#deliver(this.node, copy);
    return value === undefined ? undefined : decode(encode(value));
  }

  #deliver(sender: string, envelope: Envelope): Promise<unknown> {
    if (envelope.actor === Monitors.ACTOR) {
      return Promise.resolve(this.#monitors.handle(sender, envelope.method, envelope.args));
    }
    const instance = this.#instances.get(envelope.actor);
    if (!instance) return Promise.reject(gone({ node: this.node, actor: envelope.actor }));
    return instance.deliver(sender, envelope.method, envelope.args);
  }

  #answer(to: string, answer: Parameters<typeof packAnswer>[0]): void {
    // While the link is down the asker cannot be reached; its deadline or its monitor ends the wait.
    if (this.bus.link.up) this.bus.publish(to, packAnswer(answer));
  }

  local(actor: string): Instance | undefined {
    return this.#instances.get(actor);
  }

  inspect() {
    return [...this.#instances.values()].map((instance) => instance.inspect());
  }

  /** Ends every actor. */
  async close(): Promise<void> {
    await Promise.all([...this.#instances.values()].map((instance) => instance.stop()));
    this.#monitors.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class Asked extends Question {
  readonly #to: Address;
  readonly #method: string;
  readonly #deadline: number;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    to: Address,
    method: string,
    deadline: number,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    super();
    this.#to = to;
    this.#method = method;
    this.#deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onReply(data: Uint8Array): void {
    const answer = unpackAnswer(data);
    if ("error" in answer) this.#reject(answer.error);
    else this.#resolve(answer.value);
  }

  onNobody(): void {
    this.#reject(gone(this.#to));
  }

  onExpire(): void {
    this.#reject(
      new BonfireError(
        "ASK_TIMEOUT",
        `Actor ${this.#to.actor} on ${this.#to.node} did not answer "${this.#method}" within ${this.#deadline} ms`,
      ),
    );
  }
}

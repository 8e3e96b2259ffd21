/** The actors of one node: starts them, takes messages to them, and knows what every part of their runtime needs. */
import { BonfireError, type DecodeOptions, decode, hasCode } from "@bonfire/wire";
import { surface } from "../bus/guard.ts";
import type { ActorBus, Mail } from "../bus/node-bus.ts";
import { isActorNode } from "../bus/node-kind.ts";
import { senderOf, subject } from "../bus/subject.ts";
import { Borrowed } from "../naming/borrowed.ts";
import { type Claim, claimOf, type Kept } from "../naming/claim.ts";
import { ClaimedBehaviour } from "../naming/claimed-behaviour.ts";
import { type Ticket, takeLent } from "../naming/lent-claim.ts";
import type { Naming } from "../naming/naming.ts";
import { Returning } from "../naming/returning.ts";
import type { Actor } from "./actor.ts";
import {
  type ActorClass,
  type MailboxOptions,
  type ResolvedSpawnOptions,
  resolveSpawnOptions,
  type SpawnOptions,
} from "./actor-class.ts";
import { type Address, type Home, isUnknown, unknownPlace } from "./address.ts";
import type { Behaviour } from "./behaviour.ts";
import { ClassBehaviour } from "./class-behaviour.ts";
import { Controls } from "./controls.ts";
import { type DeadLetter, DeadLetters } from "./dead-letter.ts";
import {
  AnswerKind,
  type Envelope,
  MailKind,
  packAbsent,
  packError,
  packRefusal,
  packValue,
  setAnswered,
  unpackCancel,
  unpackMessage,
} from "./envelope.ts";
import { Instance, type Setup } from "./instance.ts";
import { answerError, Letter, Told } from "./letter.ts";
import { Monitors } from "./monitor.ts";
import { Outbox } from "./outbox.ts";
import { MOST_BYTES, Parts, post, tooLarge } from "./parts.ts";
import { NO_SUCH_ACTOR, type Reason } from "./reason.ts";
import { type AnyRef, makeRef, placeOf, REF_HANDLE, type Ref, type RefDetail, targetOf } from "./ref.ts";
import { DEFAULTS } from "./send-options.ts";
import { Streams } from "./streams.ts";
import { Target } from "./target.ts";

/** How long the actors of a node may take to stop when it closes. */
const CLOSE_MS = 5_000;

/** Tells once when a node is gone; returns the way to stop watching. */
export type WatchNode = (node: string, onGone: (detail: string) => void) => () => void;

/** What whoever hosts an actor on behalf of another knows of it. */
export interface Origin {
  readonly parent?: Instance;
  readonly home?: Home;
  readonly restarts?: number;
  readonly claim?: Claim;
  /** Its name and state are kept by the node that had it started. */
  readonly ticket?: Ticket | undefined;
}

/** Takes what other nodes' runtimes ask of this one's. */
interface Handler {
  handle(sender: string, method: string, args: readonly unknown[]): unknown;
}

export class ActorSystem<B extends ActorBus = ActorBus> implements AsyncDisposable {
  readonly bus: B;
  readonly decoding: DecodeOptions;
  readonly streams: Streams;
  readonly courier: Outbox;
  readonly controls: Controls;
  readonly borrowed: Borrowed;
  readonly returning = new Returning();
  /** Of a node that has a store. */
  naming: Naming | undefined;
  /** Which node to ask where named and virtual actors are. */
  registry: string;
  readonly #handlers = new Map<string, Handler>();
  readonly #deadLetters = new DeadLetters();
  readonly #instances = new Map<string, Instance>();
  readonly #monitors: Monitors;
  readonly #parts = new Parts();
  /** Asks of other nodes that can be cancelled, by sender and number. */
  readonly #cancellable = new Map<string, RemoteLetter>();
  #epochs = 0;
  #isClosing = false;

  /** `values`: how errors and instances are read, beside refs. */
  constructor(bus: B, watchNode: WatchNode, values: Omit<DecodeOptions, "handle"> = {}) {
    this.bus = bus;
    this.registry = bus.node;
    this.decoding = { ...values, handle: (kind, _, detail) => this.#readRef(kind, detail as RefDetail) };
    this.streams = new Streams({ bus, decoding: this.decoding, watchNode });
    this.courier = new Outbox({
      bus,
      decoding: this.decoding,
      streams: this.streams,
      deadLetters: this.#deadLetters,
      watchNode,
      registry: () => this.registry,
      dispatch: (actor, epoch, letter) => this.#dispatch(actor, epoch, letter),
    });
    this.controls = new Controls(this);
    this.#monitors = new Monitors(this, watchNode);
    this.borrowed = new Borrowed(this);
    this.serve(Monitors.ACTOR, this.#monitors);
    this.serve(Controls.ACTOR, this.controls);
    this.serve(Borrowed.ACTOR, this.borrowed);
    bus.subscribe(subject.everyMail(bus.node), (message) => this.receive(message, senderOf(message.subject)));
  }

  get node(): string {
    return this.bus.node;
  }

  /** Other nodes' runtimes reach `handler` under this name, which begins with "$". */
  serve(actor: string, handler: Handler): void {
    this.#handlers.set(actor, handler);
  }

  /** Starts an actor of the runtime's own; rejects with what its `onStart` threw. */
  async spawn<T extends Actor>(actor: T, name?: string): Promise<Ref<T>> {
    const behaviour = new ClassBehaviour(actor, this.decoding);
    const options = { name, maxMailbox: Number.POSITIVE_INFINITY, mailboxPolicy: "fail" } as const;
    const instance = this.#instance(behaviour, options, {}, true);
    await instance.start();
    return instance.self<T>();
  }

  /** Starts an actor of a user's class. Rejects with what its constructor or `onStart` threw. */
  async spawnClass<C extends ActorClass>(
    type: C,
    args: ConstructorParameters<C>,
    options: SpawnOptions,
    origin: Origin,
  ): Promise<Ref<InstanceType<C>>> {
    const resolved = resolveSpawnOptions(options);
    return this.host(this.#behaviour(type, args, resolved, origin), resolved, origin);
  }

  #behaviour(
    type: ActorClass,
    args: unknown[],
    options: ResolvedSpawnOptions,
    { claim: given, ticket, restarts = 0 }: Origin,
  ): Behaviour {
    if (ticket) return new ClaimedBehaviour(type, args, ticket, (instance) => takeLent(ticket, instance));
    const claim = given ?? claimOf(type, options, restarts);
    if (!claim) return new ClassBehaviour(new type(...args), this.decoding);
    const take = (instance: Instance): Promise<Kept | undefined> =>
      this.naming?.names.take(claim, instance) ?? noStore();
    return new ClaimedBehaviour(type, args, claim, take);
  }

  /** Starts an actor, wherever its code runs. */
  async host<T extends object>(
    behaviour: Behaviour,
    options: MailboxOptions,
    origin: Origin,
  ): Promise<Ref<T>> {
    const instance = this.#instance(behaviour, options, origin, false);
    const starting = instance.start();
    if (starting) await starting;
    return instance.self<T>();
  }

  #instance(
    behaviour: Behaviour,
    { name, maxMailbox, mailboxPolicy }: MailboxOptions,
    { parent, home, restarts = 0 }: Origin,
    isSystem: boolean,
  ): Instance {
    if (this.#isClosing)
      throw new BonfireError("CLOSED", "Cannot start an actor as the connection is closed");
    const epoch = ++this.#epochs;
    const actor = name ?? `${behaviour.type.toLowerCase()}-${epoch}`;
    if (this.#instances.has(actor)) {
      throw new BonfireError(
        "NAME_TAKEN",
        `Cannot start actor "${actor}" as this process already has one of that name`,
      );
    }
    const target = this.courier.target({ node: this.node, actor, epoch }, home);
    target.place = { node: this.node, actor, epoch };
    const setup: Setup = { target, maxMailbox, mailboxPolicy, isSystem, parent, restarts };
    const instance = new Instance(this, setup, behaviour);
    this.#instances.set(actor, instance);
    return instance;
  }

  /** Called by an instance that has ended. */
  ended(instance: Instance, reason: Reason): void {
    this.#instances.delete(instance.address.actor);
    this.#monitors.ended(instance.address, reason);
  }

  /** A ref to whoever is at `who`. */
  ref<T extends object>(who: Address | AnyRef): Ref<T> {
    if (targetOf(who)) return who as Ref<T>;
    return makeRef<T>(this.courier, new Target(who as Address, undefined));
  }

  /** Ends an actor of this node; resolves when it has ended. Nothing happens if there is none. */
  async stop(who: Address | AnyRef, reason?: Reason): Promise<void> {
    await this.#instances.get(placeOf(who).actor)?.stop(reason);
  }

  /** Calls `onDown` once, when `who` ends, is lost, or turns out not to exist. */
  monitor(who: Address | AnyRef, onDown: (reason: Reason) => void): () => void {
    const place = placeOf(who);
    if (!isUnknown(place)) return this.#monitors.watch(place, onDown);
    // A named actor to which nothing has been sent yet.
    let unwatch: (() => void) | undefined = () => {};
    this.find(who).then(
      (found) => {
        if (unwatch) unwatch = this.#monitors.watch(found, onDown);
      },
      (error: Error) => {
        const isNobody = hasCode(error, "NO_SUCH_NAME") || hasCode(error, "NO_SUCH_ACTOR");
        if (unwatch) onDown(isNobody ? NO_SUCH_ACTOR : { kind: "lost", detail: error.message });
      },
    );
    return () => {
      unwatch?.();
      unwatch = undefined;
    };
  }

  /** Where `who` is; a named actor that nobody has asked yet is looked for. */
  async find(who: Address | AnyRef): Promise<Address> {
    const target = targetOf(who);
    return target && isUnknown(target.place) ? this.courier.locate(target) : placeOf(who);
  }

  /** A ref that finds its actor by a name when it is used. */
  named<T extends object>(home: Home): Ref<T> {
    return makeRef<T>(this.courier, this.courier.target(unknownPlace(home.child), home));
  }

  /** How many watch an actor of this node. */
  watchersOf(who: Address): number {
    return this.#monitors.watchersOf(who);
  }

  /** Asks by address; `deadline` in ms (10 s). Fails at once if the node or the actor is gone. */
  ask(to: Address, method: string, args: unknown[], deadline = DEFAULTS.deadline): Promise<unknown> {
    return this.courier.ask(new Target(to, undefined), method, args, { ...DEFAULTS, deadline });
  }

  /** As `ask`, over a subject that several nodes may share, such as a pool's name for its supervisor. */
  askSubject(
    via: string,
    to: Address,
    method: string,
    args: unknown[],
    deadline = DEFAULTS.deadline,
  ): Promise<unknown> {
    return this.courier.ask(anyOf(to), method, args, { ...DEFAULTS, deadline }, via);
  }

  /** Sends and forgets. What cannot be delivered is a dead letter. */
  tell(to: Address, method: string, args: unknown[]): void {
    this.courier.tell(new Target(to, undefined), method, args, DEFAULTS);
  }

  /** As `tell`, over a subject that several nodes may share; all who listen there get it. */
  tellSubject(via: string, to: Address, method: string, args: unknown[]): void {
    this.courier.tell(anyOf(to), method, args, DEFAULTS, via);
  }

  /** Returns the way to stop listening. */
  onDeadLetter(listener: (letter: DeadLetter) => void): () => void {
    return this.#deadLetters.listen(listener);
  }

  /** Takes in what arrived on any subject. Throws `MALFORMED_VALUE`. */
  receive(mail: Mail, sender: string): void {
    const message = this.#parts.take(mail);
    if (!message) return;
    const { data } = message;
    switch (data[0]) {
      case MailKind.message:
        return this.#receiveMessage(unpackMessage(data), sender, message.reply);
      case MailKind.cancel:
        return this.#cancel(`${sender} ${unpackCancel(data)}`);
      case MailKind.stream:
        return this.streams.receive(sender, data);
      default:
        throw new BonfireError("MALFORMED_VALUE", `A message is of unknown kind ${data[0]}`);
    }
  }

  #receiveMessage(envelope: Envelope, sender: string, reply: string | undefined): void {
    const letter =
      envelope.budget === 0 ? this.#told(envelope, sender, reply) : new RemoteLetter(this, sender, envelope);
    if (letter instanceof RemoteLetter && envelope.isCancellable) {
      const key = `${sender} ${envelope.question}`;
      this.#cancellable.set(key, letter);
      letter.onSettled = () => this.#cancellable.delete(key);
    }
    try {
      this.#dispatch(envelope.actor, envelope.epoch, letter);
    } catch (error) {
      // A fault of ours: it must not be taken for one of the message.
      surface(error);
    }
  }

  #told({ actor, method, args, follows }: Envelope, sender: string, reply: string | undefined): Told {
    return new Told(sender, method, args, (answer) => {
      const place = { node: this.node, actor };
      const error = answerError(answer, place, this.decoding);
      const goesOn = follows && answer[0] === AnswerKind.absent;
      if (!actor.startsWith("$") && !goesOn)
        this.#deadLetters.add({ to: `${actor} on ${this.node}`, method, sender, error });
      // So that the sender's ref learns where the actor is now.
      if (answer[0] === AnswerKind.absent && reply && this.bus.link.up) this.bus.publish(reply, answer);
    });
  }

  #cancel(key: string): void {
    const letter = this.#cancellable.get(key);
    if (!letter) return;
    letter.cancel(undefined);
    this.#instances.get(letter.actor)?.forget(letter);
  }

  #dispatch(actor: string, epoch: number, letter: Letter): void {
    if (actor.startsWith("$")) return this.#toRuntime(actor, letter);
    const instance = this.#instances.get(actor);
    if (!instance) return letter.answer(packAbsent());
    // What runs shipped code is not to speak to the runtime of others.
    if (instance.setup.isSystem && isActorNode(letter.sender)) return letter.answer(packAbsent());
    const present = instance.address.epoch as number;
    if (epoch !== 0 && epoch !== present) return letter.answer(packAbsent(present));
    instance.deliver(letter);
  }

  /** Messages between the runtimes of two nodes. */
  #toRuntime(actor: string, letter: Letter): void {
    const handler = this.#handlers.get(actor);
    if (!handler) return letter.answer(packAbsent());
    let outcome: unknown;
    try {
      outcome = handler.handle(letter.sender, letter.method, decode(letter.args, this.decoding) as unknown[]);
    } catch (error) {
      return letter.answer(packError(error));
    }
    Promise.resolve(outcome).then(
      (value) => letter.answer(packValue(value)),
      (error: unknown) => letter.answer(packError(error)),
    );
  }

  #readRef(kind: number, [node, actor, epoch, supervisionNode, supervision, child]: RefDetail): AnyRef {
    if (kind !== REF_HANDLE) {
      throw new BonfireError("MALFORMED_VALUE", "Something alive in a message belongs to no call");
    }
    const place = epoch === 0 ? { node, actor } : { node, actor, epoch };
    const home =
      child === undefined
        ? undefined
        : { supervision: { node: supervisionNode as string, actor: supervision as string }, child };
    return makeRef(this.courier, this.courier.target(place, home));
  }

  /** A message for which no actor was found. */
  undelivered(to: string, method: string, error: unknown): void {
    this.#deadLetters.add({ to, method, sender: this.node, error });
  }

  local(actor: string): Instance | undefined {
    return this.#instances.get(actor);
  }

  /** Those whose names begin with `prefix`. */
  locals(prefix: string): Instance[] {
    return [...this.#instances.values()].filter(({ address }) => address.actor.startsWith(prefix));
  }

  inspect() {
    return [...this.#instances.values()].map((instance) => instance.inspect());
  }

  /** The users' actors that are nobody's children, later ones first. */
  #own(): Instance[] {
    return [...this.#instances.values()].filter(({ setup }) => !setup.isSystem && !setup.parent).reverse();
  }

  /** Others were told that the users' actors of this node are lost: makes it true. */
  async fence(error: BonfireError): Promise<void> {
    await Promise.all(this.#own().map((instance) => instance.stop({ kind: "error", error })));
  }

  /** Ends the users' actors; those that do not stop within so many ms are killed. Names are free then. */
  async retire(patience = CLOSE_MS): Promise<void> {
    this.#isClosing = true;
    await this.naming?.leave();
    const own = this.#own();
    const stopping = Promise.all(own.map((instance) => instance.stop()));
    const tooLate = setTimeout(() => {
      for (const instance of own) instance.kill();
    }, patience);
    await stopping;
    clearTimeout(tooLate);
    await Promise.all([this.naming?.close(), this.returning.all()]);
  }

  /** Ends every actor, as `retire` says. */
  async close(patience = CLOSE_MS): Promise<void> {
    await this.retire(patience);
    await Promise.all([...this.#instances.values()].map((instance) => instance.stop()));
    this.controls.close();
    this.streams.close();
    this.#monitors.close();
    this.courier.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function noStore(): Promise<never> {
  throw new BonfireError(
    "STORE_UNAVAILABLE",
    "Cannot give an actor a name or a state here as only a process that called connect() has a store: use pool.spawn or fire.spawn there",
  );
}

/** Whoever listens on a shared subject: not this node, even if `to` is of it, and of no certain epoch. */
function anyOf({ node, actor }: Address): Target {
  return new Target({ node: `${node} and others`, actor }, undefined);
}

/** An ask of another node. */
class RemoteLetter extends Letter {
  readonly actor: string;
  onSettled: (() => void) | undefined;
  readonly #system: ActorSystem;
  readonly #question: number;

  constructor(system: ActorSystem, sender: string, { actor, method, args, budget, question }: Envelope) {
    super(sender, method, args, budget);
    this.actor = actor;
    this.#system = system;
    this.#question = question;
  }

  get asked(): boolean {
    return true;
  }

  protected override settle(): void {
    super.settle();
    this.onSettled?.();
  }

  protected deliver(answer: Uint8Array): void {
    const { bus } = this.#system;
    // While the link is down the asker cannot be reached; its deadline or its monitor ends the wait.
    if (!bus.link.up) return;
    const fitting =
      answer.length > MOST_BYTES ? packRefusal(tooLarge("The answer", answer.length, MOST_BYTES)) : answer;
    setAnswered(fitting, this.#question);
    post(bus, subject.answer(this.sender, bus.node), fitting);
  }
}

/** Sends what refs are asked and told, here and elsewhere, and follows supervised actors to where they are now. */
import { BonfireError, type DecodeOptions, hasCode } from "@bonfire/wire";
import type { ActorBus } from "../bus/node-bus.ts";
import { subject } from "../bus/subject.ts";
import { TimerWheel } from "../bus/timer-wheel.ts";
import { type Address, gone, type Home } from "./address.ts";
import { Ask, LocalLetter } from "./ask.ts";
import type { DeadLetters } from "./dead-letter.ts";
import {
  AnswerKind,
  answerNumber,
  encodeArguments,
  packCancel,
  packEncoded,
  packMessage,
  questionOf,
  setFollows,
  setQuestion,
} from "./envelope.ts";
import { answerError, type Letter, Told } from "./letter.ts";
import { NamedTell } from "./named-tell.ts";
import { MOST_BYTES, Parts, post, tooLarge } from "./parts.ts";
import { Peers } from "./peers.ts";
import type { Courier } from "./ref.ts";
import { DEFAULTS, type ResolvedSendOptions } from "./send-options.ts";
import type { Streams } from "./streams.ts";
import type { WatchNode } from "./system.ts";
import { type Held, identityOf, Target } from "./target.ts";

/** How long a restart may take until the next message asks for the place again. */
const LOCATE_MS = 60_000;
/** It is asked again in between, as a question or its answer may be lost with a link. */
export const LOCATE_AGAIN_MS = 2_000;

export interface OutboxHost {
  readonly bus: ActorBus;
  readonly decoding: DecodeOptions;
  readonly streams: Streams;
  readonly deadLetters: DeadLetters;
  readonly watchNode: WatchNode;
  /** The node that knows where named and virtual actors are. */
  registry(): string;
  /** Hands a letter to an actor of this node. */
  dispatch(actor: string, epoch: number, letter: Letter): void;
}

export class Outbox implements Courier {
  readonly decoding: DecodeOptions;
  readonly streams: Streams;
  readonly #host: OutboxHost;
  readonly #bus: ActorBus;
  readonly #node: string;
  readonly #peers: Peers;
  /** Deadlines of asks that are not in the bus's inbox: of this node's own actors, and held ones. */
  readonly #wheel = new TimerWheel<Ask>();
  /** Supervised actors of which refs exist here. */
  readonly #targets = new Map<string, WeakRef<Target>>();
  readonly #forgotten = new FinalizationRegistry<string>((identity) => {
    if (!this.#targets.get(identity)?.deref()) this.#targets.delete(identity);
  });
  /** Letters to this node's own actors, in the order in which they were sent. */
  #local: { actor: string; epoch: number; letter: Letter }[] = [];

  constructor(host: OutboxHost) {
    this.#host = host;
    this.#bus = host.bus;
    this.#node = host.bus.node;
    this.decoding = host.decoding;
    this.streams = host.streams;
    this.#peers = new Peers(host.watchNode, (ask, error) => this.#lost(ask, error));
    const parts = new Parts();
    host.bus.subscribe(subject.everyAnswer(this.#node), (message) => {
      const answer = parts.take(message)?.data;
      if (answer) this.#bus.answered(questionOf(answer), answer, message.subject);
    });
    host.bus.subscribe(subject.everyNobody(this.#node), (message) =>
      this.#unheard(message.subject, message.data),
    );
  }

  /** One target for all refs of this node to one supervised actor. */
  target(place: Address, home: Home | undefined): Target {
    if (!home) return new Target(place, undefined);
    const identity = identityOf(place, home);
    const known = this.#targets.get(identity)?.deref();
    if (known) return known;
    const target = new Target(place, home);
    this.#targets.set(identity, new WeakRef(target));
    this.#forgotten.register(target, identity);
    return target;
  }

  /** Throws `VALUE_REFUSED`. What it returns can be iterated too, if the method gives a stream. */
  ask(
    target: Target,
    method: string,
    args: readonly unknown[],
    options: ResolvedSendOptions,
    via?: string,
  ): Promise<unknown> {
    this.#findLost(target);
    const isPacked = target.place.node !== this.#node && target.held === undefined;
    const bytes = isPacked
      ? packMessage(this.#header(target.place, method, options, options.deadline), args)
      : encodeArguments(args);
    const outcome = new Promise((resolve, reject) => {
      const ask = new Ask(this, target, method, options, bytes, isPacked, resolve, reject);
      if (options.signal?.aborted) ask.reject(options.signal.reason);
      else if (target.held) this.#hold(target.held, ask);
      else this.#send(ask, via);
    }) as Promise<unknown> & { [Symbol.asyncIterator]: typeof iterate };
    outcome[Symbol.asyncIterator] = iterate;
    return outcome;
  }

  /** Throws `VALUE_REFUSED`. What does not arrive is a dead letter. */
  tell(
    target: Target,
    method: string,
    args: readonly unknown[],
    options: ResolvedSendOptions,
    via?: string,
  ): void {
    if (target.isNamed) {
      return this.#tellNamed(
        new NamedTell(target, method, encodeArguments(args), (tell) => this.#again(tell)),
      );
    }
    this.#findLost(target);
    if (target.held) {
      const encoded = encodeArguments(args);
      const go = (error?: unknown) =>
        error
          ? this.#dead(target.place, method, error)
          : this.#tell(target.place, method, encoded, undefined, options);
      target.held.push({ isOver: false, go });
    } else if (target.place.node === this.#node) {
      this.#tell(target.place, method, encodeArguments(args), undefined, options);
    } else {
      const message = packMessage(this.#header(target.place, method, options, 0), args);
      this.#tell(target.place, method, undefined, message, options, via);
    }
  }

  /** It is not known to be gone for good until its name says so, so it follows whoever has that. */
  #tellNamed(tell: NamedTell): void {
    const { target, method, encoded } = tell;
    this.#findLost(target);
    if (target.held) {
      const go = (error?: unknown) => (error ? this.#dead(tell.place, method, error) : this.#tellNamed(tell));
      target.held.push({ isOver: false, go });
      return;
    }
    const { place } = target;
    tell.place = place;
    if (place.node === this.#node) {
      const letter = new Told(this.#node, method, encoded, (answer) => {
        if (answer[0] === AnswerKind.absent) tell.returned();
        else this.#dead(place, method, answerError(answer, place, this.decoding));
      });
      return this.#post(place.actor, place.epoch ?? 0, letter);
    }
    const message = packEncoded(this.#header(place, method, DEFAULTS, 0), encoded);
    if (!this.#bus.link.up) return this.#dead(place, method, linkDown());
    if (message.length > MOST_BYTES)
      return this.#dead(place, method, tooLarge("The message", message.length, MOST_BYTES));
    setFollows(message);
    const reply = this.#bus.expect(tell, NamedTell.RETURN_MS);
    post(this.#bus, subject.mail(place.node, this.#node), message, reply);
  }

  /** The actor was not there. */
  #again(tell: NamedTell): void {
    const { target, place, method } = tell;
    if (!this.#bus.link.up) return this.#dead(place, method, linkDown());
    if (target.place === place) this.#moved(target, 0);
    if (tell.isOver) this.#dead(place, method, gone(place));
    else this.#tellNamed(tell);
  }

  #tell(
    place: Address,
    method: string,
    encoded: Uint8Array | undefined,
    packed: Uint8Array | undefined,
    options: ResolvedSendOptions,
    via?: string,
  ): void {
    const epoch = options.anyEpoch ? 0 : (place.epoch ?? 0);
    if (place.node === this.#node) {
      const letter = new Told(this.#node, method, encoded as Uint8Array, (answer) => {
        this.#dead(place, method, answerError(answer, place, this.decoding));
        if (answer[0] === AnswerKind.absent) this.#stale(place, answerNumber(answer));
      });
      this.#post(place.actor, epoch, letter);
      return;
    }
    const message = packed ?? packEncoded(this.#header(place, method, options, 0), encoded as Uint8Array);
    if (!this.#bus.link.up) return this.#dead(place, method, linkDown());
    if (message.length > MOST_BYTES)
      return this.#dead(place, method, tooLarge("The message", message.length, MOST_BYTES));
    const { node, actor } = place;
    // The server answers there if nobody listens, and the actor's node if the actor is gone.
    const reply = subject.nobody(this.#node, node, actor, encodeURIComponent(method));
    post(this.#bus, via ?? subject.mail(node, this.#node), message, via ? undefined : reply);
  }

  /** The ask has an outcome. */
  forget(ask: Ask): void {
    if (ask.letter || ask.key === 0) this.#wheel.remove(ask);
    else this.#bus.forget(ask);
  }

  /** Whoever handles the ask is told that nobody waits any more. */
  cancel(ask: Ask, reason: unknown): void {
    if (ask.letter) ask.letter.cancel(reason);
    else if (ask.key !== 0 && this.#bus.link.up) {
      this.#bus.publish(subject.mail(ask.place.node, this.#node), packCancel(ask.key));
    }
  }

  /** The actor was not there and has not seen the message. `epoch`: of who has its name now, or 0. */
  absent(ask: Ask, epoch: number): void {
    const { target, place } = ask;
    // What becomes of its node is nothing to the ask any more.
    ask.peer?.asks.delete(ask);
    if (!target.home) return ask.reject(gone(place));
    if (target.place === place) this.#moved(target, epoch);
    if (ask.isSettled) return;
    this.#findLost(target);
    if (!ask.options.anyEpoch && !target.isNamed) return ask.reject(stale(target, ask.method));
    if (ask.isLate) return ask.onExpire();
    ask.unpack();
    if (target.held) this.#hold(target.held, ask);
    else this.#send(ask);
  }

  close(): void {
    this.#peers.close();
    for (const reference of this.#targets.values()) {
      const target = reference.deref();
      const error = new BonfireError("CLOSED", "The message was not sent as the connection was closed");
      for (const held of target?.held?.splice(0) ?? []) held.go(error);
    }
  }

  #header(place: Address, method: string, options: ResolvedSendOptions, budget: number) {
    const epoch = options.anyEpoch ? 0 : (place.epoch ?? 0);
    return { actor: place.actor, method, epoch, budget: Math.ceil(budget) };
  }

  #send(ask: Ask, via?: string): void {
    const { target, options } = ask;
    const place = target.place;
    ask.place = place;
    if (place.node === this.#node) {
      const { budget } = ask;
      ask.letter = new LocalLetter(ask, this.#node, budget, ask.bytes);
      ask.key = 0;
      this.#wheel.remove(ask);
      this.#wheel.add(ask, budget);
      this.#post(place.actor, options.anyEpoch ? 0 : (place.epoch ?? 0), ask.letter);
      return;
    }
    this.#sendAway(ask, place, via);
  }

  #sendAway(ask: Ask, place: Address, via: string | undefined): void {
    const { method, options, bytes, isPacked } = ask;
    const deadline = isPacked ? options.deadline : ask.budget;
    const message = isPacked ? bytes : packEncoded(this.#header(place, method, options, deadline), bytes);
    ask.letter = undefined;
    if (message.length > MOST_BYTES) return ask.reject(tooLarge("The message", message.length, MOST_BYTES));
    this.#wheel.remove(ask);
    // There the server says if nobody listens; the answer itself comes by `subject.answer`.
    const reply = this.#bus.expect(ask, deadline);
    setQuestion(message, ask.key, options.signal !== undefined);
    try {
      post(this.#bus, via ?? subject.mail(place.node, this.#node), message, reply);
    } catch (error) {
      return ask.reject(error);
    }
    // A subject that several nodes share names nobody to watch.
    if (via === undefined) this.#peers.add(place.node, ask);
  }

  #hold(held: Held[], ask: Ask): void {
    this.#wheel.remove(ask);
    ask.letter = undefined;
    ask.key = 0;
    this.#wheel.add(ask, ask.budget);
    held.push({
      get isOver() {
        return ask.isSettled;
      },
      go: (error) => {
        if (ask.isSettled) return;
        if (error) ask.reject(error);
        else this.#send(ask);
      },
    });
  }

  /** Hands it over in a moment, so that no actor runs inside of another one's call. */
  #post(actor: string, epoch: number, letter: Letter): void {
    if (this.#local.push({ actor, epoch, letter }) === 1) queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    const letters = this.#local;
    this.#local = [];
    for (const { actor, epoch, letter } of letters) this.#host.dispatch(actor, epoch, letter);
  }

  /** The node of the actor is gone, and what it did with the ask is not known. */
  #lost(ask: Ask, error: BonfireError): void {
    const { target, place } = ask;
    if (target.home && target.place === place) this.#moved(target, 0);
    ask.reject(error);
  }

  /** A supervised actor is not where it was: `epoch` of the new one under its name, or 0 to ask its supervision. */
  #moved(target: Target, epoch: number): void {
    if (target.held) return;
    // The next message asks, so that none starts a virtual actor again but one that it is for.
    if (target.isNamed) target.isLost = true;
    else if (epoch !== 0) target.place = { ...target.place, epoch };
    else this.#locate(target, target.home as Home);
  }

  #findLost(target: Target): void {
    if (target.isLost && !target.held) this.#locate(target, target.home as Home);
  }

  /** Where a named actor is. */
  locate(target: Target): Promise<Address> {
    this.#findLost(target);
    const { held } = target;
    if (!held) return Promise.resolve(target.place);
    return new Promise((resolve, reject) => {
      held.push({ isOver: false, go: (error) => (error ? reject(error) : resolve(target.place)) });
    });
  }

  #locate(target: Target, { supervision, child }: Home): void {
    const held: Held[] = [];
    target.held = held;
    const release = (error?: unknown) => {
      target.held = undefined;
      target.isLost = error !== undefined;
      for (const one of held.splice(0)) one.go(error);
    };
    const options = { ...DEFAULTS, deadline: LOCATE_AGAIN_MS };
    const registry = target.isNamed ? { node: this.#host.registry(), actor: supervision.actor } : supervision;
    const giveUpAt = performance.now() + LOCATE_MS;
    const look = () => {
      this.ask(new Target(registry, undefined), "place", [child, target.place], options).then(
        (place) => {
          target.place = place as Address;
          release();
        },
        (error: unknown) => {
          const isWanted = held.some(({ isOver }) => !isOver) && performance.now() < giveUpAt;
          if (hasCode(error, "ASK_TIMEOUT") && isWanted) look();
          else release(error);
        },
      );
    };
    look();
  }

  /** A tell reached nobody. */
  #stale(place: Address, epoch: number): void {
    for (const reference of this.#targets.values()) {
      const target = reference.deref();
      if (target && isMeant(target.place, place)) this.#moved(target, epoch);
    }
  }

  /** A tell to another node came back: nobody listens there, or the actor is gone. */
  #unheard(subject: string, answer: Uint8Array): void {
    const [, , , node, ...rest] = subject.split(".") as [string, string, string, string, ...string[]];
    const method = decodeURIComponent(rest.pop() as string);
    const place = { node, actor: rest.join(".") };
    const isAbsent = answer.length > 0 && answer[0] === AnswerKind.absent;
    // The actor's own node has told of the dead letter if there is one.
    if (!isAbsent) this.#dead(place, method, gone(place));
    this.#stale(place, isAbsent ? answerNumber(answer) : 0);
  }

  #dead({ node, actor }: Address, method: string, error: unknown): void {
    // The runtime's own messages are repeated where that matters.
    if (actor.startsWith("$")) return;
    this.#host.deadLetters.add({ to: `${actor} on ${node}`, method, sender: this.#node, error });
  }
}

/** Lets `for await` read the stream that an ask resolves to. */
function iterate(this: Promise<unknown>): AsyncIterator<unknown> {
  const opening = this.then((stream) => {
    const begin = (stream as Partial<AsyncIterable<unknown>> | undefined)?.[Symbol.asyncIterator];
    if (typeof begin !== "function") {
      throw new BonfireError(
        "NOT_A_STREAM",
        "Cannot iterate the answer as the method gives a value: await it",
      );
    }
    return begin.call(stream);
  });
  return {
    next: async () => (await opening).next(),
    return: async () => {
      await (await opening).return?.();
      return { done: true, value: undefined };
    },
  };
}

function isMeant(known: Address, { node, actor, epoch }: Address): boolean {
  return known.node === node && known.actor === actor && (epoch === undefined || known.epoch === epoch);
}

function stale(target: Target, method: string): BonfireError {
  return new BonfireError(
    "STALE_EPOCH",
    `Actor ${target.identity} has ended since this ref last heard of it, and "${method}" was not delivered: the ref now follows it, so send again, or send with({ epoch: "any" })`,
  );
}

function linkDown(): BonfireError {
  return new BonfireError(
    "LINK_DOWN",
    "Cannot send as the connection to NATS is down: it reconnects by itself",
  );
}

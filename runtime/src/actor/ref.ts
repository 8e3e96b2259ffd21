/** Typed references to actors: what users hold, pass on and send through. */
import { inspect } from "node:util";
import { ACTOR, type HandleReference } from "@bonfire/wire";
import type { Actor } from "./actor.ts";
import type { Address } from "./address.ts";
import { writeRefsWith } from "./envelope.ts";
import { DEFAULTS, type ResolvedSendOptions, resolveSendOptions, type SendOptions } from "./send-options.ts";
import type { Target } from "./target.ts";

type Method = (...args: never[]) => unknown;
type Taken = keyof Actor | "address" | "tell" | "with" | "then" | "toJSON" | "toString" | "constructor";
/** The names of what may be asked of a `T`: its public methods. */
export type Callable<T> = Exclude<{ [K in keyof T]: T[K] extends Method ? K : never }[keyof T], Taken> &
  string;
type Ask<F> = F extends (...args: infer A) => infer R
  ? [R] extends [never]
    ? (...args: A) => Promise<never>
    : R extends AsyncIterable<infer Item>
      ? (...args: A) => AsyncIterable<Item>
      : (...args: A) => Promise<Awaited<R>>
  : never;
type Tell<F> = F extends (...args: infer A) => unknown ? (...args: A) => void : never;

/**
 * A reference to an actor, wherever it lives. It may be passed in any message. Making, awaiting, comparing and
 * logging one sends nothing.
 *
 * ```ts
 * await ref.increment(2);                            // asks: the result, or the method's error
 * ref.tell.increment(2);                             // tells: no answer
 * for await (const n of ref.numbers()) …             // an async generator method
 * await ref.with({ deadline: "1s" }).increment(2);
 * ```
 */
export type Ref<T> = { readonly [K in Callable<T>]: Ask<T[K]> } & {
  readonly tell: { readonly [K in Callable<T>]: Tell<T[K]> };
  /** Names the actor: equal for two refs if, and only if, they mean the same one. */
  readonly address: string;
  /** The same ref with other terms for what is sent through it. Throws `UNKNOWN_OPTION`, `INVALID_OPTION`. */
  with(options: SendOptions): Ref<T>;
};

/** A ref to an actor of whatever class. */
export type AnyRef = { readonly address: string };

/** Names that a ref has of its own, so that no method can have them. */
const TAKEN: ReadonlySet<string> = new Set<Exclude<Taken, keyof Actor>>([
  "address",
  "tell",
  "with",
  "then",
  "toJSON",
  "toString",
  "constructor",
]);

export function isTaken(name: string): boolean {
  return TAKEN.has(name);
}

/** What carries messages. */
export interface Courier {
  ask(to: Target, method: string, args: readonly unknown[], options: ResolvedSendOptions): Promise<unknown>;
  tell(to: Target, method: string, args: readonly unknown[], options: ResolvedSendOptions): void;
}

class ActorRef {
  readonly #courier: Courier;
  readonly #target: Target;
  readonly #options: ResolvedSendOptions;

  constructor(courier: Courier, target: Target, options: ResolvedSendOptions) {
    this.#courier = courier;
    this.#target = target;
    this.#options = options;
  }

  static target(value: object): Target | undefined {
    return #target in value ? value.#target : undefined;
  }

  static asking(ref: object, method: string): unknown {
    if (!(#target in ref)) return undefined;
    return (...args: unknown[]) => ref.#courier.ask(ref.#target, method, args, ref.#options);
  }

  static telling(ref: ActorRef, method: string): unknown {
    return (...args: unknown[]) => ref.#courier.tell(ref.#target, method, args, ref.#options);
  }

  get address(): string {
    return this.#target.identity;
  }

  get tell(): object {
    return new Teller(this);
  }

  with(options: SendOptions): ActorRef {
    return new ActorRef(this.#courier, this.#target, resolveSendOptions(options));
  }

  /** How a closure on an executor sends through this ref. */
  [ACTOR](method: string, tells: boolean, args: readonly unknown[]): unknown {
    const send = tells ? this.#courier.tell : this.#courier.ask;
    return send.call(this.#courier, this.#target, method, args, this.#options);
  }

  toString(): string {
    return `Ref(${this.address})`;
  }

  toJSON(): string {
    return this.address;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

class Teller {
  readonly #ref: ActorRef;
  constructor(ref: ActorRef) {
    this.#ref = ref;
  }
  static telling(teller: object, method: string): unknown {
    return #ref in teller ? ActorRef.telling(teller.#ref, method) : undefined;
  }
}

// The proxy is the prototype's prototype: refs themselves are plain objects of one shape, and nothing is kept for a
// method that was used.
Object.setPrototypeOf(ActorRef.prototype, methodsBy(ActorRef.asking));
Object.setPrototypeOf(Teller.prototype, methodsBy(Teller.telling));

function methodsBy(make: (receiver: object, method: string) => unknown): object {
  return new Proxy(Object.create(null) as object, {
    // A ref is no promise: awaiting one must not send a message.
    get: (_, key, receiver: object) =>
      typeof key === "string" && key !== "then" ? make(receiver, key) : undefined,
  });
}

export function makeRef<T>(courier: Courier, target: Target): Ref<T> {
  return new ActorRef(courier, target, DEFAULTS) as unknown as Ref<T>;
}

/** Whom `value` refers to, if it is a ref. */
export function targetOf(value: object): Target | undefined {
  return ActorRef.target(value);
}

/** Where the actor lives, as far as the ref knows. */
export function placeOf(who: AnyRef | Address): Address {
  return targetOf(who)?.place ?? (who as Address);
}

/** The kind under which refs travel among a message's handles. */
export const REF_HANDLE = 32;

/** What a ref is on the wire. */
export type RefDetail = readonly [node: string, actor: string, epoch: number, ...home: string[]];

/** For the codec: how a ref travels; undefined for anything else. */
export function writeRef(value: object): HandleReference | undefined {
  const target = ActorRef.target(value);
  if (!target) return undefined;
  const { place, home } = target;
  const detail: RefDetail = home
    ? [place.node, place.actor, place.epoch ?? 0, home.supervision.node, home.supervision.actor, home.child]
    : [place.node, place.actor, place.epoch ?? 0];
  return { kind: REF_HANDLE, id: 0, detail };
}

writeRefsWith(writeRef);

import type { Duration } from "../duration.ts";
import type { ActorClass, Declared, SpawnOptions } from "./actor-class.ts";
import type { Address } from "./address.ts";
import type { Reason } from "./reason.ts";
import type { AnyRef, Ref } from "./ref.ts";
import type { ActorSystem } from "./system.ts";

/**
 * An actor: state that only its own methods touch, one message at a time. Its public methods are what others may ask
 * or tell; the hooks below are the runtime's. State that must not be reached from outside belongs in `#private`
 * fields. What is guaranteed is in docs/actors.md.
 *
 * ```ts
 * class Counter extends Actor {
 *   static readonly reentrant = ["peek"] as const; // may run while another method awaits
 *   #value = 0;
 *   add(n: number) { return (this.#value += n); }
 *   peek() { return this.#value; }
 * }
 * const counter = await fire.spawn(Counter, []);
 * await counter.add(2);
 * ```
 */
export abstract class Actor {
  /** Set before `onStart`. */
  #context: Context | undefined;

  /** @internal */
  static enter(actor: Actor, context: Context): void {
    actor.#context = context;
  }

  /** What the runtime knows of this actor; from `onStart` on. */
  protected get context(): Context {
    if (!this.#context) throw new Error("an actor's context exists from onStart on, not in its constructor");
    return this.#context;
  }

  /** Runs before the first message. If it throws, the actor ends with that error, and whoever starts it gets it. */
  onStart(): void | Promise<void> {}
  /** Runs after the last message, unless the actor was killed or never started. */
  onStop(_reason: Reason): void | Promise<void> {}
  /** A monitored actor ended. */
  onDown(_who: AnyRef, _reason: Reason): void | Promise<void> {}
  /** A linked actor ended, and this class has `static trapExit = true`. */
  onExit(_who: AnyRef, _reason: Reason): void | Promise<void> {}

  /**
   * What of this actor is to survive it: plain data, given to `restore` of the one after it. Only an actor with a name,
   * a key or the option `state` is kept; see docs/actors.md for when.
   */
  snapshot(): unknown {
    return undefined;
  }
  /** Takes over what `snapshot` of the one before gave; before `onStart`, and only if there is something. */
  restore(_state: any): void {}

  /** A ref to this actor, to pass on. (`any`, as to TypeScript no ref to `this` is one to the class.) */
  protected get self(): any {
    return this.context.self<this>();
  }

  /**
   * The id of the process whose message is being handled (its `fire.id`); this process's own outside of a message. In
   * a reentrant method, read it before the first `await`.
   */
  protected get sender(): string {
    return this.context.sender;
  }

  /**
   * Aborted when nobody waits for the message that is being handled any more, or the actor is killed. In a reentrant
   * method, read it before the first `await`.
   */
  protected get signal(): AbortSignal {
    return this.context.signal;
  }

  /**
   * The fencing token of this actor's name or state: greater than that of every earlier holder. Hand it to whatever
   * must refuse an outdated one. Throws if the actor has neither.
   */
  protected get token(): bigint {
    return this.context.token;
  }

  /** Runs `work` once, as a message of this actor, `delay` from now. Cancelled when the actor stops, or by what it returns. */
  protected after(delay: Duration, work: () => void | Promise<void>): () => void {
    return this.context.after(delay, work);
  }

  /** As `after`, again and again; a turn that is still waiting or running is not added to. */
  protected every(period: Duration, work: () => void | Promise<void>): () => void {
    return this.context.every(period, work);
  }

  /** Starts another actor in this process, which ends when this one does. */
  protected spawn<C extends ActorClass>(
    type: C & Declared<C>,
    args: ConstructorParameters<C>,
    options?: SpawnOptions,
  ): Promise<Ref<InstanceType<C>>> {
    return this.context.spawn(type, args, options);
  }

  /** Be told by `onDown`, once, when `who` ends. Returns the way to stop watching. */
  protected monitor(who: AnyRef): () => void {
    return this.context.monitor(who);
  }

  /**
   * Ties this actor and `who` together: when either ends, but for reason `normal`, so does the other, with the same
   * reason. Returns the way to untie them.
   */
  protected link(who: AnyRef): () => void {
    return this.context.link(who);
  }

  /** End, after the messages that are already in the mailbox; with an error, for that reason. */
  protected stop(error?: Error): void {
    void this.context.stop(error === undefined ? undefined : { kind: "error", error });
  }
}

/** What an actor knows of where it runs: its host's side of the helpers above. */
export interface Context {
  readonly system: ActorSystem;
  readonly address: Address;
  readonly sender: string;
  readonly signal: AbortSignal;
  readonly token: bigint;
  monitor(who: AnyRef | Address): () => void;
  link(who: AnyRef): () => void;
  after(delay: Duration, work: () => void | Promise<void>): () => void;
  every(period: Duration, work: () => void | Promise<void>): () => void;
  spawn<C extends ActorClass>(
    type: C & Declared<C>,
    args: ConstructorParameters<C>,
    options?: SpawnOptions,
  ): Promise<Ref<InstanceType<C>>>;
  /** Run `work` as a message of this actor, so that it touches the state alone. */
  enqueue(work: () => void | Promise<void>): void;
  stop(reason?: Reason): Promise<void>;
  self<T extends object>(): Ref<T>;
}

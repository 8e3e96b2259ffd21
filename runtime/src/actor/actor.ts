import type { Reason } from "./reason.ts";
import type { Address, Ref } from "./ref.ts";
import type { ActorSystem } from "./system.ts";

/**
 * An actor: state that only its own methods touch, one message at a time. Its public methods are what others may
 * ask or tell; the hooks below are the runtime's.
 */
export abstract class Actor {
  /** Set before `onStart`. */
  #context: Context | undefined;

  /** @internal */
  static enter(actor: Actor, context: Context): void {
    actor.#context = context;
  }

  protected get context(): Context {
    if (!this.#context) throw new Error("an actor's context exists from onStart on, not in its constructor");
    return this.#context;
  }

  /** Runs before the first message. If it throws, the actor ends with that error. */
  onStart(): void | Promise<void> {}
  /** Runs after the last message, whatever the reason. */
  onStop(_reason: Reason): void | Promise<void> {}
  /** A monitored actor ended. */
  onDown(_who: Address, _reason: Reason): void | Promise<void> {}
}

/** What an actor knows of where it runs. */
export interface Context {
  readonly system: ActorSystem;
  readonly address: Address;
  /** The node whose message is being handled; this actor's own node outside a message. */
  readonly sender: string;
  /** Be told by `onDown`, once, when `who` ends. Returns the way to stop watching. */
  monitor(who: Address): () => void;
  /** Run `work` as a message of this actor, so that it touches the state alone. */
  enqueue(work: () => void | Promise<void>): void;
  /** End, after the messages that are already in the mailbox. */
  stop(reason?: Reason): Promise<void>;
  self<T extends Actor>(): Ref<T>;
}

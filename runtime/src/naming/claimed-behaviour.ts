/**
 * Runs an actor that is the only one of its name, key or state: takes the leases before its constructor runs, gives it
 * its state, saves that, and gives the leases back after its end.
 */
import { decode, hasCode } from "@bonfire/wire";
import { Actor, type Context } from "../actor/actor.ts";
import type { ActorClass } from "../actor/actor-class.ts";
import { type Behaviour, type Handled, Source } from "../actor/behaviour.ts";
import { ClassBehaviour } from "../actor/class-behaviour.ts";
import { encodeState } from "../actor/envelope.ts";
import type { Instance } from "../actor/instance.ts";
import type { Letter } from "../actor/letter.ts";
import { type MethodTable, methodTable } from "../actor/method-table.ts";
import type { Reason } from "../actor/reason.ts";
import type { AnyRef } from "../actor/ref.ts";
import type { Habits, Kept } from "./claim.ts";

export class ClaimedBehaviour implements Behaviour {
  readonly #class: ActorClass;
  readonly #args: unknown[];
  readonly #habits: Habits;
  readonly #take: (instance: Instance) => Promise<Kept | undefined>;
  readonly #table: MethodTable;
  #actor: Actor | undefined;
  #inner: ClassBehaviour | undefined;
  #instance: Instance | undefined;
  #kept: Kept | undefined;
  #unsaved = 0;
  /** Messages under way. */
  #active = 0;
  #usedAt = performance.now();
  #idle: NodeJS.Timeout | undefined;

  /** `take` lets the instance act only by its leases, which its end gives back, also if it does not start. */
  constructor(
    type: ActorClass,
    args: unknown[],
    habits: Habits,
    take: (instance: Instance) => Promise<Kept | undefined>,
  ) {
    this.#class = type;
    this.#args = args;
    this.#habits = habits;
    this.#take = take;
    this.#table = methodTable(type);
  }

  get type(): string {
    return this.#class.name;
  }

  get trapsExit(): boolean {
    return this.#table.trapsExit;
  }

  interleaves(method: string): boolean {
    return this.#table.reentrant.has(method);
  }

  async start(context: Context): Promise<void> {
    this.#instance = context as Instance;
    this.#kept = await this.#take(this.#instance);
    const actor = new this.#class(...this.#args);
    this.#actor = actor;
    this.#inner = new ClassBehaviour(actor, context.system.decoding);
    Actor.enter(actor, context);
    await this.#restore();
    await this.#inner.start(context);
    const { idleAfter } = this.#habits;
    if (idleAfter === undefined) return;
    this.#watchIdle(idleAfter);
    void this.#instance.ended.then(() => clearTimeout(this.#idle));
  }

  async #restore(): Promise<void> {
    const saved = await this.#kept?.load();
    if (saved) (this.#actor as Actor).restore(decode(saved, (this.#instance as Instance).system.decoding));
  }

  handle(letter: Letter): Handled | Promise<Handled> {
    const handled = (this.#inner as ClassBehaviour).handle(letter);
    if (this.#habits.idleAfter === undefined) return this.#counted(letter, handled);
    this.#usedAt = performance.now();
    if (handled instanceof Uint8Array) return this.#counted(letter, handled);
    return this.#counted(letter, this.#whileActive(handled));
  }

  /** Every so many messages, the state is saved before the last of them is answered. */
  #counted(letter: Letter, handled: Handled | Promise<Handled>): Handled | Promise<Handled> {
    if (!this.#kept || this.interleaves(letter.method)) return handled;
    return ++this.#unsaved < this.#habits.saveEvery ? handled : this.#thenSave(handled);
  }

  async #thenSave(handling: Handled | Promise<Handled>): Promise<Handled> {
    const handled = await handling;
    // A generator has only begun: the next message sees to it.
    if (!(handled instanceof Uint8Array)) return handled;
    try {
      await this.#save();
    } catch (error) {
      // Tried again after the next message, unless the lease, and with it the actor, ends before that.
      if (!hasCode(error, "STORE_UNAVAILABLE")) (this.#instance as Instance).endNow({ kind: "error", error });
    }
    return handled;
  }

  async #save(): Promise<void> {
    const state = (this.#actor as Actor).snapshot();
    this.#unsaved = 0;
    try {
      await (this.#kept as Kept).save(encodeState(state));
    } catch (error) {
      this.#unsaved = this.#habits.saveEvery;
      throw error;
    }
  }

  down(who: AnyRef, reason: Reason): void | Promise<void> {
    return this.#inner?.down(who, reason);
  }

  exit(who: AnyRef, reason: Reason): void | Promise<void> {
    return this.#inner?.exit(who, reason);
  }

  async stop(reason: Reason): Promise<void> {
    await this.#inner?.stop(reason);
    // What has failed may be the state itself: the last one that was saved is the better one.
    if (this.#kept && this.#inner && reason.kind !== "error") await this.#save();
  }

  // Idleness

  async #whileActive(handling: Handled | Promise<Handled>): Promise<Handled> {
    this.#active++;
    try {
      const handled = await handling;
      return handled instanceof Uint8Array
        ? handled
        : new ActiveSource(handled, (work) => this.#during(work));
    } finally {
      this.#leave();
    }
  }

  async #during<T>(work: () => Promise<T>): Promise<T> {
    this.#active++;
    return work().finally(() => this.#leave());
  }

  #leave(): void {
    this.#active--;
    this.#usedAt = performance.now();
  }

  #watchIdle(idleAfter: number): void {
    const left = this.#active > 0 ? idleAfter : this.#usedAt + idleAfter - performance.now();
    const look = () => {
      if (this.#active > 0 || performance.now() - this.#usedAt < idleAfter) this.#watchIdle(idleAfter);
      else void this.#instance?.stop();
    };
    this.#idle = setTimeout(look, Math.max(1, left)).unref();
  }
}

/** A stream that counts as use while its reader waits for an item. */
class ActiveSource extends Source {
  readonly #inner: Source;
  readonly #during: <T>(work: () => Promise<T>) => Promise<T>;

  constructor(inner: Source, during: <T>(work: () => Promise<T>) => Promise<T>) {
    super();
    this.#inner = inner;
    this.#during = during;
  }

  pull(room: number): Promise<Uint8Array | undefined> {
    return this.#during(() => this.#inner.pull(room));
  }

  end(): Promise<void> {
    return this.#inner.end();
  }
}

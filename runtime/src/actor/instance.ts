/**
 * One running actor: its mailbox, its lifecycle, its timers, children and ties to other actors. It knows neither the
 * actor's class nor the values in its messages; see behaviour.ts. Long, as all of these decide when it may end.
 */
import { BonfireError } from "@bonfire/wire";
import type { Duration } from "../duration.ts";
import type { Context } from "./actor.ts";
import type { ActorClass, MailboxPolicy, SpawnOptions } from "./actor-class.ts";
import type { Address } from "./address.ts";
import type { Behaviour, Handled, Source } from "./behaviour.ts";
import { AnswerKind, packAbsent, packRefusal, packStream } from "./envelope.ts";
import { type Gate, nameLost } from "./gate.ts";
import { answerError, Letter } from "./letter.ts";
import { Mailbox, type Task } from "./mailbox.ts";
import { KILLED, NORMAL, type Reason, reasonError, telling } from "./reason.ts";
import { type AnyRef, makeRef, type Ref } from "./ref.ts";
import type { Outgoing } from "./streams.ts";
import type { ActorSystem } from "./system.ts";
import type { Target } from "./target.ts";
import { Ties } from "./ties.ts";
import { Timers } from "./timers.ts";

type State = "starting" | "running" | "stopping" | "stopped";

const MOVES: Record<State, readonly State[]> = {
  starting: ["running", "stopping", "stopped"],
  running: ["stopping", "stopped"],
  stopping: ["stopped"],
  stopped: [],
};

export interface Setup {
  readonly target: Target;
  readonly maxMailbox: number;
  readonly mailboxPolicy: MailboxPolicy;
  /** It belongs to the runtime: other nodes may not end it. */
  readonly isSystem: boolean;
  readonly parent: Instance | undefined;
  /** How often it was started before. */
  readonly restarts: number;
}

export class Instance implements Context {
  readonly system: ActorSystem;
  readonly setup: Setup;
  readonly address: Address;
  readonly #behaviour: Behaviour;
  readonly #mailbox = new Mailbox();
  readonly #since = performance.now();
  #state: State = "starting";
  /** What it does now, so that nothing else may. */
  #busy: Letter | Task | undefined;
  /** The letter whose method runs at this moment, or awaits. */
  #turn: Letter | undefined;
  /** It was asked to stop, and does when it has handled what came before. */
  #isLeaving = false;
  /** It has to end before it does anything else. */
  #exit: Reason | undefined;
  #handled = 0;
  /** Asks that wait until the mailbox has room. */
  #door: Letter[] | undefined;
  /** Letters of reentrant methods that are under way. */
  #interleaved: Set<Letter> | undefined;
  #streams: Set<Outgoing> | undefined;
  #timers: Timers | undefined;
  #ties: Ties | undefined;
  #children: Set<Instance> | undefined;
  /** What it may act by; no turn begins when one of them has ended. */
  #gates: Gate[] | undefined;
  #waiters: ((reason: Reason) => void)[] | undefined;
  #reason: Reason | undefined;

  constructor(system: ActorSystem, setup: Setup, behaviour: Behaviour) {
    this.system = system;
    this.setup = setup;
    this.address = setup.target.place;
    this.#behaviour = behaviour;
    setup.parent?.adopt(this);
  }

  /** Runs `onStart`. Resolves when it has; throws or rejects with its error, and then the actor has ended. */
  start(): void | Promise<void> {
    this.#busy = STARTING;
    try {
      const starting = this.#behaviour.start(this);
      if (isPromise(starting))
        return starting.then(
          () => this.#started(),
          (error) => this.#notStarted(error),
        );
    } catch (error) {
      void this.#notStarted(error);
    }
    return this.#started();
  }

  #started(): void {
    // Killed, or its parent ended, while it started.
    if (this.#state !== "starting") {
      throw this.#endError();
    }
    this.#become("running");
    this.#busy = undefined;
    this.#pump();
  }

  #notStarted(error: unknown): never {
    if (this.#state === "starting") this.#close({ kind: "error", error });
    throw error;
  }

  get state(): State {
    return this.#state;
  }

  inspect() {
    return {
      type: this.#behaviour.type,
      address: this.setup.target.identity,
      state: this.#state,
      mailbox: this.#mailbox.depth,
      /** Asks that wait until the mailbox has room. */
      atDoor: this.#door?.filter((letter) => !letter.settled).length ?? 0,
      handled: this.#handled,
      ageMs: Math.round(performance.now() - this.#since),
      restarts: this.setup.restarts,
      /** How many watch it, here and on other nodes. */
      monitors: this.system.watchersOf(this.address),
    };
  }

  // Letters

  deliver(letter: Letter): void {
    if (this.#state === "stopping" || this.#state === "stopped") return letter.answer(packAbsent());
    if (this.#state === "running") {
      if (this.#gates && !this.#mayAct(this.#gates)) return letter.answer(packAbsent());
      if (this.#behaviour.interleaves(letter.method)) return this.#interleave(letter);
      if (this.#busy === undefined) {
        this.#begin(letter);
        return this.#pump();
      }
    }
    const { maxMailbox, mailboxPolicy } = this.setup;
    if (!this.#door && this.#mailbox.depth < maxMailbox) return this.#mailbox.put(letter);
    if (mailboxPolicy === "drop-oldest") {
      this.#mailbox.takeOldest()?.answer(packRefusal(this.#full("was dropped for a newer one")));
      return this.#mailbox.put(letter);
    }
    if (mailboxPolicy === "fail" || !letter.asked) {
      return letter.answer(packRefusal(this.#full("was refused")));
    }
    this.#door ??= [];
    this.#door.push(letter);
  }

  /** The asker does not wait any more. */
  forget(letter: Letter): void {
    this.#mailbox.forget(letter);
    if (this.#door) this.#letIn();
  }

  #full(what: string): BonfireError {
    return new BonfireError(
      "MAILBOX_FULL",
      `A message to actor ${this.address.actor} ${what} as ${this.setup.maxMailbox} wait already: send less, or raise maxMailbox`,
    );
  }

  #during<T>(letter: Letter, work: () => T): T {
    const before = this.#turn;
    this.#turn = letter;
    try {
      return work();
    } finally {
      this.#turn = before;
    }
  }

  #interleave(letter: Letter): void {
    const handled = this.#during(letter, () => this.#behaviour.handle(letter));
    if (handled instanceof Uint8Array) return this.#finished(letter, handled);
    this.#interleaved ??= new Set();
    this.#interleaved.add(letter);
    const done = () => this.#interleaved?.delete(letter);
    if (isPromise(handled)) void handled.then((answer) => this.#conclude(letter, answer, done));
    else this.#conclude(letter, handled, done);
  }

  #begin(letter: Letter): void {
    this.#busy = this.#turn = letter;
    const handled = this.#behaviour.handle(letter);
    if (handled instanceof Uint8Array) {
      this.#release(letter);
      return this.#finished(letter, handled);
    }
    const done = () => {
      this.#release(letter);
      this.#pump();
    };
    if (isPromise(handled)) void handled.then((answer) => this.#conclude(letter, answer, done));
    else this.#conclude(letter, handled, done);
  }

  /** The actor is free again, unless it ended meanwhile. */
  #release(busy: Letter | Task): void {
    if (this.#busy !== busy) return;
    this.#busy = this.#turn = undefined;
  }

  /** What a method gave in the end: an answer, or a stream, which goes on until it is `done`. */
  #conclude(letter: Letter, handled: Handled, done: () => void): void {
    if (handled instanceof Uint8Array) {
      this.#finished(letter, handled);
      return done();
    }
    if (this.#gates) this.#mayAct(this.#gates);
    if (letter.asked && !letter.settled && this.#state === "running") this.#stream(letter, handled, done);
    else this.#discard(letter, handled, done);
  }

  #stream(letter: Letter, source: Source, done: () => void): void {
    // A generator's code runs as it is pulled, and is to find its own message then.
    const inTurn: Source = {
      pull: (room) => {
        if (this.#gates && !this.#mayAct(this.#gates)) return Promise.reject(this.#stoppedError());
        return this.#during(letter, () => source.pull(room));
      },
      end: () => this.#during(letter, () => source.end()),
    };
    const stream = this.system.streams.open(letter.sender, inTurn, {
      cancelled: () => letter.abort(undefined),
      done: (failure) => {
        this.#streams?.delete(stream);
        done();
        if (failure) this.endNow({ kind: "error", error: failure.error });
      },
    });
    this.#streams ??= new Set();
    this.#streams.add(stream);
    this.#handled++;
    letter.answer(packStream(stream.id));
    if (this.#isLeaving) stream.cancel(this.#stoppedError());
  }

  /** A stream that nobody will read. */
  #discard(letter: Letter, source: Source, done: () => void): void {
    const error = new BonfireError(
      "NOT_ITERATED",
      `"${letter.method}" gives a stream, which a tell cannot read: ask for it`,
    );
    letter.answer(packRefusal(error));
    source.end().then(done, (thrown: unknown) => {
      done();
      this.endNow({ kind: "error", error: thrown });
    });
  }

  #finished(letter: Letter, answer: Uint8Array): void {
    this.#handled++;
    // What it did while another had its name already must not pass for done by the one who has it.
    if (this.#gates && !this.#mayAct(this.#gates)) return letter.answer(packRefusal(this.#endError()));
    letter.answer(answer);
    // Nobody waits for it, so nobody else would learn that the actor is not well. The runtime's own actors go on, as
    // nobody would start them again.
    if (answer[0] === AnswerKind.error && !letter.asked && !this.setup.isSystem) {
      this.endNow({ kind: "error", error: answerError(answer, this.address, this.system.decoding) });
    }
  }

  #pump(): void {
    while (this.#busy === undefined) {
      if (this.#exit) return void this.#finish(this.#exit);
      if (this.#state !== "running") return;
      if (this.#gates && !this.#mayAct(this.#gates)) return;
      const next = this.#mailbox.take();
      if (this.#door) this.#letIn();
      if (!next) return;
      if (next instanceof Letter) this.#begin(next);
      else this.#perform(next);
    }
  }

  /** The mailbox may have room for those at the door. */
  #letIn(): void {
    const door = this.#door as Letter[];
    let admitted = 0;
    while (admitted < door.length && this.#mailbox.depth < this.setup.maxMailbox) {
      const letter = door[admitted++] as Letter;
      if (!letter.settled && !letter.isExpired) this.#mailbox.put(letter);
    }
    this.#door = admitted === door.length ? undefined : door.slice(admitted);
  }

  // What it may act by

  /** From now on it acts only while `gate` is valid, and ends with NAME_LOST otherwise. */
  fence(gate: Gate): void {
    this.#requireAlive("register");
    this.#gates = [...(this.#gates ?? []), gate];
    gate.signal.addEventListener("abort", () => this.#gates && this.#mayAct(this.#gates), { once: true });
  }

  /** It goes on without. */
  unfence(gate: Gate): void {
    const left = this.#gates?.filter((one) => one !== gate);
    this.#gates = left?.length ? left : undefined;
  }

  /** The token of what it has had longest. */
  get token(): bigint {
    const [gate] = this.#gates ?? [];
    if (gate) return gate.token;
    throw new Error("an actor has a token when it is registered, virtual, or has a state that is kept");
  }

  #mayAct(gates: readonly Gate[]): boolean {
    const ended = gates.find((gate) => !gate.valid);
    if (!ended) return true;
    this.kill({ kind: "error", error: nameLost(this.address, ended) });
    return false;
  }

  // The actor's own tasks

  enqueue(work: () => void | Promise<void>): void {
    this.#queue({ run: work });
  }

  #queue(task: Task): void {
    if (this.#state === "stopping" || this.#state === "stopped") return;
    this.#mailbox.put(task);
    this.#pump();
  }

  /** If a task fails there is nobody to tell: the actor ends with its error. */
  #perform(task: Task): void {
    this.#busy = task;
    try {
      const running = task.run();
      if (!isPromise(running)) return this.#release(task);
      running.then(
        () => {
          this.#release(task);
          this.#pump();
        },
        (error: unknown) => {
          this.#release(task);
          this.endNow({ kind: "error", error });
        },
      );
    } catch (error) {
      this.#release(task);
      this.endNow({ kind: "error", error });
    }
  }

  // What the actor may do

  get sender(): string {
    return this.#turn?.sender ?? this.address.node;
  }

  get signal(): AbortSignal {
    return this.#turn?.signal ?? NEVER;
  }

  self<T extends object>(): Ref<T> {
    return makeRef<T>(this.system.courier, this.setup.target);
  }

  after(delay: Duration, work: () => void | Promise<void>): () => void {
    this.#requireAlive("after");
    this.#timers ??= new Timers((task) => this.enqueue(task));
    return this.#timers.after(delay, work);
  }

  every(period: Duration, work: () => void | Promise<void>): () => void {
    this.#requireAlive("every");
    this.#timers ??= new Timers((task) => this.enqueue(task));
    return this.#timers.every(period, work);
  }

  spawn<C extends ActorClass>(
    type: C,
    args: ConstructorParameters<C>,
    options: SpawnOptions = {},
  ): Promise<Ref<InstanceType<C>>> {
    this.#requireAlive("spawn");
    return this.system.spawnClass(type, args, options, { parent: this });
  }

  monitor(who: AnyRef | Address): () => void {
    this.#requireAlive("monitor");
    return this.#tied().monitor(who);
  }

  link(who: AnyRef): () => void {
    this.#requireAlive("link");
    return this.#tied().link(who);
  }

  /** The other side's half of a link. */
  tie(who: AnyRef): void {
    if (this.isAlive) this.#tied().tie(who);
  }

  untie(other: Address): void {
    this.#ties?.untie(other);
  }

  /** Ends when `owner` does, whatever the reason: a child that was placed on this node. */
  belongTo(owner: Address): void {
    if (this.isAlive) this.#tied().watch(owner, () => void this.stop());
  }

  #tied(): Ties {
    this.#ties ??= new Ties(this, this.#behaviour);
    return this.#ties;
  }

  get isAlive(): boolean {
    return this.#state === "starting" || this.#state === "running";
  }

  #requireAlive(what: string): void {
    if (this.#state !== "stopping" && this.#state !== "stopped") return;
    throw new BonfireError(
      "ACTOR_STOPPED",
      `Cannot use "${what}" as actor ${this.address.actor} has stopped`,
    );
  }

  /** Called by the child. */
  adopt(child: Instance): void {
    this.#requireAlive("spawn");
    this.#children ??= new Set();
    this.#children.add(child);
  }

  // The end

  /** Resolves with the reason when it has ended. */
  get ended(): Promise<Reason> {
    if (this.#state === "stopped") return Promise.resolve(this.#reason as Reason);
    return new Promise((resolve) => {
      this.#waiters ??= [];
      this.#waiters.push(resolve);
    });
  }

  /** Ends it after what is in the mailbox. Streams under way are ended at once, as they may go on for ever. */
  async stop(reason: Reason = NORMAL): Promise<void> {
    const { ended } = this;
    if (this.#state === "starting" || this.#state === "running") {
      this.#isLeaving = true;
      for (const stream of this.#streams ?? []) stream.cancel(this.#stoppedError());
      this.#queue({ run: () => this.endNow(reason) });
    }
    await ended;
  }

  /** Ends it before it does anything else; what waits in the mailbox is not handled. */
  endNow(reason: Reason): void {
    if (this.#state === "stopping" || this.#state === "stopped") return;
    this.#exit ??= reason;
    for (const stream of this.#streams ?? []) stream.cancel(this.#stoppedError());
    // What runs now cannot be broken off; the end comes after it.
    queueMicrotask(() => this.#pump());
  }

  /** Ends it at once, and without `onStop`. What its methods still do is of no effect on others. */
  kill(reason: Reason = KILLED): void {
    if (this.#state === "stopped") return;
    const error = this.#endError(reason);
    const running = [...(this.#interleaved ?? [])];
    if (this.#busy instanceof Letter) running.push(this.#busy);
    for (const stream of this.#streams ?? []) stream.cancel(error);
    for (const letter of running) {
      letter.answer(packRefusal(error));
      letter.abort(error);
    }
    for (const child of this.#children ?? []) child.kill();
    this.#close(reason);
  }

  async #finish(reason: Reason): Promise<void> {
    this.#busy = STOPPING;
    this.#become("stopping");
    this.#letGo();
    let final = reason;
    try {
      await this.#behaviour.stop(reason);
    } catch (error) {
      final = { kind: "error", error };
    }
    // Killed while it stopped.
    if (this.#state !== "stopping") return;
    // In the opposite order of their start, as later ones may use earlier ones.
    for (const child of [...(this.#children ?? [])].reverse()) await child.stop();
    if (this.#state === "stopping") this.#close(final);
  }

  /** Whatever the reason: nothing that it began goes on, and nothing that waits for it waits in vain. */
  #letGo(): void {
    this.#timers?.close();
    this.#ties?.close();
    for (const letter of [...this.#mailbox.drain(), ...(this.#door ?? [])]) letter.answer(packAbsent());
    this.#timers = this.#ties = this.#door = undefined;
  }

  #close(reason: Reason): void {
    this.#reason = telling(reason);
    this.#become("stopped");
    this.#busy = STOPPING;
    this.#letGo();
    this.setup.parent?.leave(this);
    for (const child of this.#children ?? []) void child.stop();
    this.#children = undefined;
    this.system.ended(this, this.#reason);
    for (const resolve of this.#waiters ?? []) resolve(this.#reason);
    this.#waiters = undefined;
  }

  leave(child: Instance): void {
    this.#children?.delete(child);
  }

  #stoppedError(): BonfireError {
    return this.#endError(NORMAL);
  }

  #endError(reason = this.#reason ?? KILLED): BonfireError {
    return reasonError(`Actor ${this.address.actor}`, reason);
  }

  #become(next: State): void {
    if (!MOVES[this.#state].includes(next)) {
      throw new Error(`an actor cannot go from ${this.#state} to ${next}`);
    }
    this.#state = next;
  }
}

const STARTING: Task = { run: () => undefined };
const STOPPING: Task = { run: () => undefined };
/** The signal of whoever is not handling a message. */
const NEVER = new AbortController().signal;

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === "function";
}

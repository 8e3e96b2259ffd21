/** One running actor: its mailbox, its lifecycle, and who wants to know when it ends. */
import { BonfireError } from "@bonfire/wire";
import { Actor, type Context } from "./actor.ts";
import { Mailbox } from "./mailbox.ts";
import { NORMAL, type Reason } from "./reason.ts";
import { type Address, makeRef } from "./ref.ts";
import type { ActorSystem } from "./system.ts";

type State =
  | { readonly name: "starting" }
  | { readonly name: "running" }
  | { readonly name: "stopping"; readonly reason: Reason }
  | { readonly name: "stopped"; readonly reason: Reason };

const MOVES: Record<State["name"], readonly State["name"][]> = {
  starting: ["running", "stopping"],
  running: ["stopping"],
  stopping: ["stopped"],
  stopped: [],
};

export class Instance {
  readonly address: Address;
  readonly started: Promise<void>;
  readonly ended: Promise<Reason>;
  readonly #actor: Actor;
  readonly #mailbox = new Mailbox();
  readonly #end: (reason: Reason) => void;
  readonly #monitors = new Set<() => void>();
  #state: State = { name: "starting" };
  #sender: string;

  constructor(system: ActorSystem, address: Address, actor: Actor) {
    this.address = address;
    this.#actor = actor;
    this.#sender = address.node;
    const { promise, resolve } = Promise.withResolvers<Reason>();
    this.ended = promise;
    this.#end = resolve;
    Actor.enter(actor, this.#context(system));
    this.started = new Promise((resolve, reject) => {
      this.#mailbox.put(async () => {
        try {
          await actor.onStart();
          this.#become({ name: "running" });
          resolve();
        } catch (error) {
          reject(error);
          await this.#finish({ kind: "error", error });
        }
      });
    });
  }

  get state(): State {
    return this.#state;
  }

  inspect() {
    return {
      address: this.address,
      type: this.#actor.constructor.name,
      state: this.#state.name,
      mailbox: this.#mailbox.depth,
      handled: this.#mailbox.handled,
    };
  }

  /** Handles one message; resolves or rejects with the method's outcome. */
  deliver(sender: string, method: string, args: readonly unknown[]): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#mailbox.put(async () => {
      if (this.#state.name !== "running") return reject(gone(this.address));
      const handler = publicMethod(this.#actor, method);
      if (!handler) {
        return reject(
          new BonfireError("NO_SUCH_METHOD", `${this.#actor.constructor.name} has no method "${method}"`),
        );
      }
      this.#sender = sender;
      try {
        resolve(await handler.apply(this.#actor, args as unknown[]));
      } catch (error) {
        reject(error);
      } finally {
        this.#sender = this.address.node;
      }
    });
    return promise;
  }

  stop(reason: Reason = NORMAL): Promise<void> {
    this.#mailbox.put(() => this.#finish(reason));
    return this.ended.then(() => {});
  }

  async #finish(reason: Reason): Promise<void> {
    if (this.#state.name === "stopping" || this.#state.name === "stopped") return;
    this.#become({ name: "stopping", reason });
    for (const unwatch of this.#monitors) unwatch();
    let final = reason;
    try {
      await this.#actor.onStop(reason);
    } catch (error) {
      final = { kind: "error", error };
    }
    this.#become({ name: "stopped", reason: final });
    this.#end(final);
  }

  #become(next: State): void {
    if (!MOVES[this.#state.name].includes(next.name)) {
      throw new Error(`an actor cannot go from ${this.#state.name} to ${next.name}`);
    }
    this.#state = next;
  }

  #context(system: ActorSystem): Context {
    const sender = () => this.#sender;
    return {
      system,
      address: this.address,
      get sender() {
        return sender();
      },
      monitor: (who) => {
        const unwatch = system.monitor(who, (reason) => {
          this.#monitors.delete(unwatch);
          this.#inside(() => this.#actor.onDown(who, reason));
        });
        this.#monitors.add(unwatch);
        return () => {
          this.#monitors.delete(unwatch);
          unwatch();
        };
      },
      enqueue: (work) => this.#inside(work),
      stop: (reason) => this.stop(reason),
      self: () => makeRef(system, this.address),
    };
  }

  /** A message from the actor's own side; if it fails, the actor ends with that error. */
  #inside(work: () => void | Promise<void>): void {
    this.#mailbox.put(async () => {
      if (this.#state.name !== "running") return;
      try {
        await work();
      } catch (error) {
        await this.#finish({ kind: "error", error });
      }
    });
  }
}

function publicMethod(actor: Actor, method: string): ((...args: unknown[]) => unknown) | undefined {
  if (method in Actor.prototype) return undefined;
  const found = (actor as unknown as Record<string, unknown>)[method];
  return typeof found === "function" ? (found as (...args: unknown[]) => unknown) : undefined;
}

export function gone(address: Address): BonfireError {
  return new BonfireError(
    "NO_SUCH_ACTOR",
    `Actor ${address.actor} on ${address.node} does not exist: it has ended, or never ran`,
  );
}

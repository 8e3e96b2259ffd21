/** Both ends of monitoring: who of other nodes watches our actors, and whom of other nodes we watch. */
import { subject } from "../bus/subject.ts";
import type { Reason } from "./reason.ts";
import type { Address } from "./ref.ts";
import type { ActorSystem, WatchNode } from "./system.ts";

interface Watched {
  readonly who: Address;
  readonly callbacks: Set<(reason: Reason) => void>;
  unwatchNode(): void;
}

export class Monitors {
  /** The name under which a node's monitoring is addressed; no actor can have it. */
  static readonly ACTOR = "$monitors";

  readonly #system: ActorSystem;
  readonly #watchNode: WatchNode;
  /** Actor of ours → nodes to tell when it ends. */
  readonly #watchers = new Map<string, Set<string>>();
  readonly #watched = new Map<string, Watched>();

  constructor(system: ActorSystem, watchNode: WatchNode) {
    this.#system = system;
    this.#watchNode = watchNode;
  }

  watch(who: Address, onDown: (reason: Reason) => void): () => void {
    const key = `${who.node} ${who.actor}`;
    let watched = this.#watched.get(key);
    if (!watched) {
      watched = { who, callbacks: new Set(), unwatchNode: () => {} };
      this.#watched.set(key, watched);
      if (who.node === this.#system.node) this.#watchHere(key, who);
      else this.#watchThere(key, watched);
    }
    watched.callbacks.add(onDown);
    return () => {
      watched.callbacks.delete(onDown);
      if (watched.callbacks.size > 0 || this.#watched.get(key) !== watched) return;
      this.#watched.delete(key);
      watched.unwatchNode();
    };
  }

  #watchHere(key: string, who: Address): void {
    if (!this.#system.local(who.actor)) queueMicrotask(() => this.#down(key, { kind: "no-such-actor" }));
  }

  #watchThere(key: string, watched: Watched): void {
    const { node, actor } = watched.who;
    watched.unwatchNode = this.#watchNode(node, (detail) => this.#down(key, { kind: "lost", detail }));
    const there = { node, actor: Monitors.ACTOR };
    this.#system.ask(there, "watch", [actor]).then(
      (known) => known || this.#down(key, { kind: "no-such-actor" }),
      // No answer decides nothing: if the node is gone, its presence says so.
      (error: { code?: string }) => error.code === "NO_SUCH_ACTOR" && this.#down(key, nodeGone(node)),
    );
  }

  /** An actor of ours ended: tell its watchers here and elsewhere. */
  ended(address: Address, reason: Reason): void {
    this.#down(`${address.node} ${address.actor}`, reason);
    const nodes = this.#watchers.get(address.actor);
    this.#watchers.delete(address.actor);
    if (!this.#system.bus.link.up) return;
    for (const node of nodes ?? []) {
      this.#system.tell({ node, actor: Monitors.ACTOR }, "down", [address.actor, reason]);
    }
  }

  /** Messages between the monitors of two nodes. */
  handle(sender: string, method: string, args: readonly unknown[]): unknown {
    const actor = args[0] as string;
    if (method === "down") return this.#down(`${sender} ${actor}`, args[1] as Reason);
    if (!this.#system.local(actor)) return false;
    const nodes = this.#watchers.get(actor) ?? new Set();
    this.#watchers.set(actor, nodes.add(sender));
    return true;
  }

  #down(key: string, reason: Reason): void {
    const watched = this.#watched.get(key);
    if (!watched) return;
    this.#watched.delete(key);
    watched.unwatchNode();
    for (const callback of watched.callbacks) callback(reason);
  }

  close(): void {
    for (const watched of this.#watched.values()) watched.unwatchNode();
    this.#watched.clear();
  }
}

function nodeGone(node: string): Reason {
  return { kind: "lost", detail: `nobody answers as ${subject.mail(node, "…")}` };
}

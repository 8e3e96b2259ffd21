/** Both ends of monitoring: who of other nodes watches our actors, and whom of other nodes we watch. */
import { setTimeout as pause } from "node:timers/promises";
import type { Address } from "./address.ts";
import type { Instance } from "./instance.ts";
import { NO_SUCH_ACTOR, type Reason } from "./reason.ts";
import type { ActorSystem, WatchNode } from "./system.ts";

/** How long the other node may take to answer; what is asked again does no harm. */
const ANSWER_MS = 1_000;
const AGAIN_MS = 100;
/** Whoever has been cut off for so long has taken everyone for gone. */
const GIVE_UP_MS = 30_000;

interface Watched {
  readonly who: Address;
  /** Names this watch to the other node, so that news of an earlier one is not taken for news of this. */
  readonly id: number;
  readonly callbacks: Set<(reason: Reason) => void>;
  unwatchNode(): void;
}

/** One who watches an actor of ours, as its node calls that. */
interface Watcher {
  readonly node: string;
  readonly id: number;
}

/** News of an actor of ours, until its watcher has acknowledged it. */
interface News extends Watcher {
  readonly reason: Reason;
  readonly since: number;
}

export class Monitors {
  /** The name under which a node's monitoring is addressed; no actor can have it. */
  static readonly ACTOR = "$monitors";

  readonly #system: ActorSystem;
  readonly #watchNode: WatchNode;
  /** Actor of ours, with its epoch → whom to tell when it ends. */
  readonly #watchers = new Map<string, Watcher[]>();
  readonly #watched = new Map<string, Watched>();
  /** The keys of what is watched, by the ids that other nodes know. */
  readonly #keys = new Map<number, string>();
  /** News by the nodes that have not acknowledged it yet. */
  readonly #unheard = new Map<string, Set<News>>();
  /** Nodes that did not hear, and are told again. */
  readonly #deaf = new Set<string>();
  #watches = 0;
  #isClosed = false;

  constructor(system: ActorSystem, watchNode: WatchNode) {
    this.#system = system;
    this.#watchNode = watchNode;
  }

  watch(who: Address, onDown: (reason: Reason) => void): () => void {
    const key = keyOf(who);
    let watched = this.#watched.get(key);
    if (!watched) {
      watched = { who, id: ++this.#watches, callbacks: new Set(), unwatchNode: () => {} };
      this.#watched.set(key, watched);
      this.#keys.set(watched.id, key);
      if (who.node === this.#system.node) this.#watchHere(key, who);
      else void this.#watchThere(key, watched);
    }
    watched.callbacks.add(onDown);
    return () => {
      watched.callbacks.delete(onDown);
      if (watched.callbacks.size > 0 || this.#watched.get(key) !== watched) return;
      this.#forget(key, watched);
      if (who.node !== this.#system.node)
        this.#system.tell(monitorsOf(who.node), "unwatch", [who.actor, who.epoch ?? 0, watched.id]);
    };
  }

  /** How many watch an actor of ours: callbacks here, and other nodes. */
  watchersOf(who: Address): number {
    const here = [keyOf(who), keyOf({ ...who, epoch: 0 })].map(
      (key) => this.#watched.get(key)?.callbacks.size,
    );
    return (
      (this.#watchers.get(watchersKey(who.actor, who.epoch))?.length ?? 0) + (here[0] ?? 0) + (here[1] ?? 0)
    );
  }

  #watchHere(key: string, who: Address): void {
    if (!this.#ours(who.actor, who.epoch)) queueMicrotask(() => this.#down(key, NO_SUCH_ACTOR));
  }

  /** Asks until there is an answer: whether a node that does not answer is gone, its presence says. */
  async #watchThere(key: string, watched: Watched): Promise<void> {
    const { who, id } = watched;
    watched.unwatchNode = this.#watchNode(who.node, (detail) => this.#down(key, { kind: "lost", detail }));
    while (this.#watched.get(key) === watched) {
      try {
        const known = await this.#ask(who.node, "watch", [who.actor, who.epoch ?? 0, id]);
        if (!known && this.#watched.get(key) === watched) this.#down(key, NO_SUCH_ACTOR);
        return;
      } catch {
        // Our link or theirs may be back soon.
        await pause(AGAIN_MS, undefined, { ref: false });
      }
    }
  }

  #ask(node: string, method: "watch" | "down", args: unknown[]): Promise<unknown> {
    return this.#system.ask(monitorsOf(node), method, args, ANSWER_MS);
  }

  /** An actor of ours ended: tell its watchers here and elsewhere. */
  ended({ node, actor, epoch = 0 }: Address, reason: Reason): void {
    // Those who watch this very actor, and those who watch whoever has the name.
    this.#down(keyOf({ node, actor, epoch }), reason);
    this.#down(keyOf({ node, actor }), reason);
    const key = watchersKey(actor, epoch);
    const watchers = this.#watchers.get(key) ?? [];
    this.#watchers.delete(key);
    const since = performance.now();
    for (const watcher of watchers) {
      const news = { ...watcher, reason, since };
      const unheard = this.#unheard.get(news.node) ?? new Set();
      this.#unheard.set(news.node, unheard.add(news));
      void this.#tell(news);
    }
  }

  /** Whether it was heard; if not, it is told again. */
  async #tell(news: News): Promise<boolean> {
    const { node, id, reason } = news;
    try {
      await this.#ask(node, "down", [id, reason]);
    } catch {
      void this.#tellAgain(node);
      return false;
    }
    const unheard = this.#unheard.get(node);
    if (unheard?.delete(news) && unheard.size === 0) this.#unheard.delete(node);
    return true;
  }

  /** One piece of news at a time, until the node hears; then all the others. */
  async #tellAgain(node: string): Promise<void> {
    if (this.#deaf.has(node)) return;
    this.#deaf.add(node);
    for (let isHeard = false; !isHeard; ) {
      await pause(AGAIN_MS, undefined, { ref: false });
      const unheard = this.#unheard.get(node) ?? new Set();
      const since = performance.now() - GIVE_UP_MS;
      for (const news of unheard) if (news.since < since) unheard.delete(news);
      const [first] = unheard;
      if (this.#isClosed || !first) break;
      isHeard = await this.#tell(first);
    }
    this.#deaf.delete(node);
    const rest = this.#unheard.get(node);
    if (rest?.size === 0) this.#unheard.delete(node);
    else for (const news of rest ?? []) void this.#tell(news);
  }

  /** Messages between the monitors of two nodes. */
  handle(sender: string, method: string, args: readonly unknown[]): unknown {
    if (method === "down") return this.#hear(sender, ...(args as [number, Reason]));
    const [actor, epoch, id] = args as [string, number, number];
    const instance = this.#ours(actor, epoch);
    if (!instance) {
      // It is about to hear the reason, which says more than that the actor does not exist.
      return [...(this.#unheard.get(sender) ?? [])].some((news) => news.id === id);
    }
    const key = watchersKey(actor, instance.address.epoch);
    const others = (this.#watchers.get(key) ?? []).filter((one) => one.node !== sender || one.id !== id);
    if (method === "watch") others.push({ node: sender, id });
    if (others.length > 0) this.#watchers.set(key, others);
    else this.#watchers.delete(key);
    return true;
  }

  /** What nobody watches any more was heard before, or has been taken back. */
  #hear(node: string, id: number, reason: Reason): void {
    const key = this.#keys.get(id);
    if (key !== undefined && this.#watched.get(key)?.who.node === node) this.#down(key, reason);
  }

  #ours(actor: string, epoch: number | undefined): Instance | undefined {
    const instance = this.#system.local(actor);
    return instance && (!epoch || instance.address.epoch === epoch) ? instance : undefined;
  }

  #down(key: string, reason: Reason): void {
    const watched = this.#watched.get(key);
    if (!watched) return;
    this.#forget(key, watched);
    for (const callback of watched.callbacks) callback(reason);
  }

  #forget(key: string, watched: Watched): void {
    this.#watched.delete(key);
    this.#keys.delete(watched.id);
    watched.unwatchNode();
  }

  close(): void {
    for (const watched of this.#watched.values()) watched.unwatchNode();
    this.#watched.clear();
    this.#keys.clear();
    this.#unheard.clear();
    this.#isClosed = true;
  }
}

function keyOf({ node, actor, epoch = 0 }: Address): string {
  return `${node} ${actor} ${epoch}`;
}

function watchersKey(actor: string, epoch = 0): string {
  return `${actor} ${epoch}`;
}

function monitorsOf(node: string): Address {
  return { node, actor: Monitors.ACTOR };
}

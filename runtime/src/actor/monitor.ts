/** Both ends of monitoring: who of other nodes watches our actors, and whom of other nodes we watch. */
import { setTimeout as pause } from "node:timers/promises";
import { hasCode } from "@bonfire/wire";
import { subject } from "../bus/subject.ts";
import type { Address } from "./address.ts";
import type { Instance } from "./instance.ts";
import { NO_SUCH_ACTOR, type Reason } from "./reason.ts";
import type { ActorSystem, WatchNode } from "./system.ts";

/** After a reconnect the other node's link may take a moment longer than ours. */
const AGAIN_MS = 100;
/** Whoever has been cut off for so long is taken for gone. */
const GIVE_UP_MS = 30_000;

/** News of an actor of ours that has not reached a node yet. */
interface Unsent {
  readonly node: string;
  readonly actor: string;
  readonly epoch: number;
  readonly reason: Reason;
  readonly since: number;
}

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
  /** Actor of ours, with its epoch → nodes to tell when it ends. */
  readonly #watchers = new Map<string, Set<string>>();
  readonly #watched = new Map<string, Watched>();
  readonly #unsent = new Set<Unsent>();
  readonly #stopFollowing: () => void;
  #reconnects = 0;

  constructor(system: ActorSystem, watchNode: WatchNode) {
    this.#system = system;
    this.#watchNode = watchNode;
    this.#stopFollowing = system.bus.onReconnect(() => this.#catchUp());
  }

  watch(who: Address, onDown: (reason: Reason) => void): () => void {
    const key = keyOf(who);
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
      if (who.node !== this.#system.node)
        this.#system.tell(monitorsOf(who.node), "unwatch", argumentsOf(who));
    };
  }

  /** How many watch an actor of ours: callbacks here, and other nodes. */
  watchersOf(who: Address): number {
    const here = [keyOf(who), keyOf({ ...who, epoch: 0 })].map(
      (key) => this.#watched.get(key)?.callbacks.size,
    );
    return (
      (this.#watchers.get(watchersKey(who.actor, who.epoch))?.size ?? 0) + (here[0] ?? 0) + (here[1] ?? 0)
    );
  }

  #watchHere(key: string, who: Address): void {
    if (!this.#ours(who.actor, who.epoch)) queueMicrotask(() => this.#down(key, NO_SUCH_ACTOR));
  }

  #watchThere(key: string, watched: Watched): void {
    const { node } = watched.who;
    watched.unwatchNode = this.#watchNode(node, (detail) => this.#down(key, { kind: "lost", detail }));
    this.#askThere(node, "watch", argumentsOf(watched.who)).then(
      (known) => known || this.#down(key, NO_SUCH_ACTOR),
      // No answer decides nothing: if the node is gone, its presence says so; if our link is down, we ask again.
      (error: unknown) => hasCode(error, "NO_SUCH_ACTOR") && this.#down(key, nodeGone(node)),
    );
  }

  #askThere(node: string, method: "watch" | "down", args: unknown[]): Promise<unknown> {
    return this.#system.ask(monitorsOf(node), method, args);
  }

  /** The link is up again: what was said meanwhile, here or there, was not heard. */
  #catchUp(): void {
    const turn = ++this.#reconnects;
    for (const [key, watched] of this.#watched) {
      const { node } = watched.who;
      if (node === this.#system.node) continue;
      const wanted = () => this.#watched.get(key) === watched;
      this.#insist(turn, node, "watch", argumentsOf(watched.who), wanted).then(
        (known) => known === false && wanted() && this.#down(key, NO_SUCH_ACTOR),
        () => {}, // presence decides, or the next reconnect asks again
      );
    }
    const now = performance.now();
    for (const news of this.#unsent) {
      if (now - news.since > GIVE_UP_MS) this.#unsent.delete(news);
      else this.#tell(turn, news);
    }
  }

  #tell(turn: number, news: Unsent): void {
    const { node, actor, epoch, reason } = news;
    this.#insist(turn, node, "down", [actor, epoch, reason], () => this.#unsent.has(news)).then(
      () => this.#unsent.delete(news),
      () => {}, // kept until the next reconnect
    );
  }

  /** Asks again while nobody listens there, as long as it is wanted and the link holds. */
  async #insist(
    turn: number,
    node: string,
    method: "watch" | "down",
    args: unknown[],
    wanted: () => boolean,
  ): Promise<unknown> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      try {
        return await this.#askThere(node, method, args);
      } catch (error) {
        const again = hasCode(error, "NO_SUCH_ACTOR") && performance.now() < giveUpAt;
        if (!again || !wanted() || turn !== this.#reconnects) throw error;
      }
      await pause(AGAIN_MS, undefined, { ref: false });
    }
  }

  /** An actor of ours ended: tell its watchers here and elsewhere. */
  ended({ node, actor, epoch = 0 }: Address, reason: Reason): void {
    this.#downs(node, actor, epoch, reason);
    const key = watchersKey(actor, epoch);
    const nodes = this.#watchers.get(key);
    this.#watchers.delete(key);
    for (const node of nodes ?? []) {
      if (this.#system.bus.link.up) {
        this.#system.tell(monitorsOf(node), "down", [actor, epoch, reason]);
      } else {
        this.#unsent.add({ node, actor, epoch, reason, since: performance.now() });
      }
    }
  }

  /** Messages between the monitors of two nodes. */
  handle(sender: string, method: string, args: readonly unknown[]): unknown {
    const [actor, epoch] = args as [string, number];
    if (method === "down") return this.#downs(sender, actor, epoch, args[2] as Reason);
    const instance = this.#ours(actor, epoch);
    if (!instance) {
      // It is about to hear the reason, which says more than that the actor does not exist.
      return [...this.#unsent].some((news) => news.node === sender && news.actor === actor);
    }
    const key = watchersKey(actor, instance.address.epoch);
    const nodes = this.#watchers.get(key) ?? new Set();
    if (method === "watch") this.#watchers.set(key, nodes.add(sender));
    else if (nodes.delete(sender) && nodes.size === 0) this.#watchers.delete(key);
    return true;
  }

  #ours(actor: string, epoch: number | undefined): Instance | undefined {
    const instance = this.#system.local(actor);
    return instance && (!epoch || instance.address.epoch === epoch) ? instance : undefined;
  }

  /** Those who watch this very actor, and those who watch whoever has the name. */
  #downs(node: string, actor: string, epoch: number, reason: Reason): void {
    this.#down(keyOf({ node, actor, epoch }), reason);
    this.#down(keyOf({ node, actor }), reason);
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
    this.#unsent.clear();
    this.#reconnects++;
    this.#stopFollowing();
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

/** What names an actor of another node to that node's monitors. */
function argumentsOf({ actor, epoch = 0 }: Address): unknown[] {
  return [actor, epoch];
}

function nodeGone(node: string): Reason {
  return { kind: "lost", detail: `nobody answers as ${subject.mail(node, "…")}` };
}

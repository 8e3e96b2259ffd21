/** The nodes that asks wait for, each watched, so that an ask does not wait for one that is gone. */
import { BonfireError } from "@bonfire/wire";
import type { Ask } from "./ask.ts";
import type { WatchNode } from "./system.ts";

/** A node that nobody has asked for so long is not watched any more. */
const IDLE_MS = 30_000;

export class Peer {
  readonly asks = new Set<Ask>();
  unwatch: () => void = () => undefined;
  isUsed = true;
}

export class Peers {
  readonly #watchNode: WatchNode;
  readonly #onLost: (ask: Ask, error: BonfireError) => void;
  readonly #peers = new Map<string, Peer>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(watchNode: WatchNode, onLost: (ask: Ask, error: BonfireError) => void) {
    this.#watchNode = watchNode;
    this.#onLost = onLost;
  }

  add(node: string, ask: Ask): void {
    const peer = this.#peers.get(node) ?? this.#begin(node);
    peer.isUsed = true;
    peer.asks.add(ask);
    ask.peer = peer;
  }

  #begin(node: string): Peer {
    const peer = new Peer();
    this.#peers.set(node, peer);
    peer.unwatch = this.#watchNode(node, (detail) => {
      this.#peers.delete(node);
      for (const ask of peer.asks) {
        this.#onLost(
          ask,
          new BonfireError(
            "ACTOR_LOST",
            `Actor ${ask.place.actor} on ${node} is gone: ${detail}; whether it handled "${ask.method}" is not known`,
          ),
        );
      }
    });
    this.#sweep ??= setInterval(() => this.#forgetIdle(), IDLE_MS).unref();
    return peer;
  }

  #forgetIdle(): void {
    for (const [node, peer] of this.#peers) {
      if (peer.asks.size === 0 && !peer.isUsed) {
        this.#peers.delete(node);
        peer.unwatch();
      }
      peer.isUsed = false;
    }
    if (this.#peers.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  close(): void {
    clearInterval(this.#sweep);
    for (const peer of this.#peers.values()) peer.unwatch();
    this.#peers.clear();
  }
}

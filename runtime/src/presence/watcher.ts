/** Watches other nodes' presence and says once when one is gone. The rules are in judge.ts. */
import type { Bus, Subscription } from "../bus/bus.ts";
import { Question } from "../bus/inbox.ts";
import { machineOf } from "../bus/node-kind.ts";
import { subject } from "../bus/subject.ts";
import { judge } from "./judge.ts";
import type { Timing } from "./timing.ts";

const NOTHING = new Uint8Array(0);
/** The names in a disconnect notice: a node's own connection, or another one that it holds. */
const NAMES = /"name":\s*"([\w-]+?)(?:-presence|-bulk)?"/g;

interface Watched {
  readonly node: string;
  readonly callbacks: Set<(detail: string) => void>;
  readonly subscriptions: Subscription[];
  seen: number;
  nobodySince: number | undefined;
  probing: boolean;
}

export class Watcher {
  readonly #bus: Bus;
  readonly #timing: Timing;
  readonly #watched = new Map<string, Watched>();
  readonly #hints: Subscription;
  #timer: NodeJS.Timeout | undefined;
  #lastTick = 0;
  #distrustUntil = 0;

  constructor(bus: Bus, timing: Timing) {
    this.#bus = bus;
    this.#timing = timing;
    this.#hints = bus.subscribe(subject.disconnects, (message) => this.#hint(message.string()));
  }

  /** Calls `onGone` once when `node` is gone. Returns the way to stop watching. */
  readonly watch = (node: string, onGone: (detail: string) => void): (() => void) => {
    const watched = this.#watched.get(node) ?? this.#begin(node);
    watched.callbacks.add(onGone);
    return () => {
      watched.callbacks.delete(onGone);
      if (watched.callbacks.size === 0 && this.#watched.get(node) === watched) this.#end(watched);
    };
  };

  /** Something says that `node` may be gone; it is asked at once. A suspicion alone never ends anything. */
  suspect(node: string): void {
    const watched = this.#watched.get(node);
    if (watched) this.#probe(watched);
  }

  close(): void {
    this.#hints.unsubscribe();
    for (const watched of this.#watched.values()) this.#end(watched);
  }

  #begin(node: string): Watched {
    const watched: Watched = {
      node,
      callbacks: new Set(),
      subscriptions: [],
      seen: performance.now(),
      nobodySince: undefined,
      probing: false,
    };
    watched.subscriptions.push(
      this.#bus.subscribe(subject.beat(node), () => seen(watched)),
      this.#bus.subscribe(subject.bye(node), (message) =>
        this.#gone(watched, message.string() || "it said goodbye"),
      ),
    );
    this.#watched.set(node, watched);
    if (!this.#timer) {
      this.#lastTick = performance.now();
      this.#timer = setInterval(() => this.#tick(), this.#timing.beat / 2);
    }
    // It may be gone already.
    this.#probe(watched);
    return watched;
  }

  #end(watched: Watched): void {
    this.#watched.delete(watched.node);
    for (const subscription of watched.subscriptions) subscription.unsubscribe();
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #gone(watched: Watched, detail: string): void {
    if (this.#watched.get(watched.node) !== watched) return;
    this.#end(watched);
    for (const callback of watched.callbacks) callback(detail);
  }

  #tick(): void {
    const now = performance.now();
    if (now - this.#lastTick > this.#timing.beat * 1.5) this.#distrustUntil = now + 2 * this.#timing.beat;
    this.#lastTick = now;
    for (const watched of this.#watched.values()) this.#consider(watched, now);
  }

  #consider(watched: Watched, now: number): void {
    const { up, since } = this.#bus.link;
    const facts = { now, linkUp: up, linkSince: since, distrustUntil: this.#distrustUntil };
    const verdict = judge({ ...facts, seen: watched.seen, nobodySince: watched.nobodySince }, this.#timing);
    if (verdict.kind === "gone") this.#gone(watched, verdict.detail);
    else if (verdict.kind === "suspect") this.#probe(watched);
  }

  #probe(watched: Watched): void {
    if (watched.probing || !this.#bus.link.up) return;
    watched.probing = true;
    const { probe } = this.#timing;
    const again = (outcome: "answered" | "nobody" | "silent") => {
      watched.probing = false;
      if (this.#watched.get(watched.node) !== watched) return;
      if (outcome === "answered") return seen(watched);
      const now = performance.now();
      if (outcome === "nobody") watched.nobodySince ??= now;
      else watched.nobodySince = undefined;
      this.#consider(watched, now);
      // Only an answer ends a suspicion: the hint that began it may come before its connection for beats is closed.
      if (this.#watched.get(watched.node) === watched) this.#probe(watched);
    };
    const question = new Probe((outcome) => {
      // An answer ends the suspicion now; anything else is asked again after a pause.
      if (outcome === "answered") again(outcome);
      else setTimeout(() => again(outcome), probe);
    });
    this.#bus.ask(subject.ping(watched.node), NOTHING, question, probe);
  }

  #hint(text: string): void {
    for (const [, name] of text.matchAll(NAMES)) {
      const machine = machineOf(name as string);
      for (const { node } of this.#watched.values()) if (machineOf(node) === machine) this.suspect(node);
    }
  }
}

function seen(watched: Watched): void {
  watched.seen = performance.now();
  watched.nobodySince = undefined;
}

class Probe extends Question {
  readonly #done: (outcome: "answered" | "nobody" | "silent") => void;

  constructor(done: (outcome: "answered" | "nobody" | "silent") => void) {
    super();
    this.#done = done;
  }

  onReply(): void {
    this.#done("answered");
  }

  onNobody(): void {
    this.#done("nobody");
  }

  onExpire(): void {
    this.#done("silent");
  }
}

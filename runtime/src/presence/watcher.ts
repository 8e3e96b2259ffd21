/** Watches other nodes' presence and says once when one is gone. The rules are in judge.ts. */
import type { Bus, Subscription } from "../bus/bus.ts";
import { Question } from "../bus/inbox.ts";
import { machineOf } from "../bus/node-kind.ts";
import { subject } from "../bus/subject.ts";
import { leaseOf } from "./beater.ts";
import { judge } from "./judge.ts";
import type { Timing } from "./timing.ts";

const NOTHING = new Uint8Array(0);
/** The names of connections in a disconnect notice. */
const NAMES = /"name":\s*"([\w-]+)"/g;
/** The least time between two looks at who is due. */
const LOOK_MS = 50;

export interface WatcherOptions {
  /** Whether a node that was taken for gone is told so when it is heard again. Default false. */
  readonly fences?: boolean;
  /** Called with each beat of a node that is watched. */
  readonly onBeat?: () => void;
}

interface Watched {
  readonly node: string;
  readonly onGone: (detail: string) => void;
  readonly subscriptions: readonly Subscription[];
  seen: number;
  lease: number;
  nobodySince: number | undefined;
  /** When a probe last met nobody. */
  nobodyAt: number;
  unansweredAt: number;
  probing: boolean;
}

export class Watcher {
  readonly #bus: Bus;
  readonly #timing: Timing;
  readonly #fences: boolean;
  readonly #onBeat: () => void;
  readonly #watched = new Map<string, Watched>();
  /** The ways to listen no more to nodes that were taken for gone. */
  readonly #stopFencing = new Set<() => void>();
  readonly #hints: Subscription;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is due, and when it was set. */
  #due = 0;
  #lookedAt = 0;
  #distrustUntil = 0;

  constructor(bus: Bus, timing: Timing, { fences = false, onBeat = () => {} }: WatcherOptions = {}) {
    this.#bus = bus;
    this.#timing = timing;
    this.#fences = fences;
    this.#onBeat = onBeat;
    this.#hints = bus.subscribe(subject.disconnects, (message) => this.#hint(message.string()));
  }

  /** Calls `onGone` once when `node` is gone. A node is watched once at a time. */
  watch(node: string, onGone: (detail: string) => void): void {
    const watched: Watched = {
      node,
      onGone,
      subscriptions: [
        this.#bus.subscribe(subject.beat(node), ({ data }) => this.#beaten(watched, leaseOf(data))),
        this.#bus.subscribe(subject.bye(node), (message) =>
          this.#gone(watched, message.string() || "it said goodbye"),
        ),
      ],
      seen: performance.now(),
      lease: 0,
      nobodySince: undefined,
      nobodyAt: 0,
      unansweredAt: 0,
      probing: false,
    };
    this.#watched.set(node, watched);
    if (!this.#timer) this.#lookLater(this.#timing.suspectAfter);
    // It may be gone already.
    this.#probe(watched);
  }

  unwatch(node: string): void {
    const watched = this.#watched.get(node);
    if (watched) this.#end(watched);
  }

  close(): void {
    this.#hints.unsubscribe();
    for (const watched of this.#watched.values()) this.#end(watched);
    for (const stop of this.#stopFencing) stop();
  }

  #end(watched: Watched): void {
    this.#watched.delete(watched.node);
    for (const subscription of watched.subscriptions) subscription.unsubscribe();
    if (this.#watched.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #gone(watched: Watched, detail: string): void {
    if (this.#watched.get(watched.node) !== watched) return;
    this.#end(watched);
    watched.onGone(detail);
  }

  #heard(watched: Watched, lease: number): void {
    watched.seen = performance.now();
    watched.lease = lease;
    watched.nobodySince = undefined;
  }

  /** While beats come in, looks are taken on the occasion, and no timer wakes this thread for them. */
  #beaten(watched: Watched, lease: number): void {
    this.#heard(watched, lease);
    this.#onBeat();
    if (watched.seen - this.#lookedAt > this.#timing.beat / 2) this.#look();
  }

  /** Looks at everyone, and again when the one that has been silent for longest may have become a suspect. */
  #look(): void {
    const now = performance.now();
    const { beat, suspectAfter } = this.#timing;
    if (now - this.#due > beat) this.#distrustUntil = now + 2 * beat;
    let oldest = now;
    for (const watched of this.#watched.values()) {
      this.#consider(watched, now);
      oldest = Math.min(oldest, watched.seen);
    }
    if (this.#watched.size > 0) this.#lookLater(Math.max(LOOK_MS, oldest + suspectAfter + 1 - now));
  }

  #lookLater(ms: number): void {
    clearTimeout(this.#timer);
    this.#lookedAt = performance.now();
    this.#due = this.#lookedAt + ms;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #consider(watched: Watched, now: number): void {
    const { seen, lease, nobodySince, unansweredAt } = watched;
    const { up: linkUp, since: linkSince, hasBroken: linkHasBroken } = this.#bus.link;
    const distrustUntil = this.#distrustUntil;
    const facts = {
      now,
      seen,
      lease,
      nobodySince,
      unansweredAt,
      linkUp,
      linkSince,
      linkHasBroken,
      distrustUntil,
    };
    const verdict = judge(facts, this.#timing);
    if (verdict.kind === "gone") this.#judgedGone(watched, verdict.detail);
    else if (verdict.kind === "suspect") this.#probe(watched);
  }

  #judgedGone(watched: Watched, detail: string): void {
    if (this.#fences) this.#fence(watched.node, detail);
    this.#gone(watched, detail);
  }

  /** A node that was taken for gone, and is heard all the same, is told, as what others believe must become true. */
  #fence(node: string, detail: string): void {
    const stop = () => {
      clearTimeout(timer);
      beats.unsubscribe();
      this.#stopFencing.delete(stop);
    };
    const beats = this.#bus.subscribe(subject.beat(node), () => {
      stop();
      if (this.#bus.link.up) this.#bus.publish(subject.fenced(node), new TextEncoder().encode(detail));
    });
    // By then it has taken everyone else for gone.
    const timer = setTimeout(stop, this.#timing.natsGrace + this.#timing.lease);
    this.#stopFencing.add(stop);
  }

  #probe(watched: Watched): void {
    if (watched.probing || !this.#bus.link.up) return;
    watched.probing = true;
    const { probe } = this.#timing;
    const question = new Probe((outcome) => {
      if (this.#watched.get(watched.node) !== watched) return;
      const now = performance.now();
      this.#note(watched, outcome, now);
      if (outcome === "answered") {
        watched.probing = false;
        return;
      }
      this.#consider(watched, now);
      setTimeout(() => {
        watched.probing = false;
        if (this.#watched.get(watched.node) === watched) this.#consider(watched, performance.now());
      }, probe);
    });
    this.#bus.ask(subject.ping(watched.node), NOTHING, question, probe);
  }

  #note(watched: Watched, outcome: Outcome, now: number): void {
    if (outcome === "answered") return this.#heard(watched, watched.lease);
    if (outcome === "silent") {
      watched.nobodySince = undefined;
      watched.unansweredAt = now;
      return;
    }
    // We may have slept between two probes, and the node may have been there meanwhile: that is a break.
    const isUnbroken = watched.nobodySince !== undefined && now - watched.nobodyAt < this.#timing.nobody / 2;
    if (!isUnbroken) watched.nobodySince = now;
    watched.nobodyAt = now;
  }

  /** One connection of a machine is gone: each node there may be. */
  #hint(text: string): void {
    const machines = new Set(Array.from(text.matchAll(NAMES), ([, name]) => machineOf(name as string)));
    for (const watched of this.#watched.values()) {
      if (machines.has(machineOf(watched.node))) this.#probe(watched);
    }
  }
}

type Outcome = "answered" | "nobody" | "silent";

class Probe extends Question {
  readonly #done: (outcome: Outcome) => void;

  constructor(done: (outcome: Outcome) => void) {
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

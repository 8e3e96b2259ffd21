/** Says that nodes live: beats, answers probes, says goodbye, and hears when they were taken for gone. */
import type { Bus, Subscription } from "../bus/bus.ts";
import { subject } from "../bus/subject.ts";
import type { Timing } from "./timing.ts";

const NOTHING = new Uint8Array(0);
/** A node that hears another's beat beats too if so much of its own time is over. */
const EARLY = 0.7;

export class Beater {
  readonly #bus: Bus;
  readonly #lease: number;
  readonly #beat: Uint8Array;
  readonly #onFenced: (node: string, detail: string) => void;
  readonly #nodes = new Map<string, Subscription[]>();
  readonly #timer: NodeJS.Timeout;
  readonly #early: number;
  readonly #stopFollowing: () => void;
  #beatAt = 0;
  #fencedAt = Number.NEGATIVE_INFINITY;

  /** `onFenced`: another driver has taken a node for gone. */
  constructor(bus: Bus, timing: Timing, onFenced: (node: string, detail: string) => void) {
    this.#bus = bus;
    this.#lease = timing.lease;
    this.#beat = new Uint8Array(4);
    new DataView(this.#beat.buffer).setUint32(0, timing.lease, true);
    this.#onFenced = onFenced;
    this.#early = EARLY * timing.beat;
    this.#timer = setInterval(() => this.#lead(), timing.beat);
    // Whoever wondered meanwhile need not wonder any longer.
    this.#stopFollowing = bus.onReconnect(() => this.#beatAll());
  }

  /** From now on `node` lives. */
  add(node: string): void {
    if (this.#nodes.has(node)) return;
    this.#nodes.set(node, [
      this.#bus.subscribe(subject.ping(node), (message) => message.respond(NOTHING)),
      this.#bus.subscribe(subject.fenced(node), (message) => this.#fenced(node, message.string())),
    ]);
    this.#say(node);
  }

  /** Whoever watches `node` knows at once that it is gone; `detail` says why, if that is of use. */
  remove(node: string, detail = ""): void {
    const subscriptions = this.#nodes.get(node);
    if (!subscriptions) return;
    this.#nodes.delete(node);
    // Whoever missed the goodbye asks, and must not be told that it lives.
    for (const subscription of subscriptions) subscription.unsubscribe();
    if (this.#bus.link.up) this.#bus.publish(subject.bye(node), new TextEncoder().encode(detail));
  }

  /**
   * A node that is watched from here has just beaten. Nodes that watch each other so beat together, and a thread is
   * woken once for both: being woken is most of what presence costs.
   */
  answer(): void {
    if (performance.now() - this.#beatAt < this.#early) return;
    this.#timer.refresh();
    this.#beatAll();
  }

  /** Nobody has beaten before: perhaps nothing gets through to here. */
  #lead(): void {
    this.#beatAll();
    this.#bus.checkLink();
  }

  /** Each driver that took it for gone says so; it begins anew once. */
  #fenced(node: string, detail: string): void {
    const now = performance.now();
    if (now - this.#fencedAt > this.#lease) this.#onFenced(node, detail);
    this.#fencedAt = now;
  }

  /** Says goodbye for all. */
  close(detail?: string): void {
    clearInterval(this.#timer);
    this.#stopFollowing();
    for (const node of [...this.#nodes.keys()]) this.remove(node, detail);
  }

  #beatAll(): void {
    this.#beatAt = performance.now();
    for (const node of this.#nodes.keys()) this.#say(node);
  }

  #say(node: string): void {
    if (this.#bus.link.up) this.#bus.publish(subject.beat(node), this.#beat);
  }
}

/** For how many ms a node says that it may be silent; 0 if it does not say. */
export function leaseOf(beat: Uint8Array): number {
  return beat.length < 4 ? 0 : new DataView(beat.buffer, beat.byteOffset, beat.byteLength).getUint32(0, true);
}

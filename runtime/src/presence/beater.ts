/** Says that nodes live: beats, answers probes, says goodbye, and hears when they were taken for gone. */
import type { Bus, Subscription } from "../bus/bus.ts";
import { subject } from "../bus/subject.ts";
import type { Timing } from "./timing.ts";

const NOTHING = new Uint8Array(0);

export class Beater {
  readonly #bus: Bus;
  readonly #lease: number;
  readonly #beat: Uint8Array;
  readonly #onFenced: (node: string, detail: string) => void;
  readonly #nodes = new Map<string, Subscription[]>();
  readonly #timer: NodeJS.Timeout;
  readonly #stopFollowing: () => void;
  #fencedAt = Number.NEGATIVE_INFINITY;

  /** `onFenced`: another driver has taken a node for gone. */
  constructor(bus: Bus, timing: Timing, onFenced: (node: string, detail: string) => void) {
    this.#bus = bus;
    this.#lease = timing.lease;
    this.#beat = new Uint8Array(4);
    new DataView(this.#beat.buffer).setUint32(0, timing.lease, true);
    this.#onFenced = onFenced;
    this.#timer = setInterval(() => this.#beatAll(), timing.beat);
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

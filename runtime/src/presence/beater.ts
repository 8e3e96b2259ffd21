import type { Bus, Subscription } from "../bus/bus.ts";
import { subject } from "../bus/subject.ts";
import type { Timing } from "./timing.ts";

const NOTHING = new Uint8Array(0);

/** Says that a node lives: beats, answers probes, and says goodbye. */
export class Beater {
  readonly #bus: Bus;
  readonly #node: string;
  readonly #timer: NodeJS.Timeout;
  readonly #pings: Subscription;

  /** `bus` may be the node's own, or one of another thread that speaks for it. */
  constructor(bus: Bus, node: string, timing: Timing) {
    this.#bus = bus;
    this.#node = node;
    this.#pings = bus.subscribe(subject.ping(node), (message) => message.respond(NOTHING));
    const beat = () => bus.link.up && bus.publish(subject.beat(node), NOTHING);
    beat();
    this.#timer = setInterval(beat, timing.beat);
  }

  /** Whoever watches this node knows at once that it is gone, and why if `detail` says so. */
  async bye(detail = ""): Promise<void> {
    clearInterval(this.#timer);
    // Whoever missed the goodbye asks, and must not be told that it lives.
    this.#pings.unsubscribe();
    if (!this.#bus.link.up) return;
    this.#bus.publish(subject.bye(this.#node), new TextEncoder().encode(detail));
    await this.#bus.flush();
  }
}

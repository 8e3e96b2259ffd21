/** A history as the rules look at it. */
import { type Ending, type Event, nodeOf, type Of } from "./event.ts";

/** A process that was away for less is not taken for gone: presence wants 1.5 s, and links take a moment to be back. */
const EXCUSED_MS = 1_000;
/** How long after a healing the verdicts of the time before may still arrive. */
const AFTERMATH_MS = 3_000;

interface Disturbance {
  readonly node: string;
  readonly from: number;
  /** Infinity while it lasts. */
  readonly until: number;
}

export interface End {
  readonly at: number;
  readonly reason: Ending;
}

export class Facts {
  readonly history: readonly Event[];
  readonly #ends = new Map<string, End>();
  readonly #killed = new Map<string, number>();
  /** By the nodes of actors on executors: the processes that started them. */
  readonly #drivers = new Map<string, string>();
  readonly #disturbances: Disturbance[] = [];

  constructor(history: readonly Event[]) {
    this.history = history;
    const started = this.of("started");
    for (const { place, driver } of started) if (driver) this.#drivers.set(nodeOf(place), driver);
    for (const { node, at } of this.of("killed")) {
      this.#killed.set(node, at);
      for (const { place } of started) {
        const one = nodeOf(place);
        const isIn = (node.endsWith("-") && one.startsWith(node)) || this.#drivers.get(one) === node;
        if (isIn && !this.#killed.has(one)) this.#killed.set(one, at);
      }
    }
    for (const { place, at, reason } of this.of("ended"))
      if (!this.#ends.has(place)) this.#ends.set(place, { at, reason });
    const healed = this.of("healed");
    for (const { node, at } of this.of("disturbed")) {
      const until =
        healed.find((heal) => heal.node === node && heal.at >= at)?.at ?? Number.POSITIVE_INFINITY;
      this.#disturbances.push({ node, from: at, until });
    }
  }

  of<K extends Event["kind"]>(...kinds: K[]): Of<K>[] {
    return this.history.filter(({ kind }) => (kinds as string[]).includes(kind)) as Of<K>[];
  }

  /** When, and as what, the actor ended; undefined while it lives. */
  end(place: string): End | undefined {
    const ended = this.#ends.get(place);
    if (ended) return ended;
    const at = this.#killed.get(nodeOf(place));
    return at === undefined ? undefined : { at, reason: "lost" };
  }

  killed(node: string): number | undefined {
    return this.#killed.get(node);
  }

  /** The process that started the actor of this node on an executor; undefined for others. */
  driver(node: string): string | undefined {
    return this.#drivers.get(node);
  }

  /** Whether a message between these nodes may have been lost in this time. */
  disturbed(nodes: readonly string[], from: number, to: number): boolean {
    return this.#of(nodes).some((one) => one.from <= to && one.until + AFTERMATH_MS >= from);
  }

  /** Whether one of the nodes was away for so long that others may take it for gone. */
  excused(nodes: readonly string[], from: number, to: number): boolean {
    return this.#of(nodes).some(
      (one) =>
        one.from <= to && one.until + AFTERMATH_MS >= from && Math.min(one.until, to) - one.from > EXCUSED_MS,
    );
  }

  /** The last moment at which something kept these nodes from hearing of each other; at least `from`. */
  undisturbedSince(nodes: readonly string[], from: number): number {
    return Math.max(from, ...this.#of(nodes).map(({ until }) => until));
  }

  #of(nodes: readonly string[]): Disturbance[] {
    return this.#disturbances.filter(({ node }) => node === "*" || nodes.includes(node));
  }
}

/** What a rule finds. `owed` may still come; `broken` is for ever. */
export interface Findings {
  readonly broken: string[];
  readonly owed: string[];
}

export type Rule = (facts: Facts, bounds: Bounds) => Findings;

/** In milliseconds, from the last disturbance on. */
export interface Bounds {
  /** From the end of an actor to the news of it. */
  readonly ended: number;
  /** The same if its process was killed. */
  readonly lost: number;
}

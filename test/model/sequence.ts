/** One run of commands: the actors that it made, what was written down of them, and whether that is as it must be. */
import { setTimeout as pause } from "node:timers/promises";
import { check } from "./check.ts";
import { type Cluster, PLACES } from "./cluster.ts";
import type { Event } from "./event.ts";
import { type Bounds, Facts } from "./facts.ts";
import type { Place } from "./place.ts";
import { downTimes } from "./rules/downs.ts";
import { successions } from "./rules/names.ts";

/**
 * What silence for the whole lease takes, and the two beats for which a process that was held up judges nobody: on a busy
 * machine that may happen to any one. That it is the exception is seen from the figures of all (see model.test.ts).
 */
const BOUNDS: Bounds = { ended: 5_000, lost: 8_000 };
/** What is owed and has not come by now never will. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 5;

export class Sequence {
  readonly cluster: Cluster;
  readonly #id: string;
  readonly #history: readonly Event[];
  /** By the names that all processes know. */
  readonly actors: string[] = [];
  readonly supervised: { readonly key: string; readonly by: Place }[] = [];
  readonly monitors: { readonly monitor: string; readonly place: Place }[] = [];
  readonly #titles = new Set<string>();
  #made = 0;

  constructor(cluster: Cluster, id: string) {
    this.cluster = cluster;
    this.#id = id;
    this.#history = cluster.open(id);
  }

  /** A new key that belongs to this sequence. */
  key(letter: string): string {
    return `${this.#id}/${letter}${++this.#made}`;
  }

  /** A name of the cluster that its actors want. */
  title(index: number): string {
    const title = `${this.#id}/title${index}`;
    this.#titles.add(title);
    return title;
  }

  /** A name that several of its actors may have, one after the other. */
  name(index: number): string {
    return `${this.#id}/name${index}`;
  }

  place(index: number): Promise<Place> {
    return this.cluster.place(index);
  }

  get times(): { lost: boolean; ms: number }[] {
    return downTimes(new Facts(this.#history));
  }

  /** How often a name that was acted under went to another actor, which did so too. */
  get successions(): number {
    return successions(new Facts(this.#history));
  }

  /** How often a cell or an executor was ended. */
  get strikes(): number {
    return new Facts(this.#history).of("killed", "drained").filter(({ node }) => node.endsWith("-")).length;
  }

  /** Waits for everything that is owed, ends all actors, and resolves with what was not as it must be. */
  async finish(): Promise<string[]> {
    const { cluster } = this;
    await cluster.calm();
    await this.#owed();
    for (const { key, by } of this.supervised) {
      if (!cluster.alive.includes(by)) continue;
      for (let index = 0; index < PLACES; index++) {
        const how = { asks: true, any: true, slow: false, must: true, count: 1 } as const;
        await (await this.place(index)).obey({ kind: "send", key, ...how });
      }
    }
    await this.#owed();
    await Promise.all(cluster.alive.map((place) => place.obey({ kind: "clear", sequence: this.#id })));
    const owed = await this.#owed();
    // Whatever was said before has arrived when these have.
    await cluster.calm();
    const left = await this.#left();
    const { broken } = check(this.#history, BOUNDS);
    const alive = left.map((what) => `left behind: ${what}`);
    cluster.end(this.#id);
    cluster.requireWell();
    return [...broken, ...owed.map((what) => `never came: ${what}`), ...alive];
  }

  /** What is left behind. Names of processes that were killed are so for a while, as are slots whose word is on its way. */
  async #left(): Promise<string[]> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      const names = [...this.#titles];
      const look = { kind: "left", sequence: this.#id, names } as const;
      const left = await Promise.all(this.cluster.alive.map((place) => place.obey(look)));
      if (left.flat().length === 0 || performance.now() > giveUpAt) return left.flat() as string[];
      await pause(LOOK_MS);
    }
  }

  /** Resolves when nothing is owed, or when it is too late for what is. */
  async #owed(): Promise<string[]> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      const { owed } = check(this.#history, BOUNDS);
      if (owed.length === 0 || performance.now() > giveUpAt) return owed;
      await pause(LOOK_MS);
    }
  }

  /** For whoever looks for the reason of a failure. */
  toString(): string {
    const start = this.#history[0]?.at ?? 0;
    return this.#history
      .map(
        ({ at, kind, ...facts }) => `${(at - start).toFixed(1).padStart(9)} ${kind} ${JSON.stringify(facts)}`,
      )
      .join("\n");
  }
}

import fc from "fast-check";
import { type Command, type Model, pick } from "../command.ts";
import type { Sequence } from "../sequence.ts";

/** A process monitors an actor. */
class Monitor implements Command {
  readonly #actor: number;
  readonly #at: number;

  constructor(actor: number, at: number) {
    this.#actor = actor;
    this.#at = at;
  }

  check({ actors }: Readonly<Model>): boolean {
    return actors > 0;
  }

  async run(model: Model, sequence: Sequence): Promise<void> {
    model.monitors++;
    const monitor = sequence.key("m");
    const place = await sequence.place(this.#at);
    sequence.monitors.push({ monitor, place });
    await place.obey({ kind: "monitor", key: pick(sequence.actors, this.#actor), monitor });
  }

  toString(): string {
    return `monitor(actor ${this.#actor} from ${this.#at})`;
  }
}

/** It takes that back. */
class Unmonitor implements Command {
  readonly #monitor: number;

  constructor(monitor: number) {
    this.#monitor = monitor;
  }

  check({ monitors }: Readonly<Model>): boolean {
    return monitors > 0;
  }

  async run(_model: Model, sequence: Sequence): Promise<void> {
    const { monitor, place } = pick(sequence.monitors, this.#monitor);
    await place.obey({ kind: "unmonitor", monitor });
  }

  toString(): string {
    return `unmonitor(${this.#monitor})`;
  }
}

/** An actor monitors another one. */
class Watch implements Command {
  readonly #one: number;
  readonly #other: number;
  readonly #at: number;

  constructor(one: number, other: number, at: number) {
    this.#one = one;
    this.#other = other;
    this.#at = at;
  }

  check({ actors }: Readonly<Model>): boolean {
    return actors > 0;
  }

  async run(_model: Model, sequence: Sequence): Promise<void> {
    const place = await sequence.place(this.#at);
    const [one, other] = [pick(sequence.actors, this.#one), pick(sequence.actors, this.#other)];
    await place.obey({ kind: "watch", one, other, monitor: sequence.key("m") });
  }

  toString(): string {
    return `watch(actor ${this.#other} by actor ${this.#one}, told from ${this.#at})`;
  }
}

export const monitor = fc.tuple(fc.nat(5), fc.nat(2)).map((args) => new Monitor(...args));
export const unmonitor = fc.nat(5).map((index) => new Unmonitor(index));
export const watch = fc.tuple(fc.nat(5), fc.nat(5), fc.nat(2)).map((args) => new Watch(...args));

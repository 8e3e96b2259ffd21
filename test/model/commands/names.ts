import fc from "fast-check";
import { type Command, type Model, pick } from "../command.ts";
import type { Sequence } from "../sequence.ts";

/** Starts an actor that has to have a name, for which it may wait. */
class SpawnNamed implements Command {
  readonly #at: number;
  readonly #title: number;
  readonly #wait: number;

  constructor(at: number, title: number, wait: number) {
    this.#at = at;
    this.#title = title;
    this.#wait = wait;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, sequence: Sequence): Promise<void> {
    model.actors++;
    const key = sequence.key("a");
    sequence.actors.push(key);
    const place = await sequence.place(this.#at);
    const name = sequence.title(this.#title);
    await place.obey({ kind: "spawnNamed", key, name, wait: this.#wait });
  }

  toString(): string {
    return `spawnNamed(title ${this.#title} at ${this.#at}, waits ${this.#wait} ms)`;
  }
}

/** Gives a name to an actor, which may be another process's. */
class Register implements Command {
  readonly #actor: number;
  readonly #at: number;
  readonly #title: number;
  readonly #wait: number;

  constructor(actor: number, at: number, title: number, wait: number) {
    this.#actor = actor;
    this.#at = at;
    this.#title = title;
    this.#wait = wait;
  }

  check({ actors }: Readonly<Model>): boolean {
    return actors > 0;
  }

  async run(_model: Model, sequence: Sequence): Promise<void> {
    const place = await sequence.place(this.#at);
    const key = pick(sequence.actors, this.#actor);
    await place.obey({ kind: "register", key, name: sequence.title(this.#title), wait: this.#wait });
  }

  toString(): string {
    return `register(actor ${this.#actor} as title ${this.#title} from ${this.#at}, waits ${this.#wait} ms)`;
  }
}

/** Takes a name back, or looks who has it. */
class Look implements Command {
  readonly #kind: "release" | "whereis";
  readonly #at: number;
  readonly #title: number;

  constructor(kind: "release" | "whereis", at: number, title: number) {
    this.#kind = kind;
    this.#at = at;
    this.#title = title;
  }

  check(): boolean {
    return true;
  }

  async run(_model: Model, sequence: Sequence): Promise<void> {
    const place = await sequence.place(this.#at);
    await place.obey({ kind: this.#kind, name: sequence.title(this.#title) });
  }

  toString(): string {
    return `${this.#kind}(title ${this.#title} from ${this.#at})`;
  }
}

/** Asks or tells whoever has a name. */
class SendNamed implements Command {
  readonly #at: number;
  readonly #title: number;
  readonly #count: number;
  readonly #asks: boolean;

  constructor(at: number, title: number, count: number, asks: boolean) {
    this.#at = at;
    this.#title = title;
    this.#count = count;
    this.#asks = asks;
  }

  check(): boolean {
    return true;
  }

  async run(_model: Model, sequence: Sequence): Promise<void> {
    const place = await sequence.place(this.#at);
    const name = sequence.title(this.#title);
    const how = { count: this.#count, asks: this.#asks, any: true, slow: false } as const;
    await place.obey({ kind: "send", key: name, name, ...how });
  }

  toString(): string {
    return `${this.#asks ? "ask" : "tell"}Named(${this.#count} from ${this.#at} to title ${this.#title})`;
  }
}

const at = fc.nat(2);
/** In which whoever has a name acts under it. */
const ACTING_MS = 60;
/** Few, so that actors want the same. */
const title = fc.nat(1);
const wait = fc.constantFrom(0, 0, 3_000);

export const spawnNamed = fc.tuple(at, title, wait).map((args) => new SpawnNamed(...args));
export const register = fc.tuple(fc.nat(5), at, title, wait).map((args) => new Register(...args));
export const whereis = fc.tuple(fc.constant("whereis" as const), at, title).map((args) => new Look(...args));
export const release = fc.tuple(fc.constant("release" as const), at, title).map((args) => new Look(...args));
export const sendNamed = fc
  .tuple(at, title, fc.constantFrom(1, 2, 5), fc.boolean())
  .map((args) => new SendNamed(...args));

/**
 * One that has a name is away for longer than that lasts, with messages on their way to it. Another, which waits for the
 * name, gets it and acts under it; soon the first one is back.
 */
export const takeover = (
  leave: fc.Arbitrary<(holder: number) => Command>,
  pause: (ms: number) => Command,
): fc.Arbitrary<readonly Command[]> =>
  fc
    .tuple(at, fc.constantFrom(1, 2), leave, fc.integer({ min: 950, max: 1_500 }), fc.boolean())
    .map(([holder, step, leave, ms, asks]) => {
      const other = (holder + step) % 3;
      const third = 3 - holder - other;
      const sends = [third, other].map((from) => new SendNamed(from, 0, 5, asks));
      const begin = [new SpawnNamed(holder, 0, 0), ...sends, pause(ACTING_MS), leave(holder), ...sends];
      return [...begin, new SpawnNamed(other, 0, 3_000), pause(ms), ...sends];
    });

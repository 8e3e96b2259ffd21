import fc from "fast-check";
import { type Command, type Model, pick } from "../command.ts";
import type { Sequence } from "../sequence.ts";

/** An actor links itself to another one. */
class Link implements Command {
  readonly #one: number;
  readonly #other: number;
  readonly #at: number;

  constructor(one: number, other: number, at: number) {
    this.#one = one;
    this.#other = other;
    this.#at = at;
  }

  check({ actors }: Readonly<Model>): boolean {
    return actors > 1;
  }

  async run(_model: Model, sequence: Sequence): Promise<void> {
    const place = await sequence.place(this.#at);
    const [one, other] = [pick(sequence.actors, this.#one), pick(sequence.actors, this.#other)];
    if (one !== other) await place.obey({ kind: "tie", one, other });
  }

  toString(): string {
    return `link(actor ${this.#one} to actor ${this.#other}, told from ${this.#at})`;
  }
}

export const link = fc.tuple(fc.nat(5), fc.nat(5), fc.nat(2)).map((args) => new Link(...args));

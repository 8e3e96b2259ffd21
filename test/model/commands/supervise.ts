import fc from "fast-check";
import type { Command, Model } from "../command.ts";
import type { Sequence } from "../sequence.ts";

/** Supervises a child: in its own process, or in one after the other. */
class Supervise implements Command {
  readonly #at: number;
  readonly #isPlaced: boolean;

  constructor(at: number, isPlaced: boolean) {
    this.#at = at;
    this.#isPlaced = isPlaced;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, sequence: Sequence): Promise<void> {
    model.actors++;
    const key = sequence.key("c");
    sequence.actors.push(key);
    const place = await sequence.place(this.#at);
    const isThere = await place.obey({ kind: "supervise", key, isPlaced: this.#isPlaced });
    if (isThere) sequence.supervised.push({ key, by: place });
  }

  toString(): string {
    return `supervise(at ${this.#at}${this.#isPlaced ? ", placed" : ""})`;
  }
}

export const supervise = fc.tuple(fc.nat(2), fc.boolean()).map((args) => new Supervise(...args));

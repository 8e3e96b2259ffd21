import fc from "fast-check";
import type { Command, Model } from "../command.ts";
import type { Supervising } from "../orders.ts";
import type { Sequence } from "../sequence.ts";
import { realmAt } from "./spawn-far.ts";

/** Supervises a child. */
class Supervise implements Command {
  readonly #at: number;
  readonly #how: Supervising;

  constructor(at: number, how: Supervising) {
    this.#at = at;
    this.#how = how;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, sequence: Sequence): Promise<void> {
    model.actors++;
    const key = sequence.key("c");
    sequence.actors.push(key);
    const place = await sequence.place(this.#at);
    const isThere = await place.obey({ kind: "supervise", key, how: this.#how });
    if (isThere) sequence.supervised.push({ key, by: place });
  }

  toString(): string {
    return `supervise(at ${this.#at}, ${this.#how})`;
  }
}

export const supervise = fc
  .tuple(fc.nat(2), fc.constantFrom<Supervising>("here", "placed", "named"))
  .map((args) => new Supervise(...args));
export const superviseFar = fc.nat(1).map((at) => new Supervise(at, realmAt(at)));

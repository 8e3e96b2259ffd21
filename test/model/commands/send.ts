import fc from "fast-check";
import { type Command, type Model, pick } from "../command.ts";
import type { Sequence } from "../sequence.ts";

interface How {
  readonly actor: number;
  readonly at: number;
  readonly count: number;
  readonly asks: boolean;
  readonly any: boolean;
  readonly slow: boolean;
}

/** Asks or tells some messages in a row, and waits for none. */
class Send implements Command {
  readonly #how: How;

  constructor(how: How) {
    this.#how = how;
  }

  check({ actors }: Readonly<Model>): boolean {
    return actors > 0;
  }

  async run(_model: Model, sequence: Sequence): Promise<void> {
    const { actor, at, ...how } = this.#how;
    const place = await sequence.place(at);
    await place.obey({ kind: "send", key: pick(sequence.actors, actor), ...how });
  }

  toString(): string {
    const { actor, at, count, asks, any, slow } = this.#how;
    const kind = `${slow ? " slow" : ""}${any ? " epoch any" : ""}`;
    return `${asks ? "ask" : "tell"}(${count} from ${at} to actor ${actor}${kind})`;
  }
}

function sending(asks: boolean): fc.Arbitrary<Send> {
  return fc
    .record({
      actor: fc.nat(5),
      at: fc.nat(2),
      count: fc.constantFrom(1, 2, 5, 20),
      asks: fc.constant(asks),
      any: fc.constantFrom(false, false, true),
      slow: fc.boolean(),
    })
    .map((how) => new Send(how));
}

export const ask = sending(true);
export const tell = sending(false);

import fc from "fast-check";
import { type Command, type Model, pick } from "../command.ts";
import type { Sequence } from "../sequence.ts";

type How = "stop" | "kill" | "crash";

/** Ends an actor, by the word of any process. */
class End implements Command {
  readonly #how: How;
  readonly #actor: number;
  readonly #at: number;

  constructor(how: How, actor: number, at: number) {
    this.#how = how;
    this.#actor = actor;
    this.#at = at;
  }

  check({ actors }: Readonly<Model>): boolean {
    return actors > 0;
  }

  async run(_model: Model, sequence: Sequence): Promise<void> {
    const place = await sequence.place(this.#at);
    await place.obey({ kind: this.#how, key: pick(sequence.actors, this.#actor) });
  }

  toString(): string {
    return `${this.#how}(actor ${this.#actor} from ${this.#at})`;
  }
}

export const end = fc
  .tuple(fc.constantFrom<How>("stop", "kill", "crash", "crash"), fc.nat(5), fc.nat(2))
  .map((args) => new End(...args));

import fc from "fast-check";
import type { Command, Model } from "../command.ts";
import type { Realm } from "../orders.ts";
import type { Sequence } from "../sequence.ts";

/** One realm for each of the two places that have executors, so that there are few. */
export function realmAt(at: number): Realm {
  return at === 0 ? "isolate" : "process";
}

/** Starts an actor in the cell of an executor. */
class SpawnFar implements Command {
  readonly #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, sequence: Sequence): Promise<void> {
    model.actors++;
    const key = sequence.key("a");
    sequence.actors.push(key);
    const place = await sequence.place(this.#at);
    await place.obey({ kind: "spawnFar", key, realm: realmAt(this.#at) });
  }

  toString(): string {
    return `spawnFar(${realmAt(this.#at)} of ${this.#at})`;
  }
}

export const spawnFar = fc.nat(1).map((at) => new SpawnFar(at));

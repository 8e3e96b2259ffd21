import fc from "fast-check";
import type { Command, Model } from "../command.ts";
import type { Sequence } from "../sequence.ts";

/** Starts an actor, under a name that an earlier one of that process may have had. */
class Spawn implements Command {
  readonly #at: number;
  readonly #name: number;
  readonly #mailbox: number | undefined;
  readonly #policy: "fail" | "drop-oldest" | "block";

  constructor(
    at: number,
    name: number,
    mailbox: number | undefined,
    policy: "fail" | "drop-oldest" | "block",
  ) {
    this.#at = at;
    this.#name = name;
    this.#mailbox = mailbox;
    this.#policy = policy;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, sequence: Sequence): Promise<void> {
    model.actors++;
    const key = sequence.key("a");
    sequence.actors.push(key);
    const place = await sequence.place(this.#at);
    const mailbox =
      this.#mailbox === undefined ? {} : { maxMailbox: this.#mailbox, mailboxPolicy: this.#policy };
    await place.obey({ kind: "spawn", key, name: sequence.name(this.#name), mailbox });
  }

  toString(): string {
    const mailbox = this.#mailbox === undefined ? "" : `, ${this.#mailbox} wait, else ${this.#policy}`;
    return `spawn(name ${this.#name} at ${this.#at}${mailbox})`;
  }
}

export const spawn = fc
  .tuple(
    fc.nat(2),
    fc.nat(3),
    fc.constantFrom(undefined, undefined, undefined, 1, 3),
    fc.constantFrom("fail" as const, "drop-oldest" as const, "block" as const),
  )
  .map((args) => new Spawn(...args));

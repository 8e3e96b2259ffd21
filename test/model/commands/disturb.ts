/** Faults: each ends by itself while other commands run, but for kill -9. */
import fc from "fast-check";
import type { Cluster } from "../cluster.ts";
import type { Command, Model } from "../command.ts";
import type { Sequence } from "../sequence.ts";

class Disturb implements Command {
  readonly #text: string;
  readonly #act: (cluster: Cluster) => void | Promise<void>;

  constructor(text: string, act: (cluster: Cluster) => void | Promise<void>) {
    this.#text = text;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(_model: Model, { cluster }: Sequence): Promise<void> {
    await this.#act(cluster);
  }

  toString(): string {
    return this.#text;
  }
}

const at = fc.nat(2);
/** Longer than a name of the model lasts. */
const long = fc.integer({ min: 1_100, max: 2_500 });
/** Shorter than what presence takes for an end. */
const ms = fc.integer({ min: 5, max: 700 });

export const kill = at.map((i) => new Disturb(`kill -9 (${i})`, (cluster) => cluster.kill(i)));

export const killCell = fc
  .nat(1)
  .map((i) => new Disturb(`kill -9 of the cell of ${i}`, (cluster) => cluster.strike(i, "cell", "kill")));

export const killExecutor = fc
  .nat(1)
  .map((i) => new Disturb(`kill -9 of the executor of ${i}`, (c) => c.strike(i, "executor", "kill")));

export const drain = fc
  .nat(1)
  .map((i) => new Disturb(`SIGTERM to the executor of ${i}`, (c) => c.strike(i, "executor", "drain")));

/** Takes a process away for longer than a name lasts. */
export const away = fc.oneof(
  long.map((t) => (i: number) => new Disturb(`freeze(${i} for ${t} ms)`, (c) => c.freeze(i, t))),
  fc.tuple(fc.constantFrom("drop" as const, "stall" as const), long).map(
    ([how, t]) =>
      (i: number) =>
        new Disturb(`cut(${i} by ${how} for ${t} ms)`, (c) => c.cut(i, how, t)),
  ),
);

export const freeze = fc
  .tuple(at, ms)
  .map(([i, t]) => new Disturb(`freeze(${i} for ${t} ms)`, (cluster) => cluster.freeze(i, t)));

export const cut = fc
  .tuple(
    at,
    fc.constantFrom("drop" as const, "stall" as const),
    fc.oneof({ weight: 4, arbitrary: ms }, { weight: 1, arbitrary: fc.constant(3_000) }),
  )
  .map(([i, how, t]) => new Disturb(`cut(${i} by ${how} for ${t} ms)`, (cluster) => cluster.cut(i, how, t)));

export const restart = fc
  .integer({ min: 0, max: 300 })
  .map((t) => new Disturb(`restart(nats-server after ${t} ms)`, (cluster) => cluster.restart(t)));

/** Time in which nothing is done, so that faults meet what is under way at different moments. */
export function waiting(ms: number): Command {
  return new Disturb(`wait(${ms} ms)`, () => new Promise((resolve) => setTimeout(resolve, ms)));
}

export const wait = fc.integer({ min: 1, max: 300 }).map(waiting);

/** One actor on an executor, with the children that it starts: a node of its own. The same in every realm. */
import {
  type ActorClass,
  ActorSystem,
  type Address,
  type Carrier,
  NodeBus,
  placeOf,
  type SpawnOptions,
  type Ticket,
  type WatchNode,
} from "@bonfire/runtime/internal/actor-host";
import type { DecodeOptions } from "@bonfire/wire";

/** What the driver says of an actor that it spawns. */
export interface ActorTerms {
  readonly options: SpawnOptions;
  /** For one with a name or a state, which the driver keeps. */
  readonly ticket?: Ticket;
}

export class ActorHost {
  readonly #bus: NodeBus;
  readonly #system: ActorSystem;

  /** `driver` is asked where named actors are; `warn` is told of dead letters, as nobody else here would be. */
  constructor(
    carrier: Carrier,
    node: string,
    driver: string,
    watchNode: WatchNode,
    warn: (text: string) => void,
  ) {
    this.#bus = new NodeBus(carrier, node);
    this.#system = new ActorSystem(this.#bus, watchNode);
    this.#system.registry = driver;
    this.#system.onDeadLetter(({ to, method, error }) =>
      warn(`Dead letter "${method}" to ${to}: ${(error as Error).message}`),
    );
  }

  /** How refs are read among what the actor is started with. */
  get handle(): NonNullable<DecodeOptions["handle"]> {
    return this.#system.decoding.handle as NonNullable<DecodeOptions["handle"]>;
  }

  /** Resolves with where the actor is when it has started; `ended` is called once it has ended, children and all. */
  async start(
    type: ActorClass,
    args: unknown[],
    { options, ticket }: ActorTerms,
    ended: () => void,
  ): Promise<Address> {
    let place: Address;
    try {
      place = placeOf(await this.#system.spawnClass(type, args, options, { ticket }));
    } catch (error) {
      // Its name is to be free when this is known.
      await this.kill();
      throw error;
    }
    const { ended: end } = this.#system.local(place.actor) ?? {};
    void Promise.resolve(end)
      .then(() => this.kill())
      .then(ended);
    return place;
  }

  /** Stops the actor in order; one that has not stopped after so many ms is killed. */
  retire(patience: number): Promise<void> {
    return this.#system.retire(patience);
  }

  /** Ends the actor if it still runs. Until `leave`, whoever sends to it is told that it is gone. */
  kill(): Promise<void> {
    return this.#system.close(0);
  }

  /** Receives what is on its way, and nothing after it. */
  async leave(): Promise<void> {
    if (this.#bus.link.up) await this.#bus.drain();
    this.#bus.close();
  }
}

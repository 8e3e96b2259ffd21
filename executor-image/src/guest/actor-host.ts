/** One actor on an executor, with the children that it starts: a node of its own. The same in every realm. */
import {
  type ActorClass,
  ActorSystem,
  type Address,
  type Carrier,
  NodeBus,
  placeOf,
  type SpawnOptions,
  type WatchNode,
} from "@bonfire/runtime/actor-host";
import type { DecodeOptions } from "@bonfire/wire";

export class ActorHost {
  readonly #bus: NodeBus;
  readonly #system: ActorSystem;

  constructor(carrier: Carrier, node: string, watchNode: WatchNode) {
    this.#bus = new NodeBus(carrier, node);
    this.#system = new ActorSystem(this.#bus, watchNode);
  }

  /** How refs are read among what the actor is started with. */
  get handle(): NonNullable<DecodeOptions["handle"]> {
    return this.#system.decoding.handle as NonNullable<DecodeOptions["handle"]>;
  }

  /** Resolves with where the actor is when it has started; `ended` is called once it has ended, children and all. */
  async start(type: ActorClass, args: unknown[], options: SpawnOptions, ended: () => void): Promise<Address> {
    const place = placeOf(await this.#system.spawnClass(type, args, options, {}));
    const { ended: end } = this.#system.local(place.actor) ?? {};
    void Promise.resolve(end)
      .then(() => this.close())
      .then(ended);
    return place;
  }

  /** Stops the actor in order; one that has not stopped after so many ms is killed. */
  retire(patience: number): Promise<void> {
    return this.#system.retire(patience);
  }

  /** Lets go of everything, and of an actor that still runs without further ado. */
  async close(): Promise<void> {
    await this.#system.close(0);
    this.#bus.close();
  }
}

/** Whom an actor watches, and with whom it ends. */
import type { Address } from "./address.ts";
import type { Behaviour } from "./behaviour.ts";
import type { Instance } from "./instance.ts";
import type { Reason } from "./reason.ts";
import { type AnyRef, placeOf } from "./ref.ts";

export class Ties {
  readonly #instance: Instance;
  readonly #behaviour: Behaviour;
  readonly #watches = new Set<() => void>();
  readonly #links = new Map<string, () => void>();

  constructor(instance: Instance, behaviour: Behaviour) {
    this.#instance = instance;
    this.#behaviour = behaviour;
  }

  monitor(who: AnyRef | Address): () => void {
    const ref = this.#instance.system.ref(who);
    const down = (reason: Reason) => this.#instance.enqueue(() => this.#behaviour.down(ref, reason));
    return this.watch(placeOf(who), down);
  }

  /** Both sides of a link; the other one is made by its own node. */
  link(who: AnyRef): () => void {
    const { system, address } = this.#instance;
    const other = placeOf(who);
    const key = keyOf(other);
    this.tie(who);
    system.controls.insist(other, "tie", [this.#instance.self(), other], () => this.#links.has(key));
    return () => {
      this.untie(other);
      system.controls.insist(other, "untie", [address, other], () => true);
    };
  }

  tie(who: AnyRef): void {
    const place = placeOf(who);
    const key = keyOf(place);
    if (this.#links.has(key)) return;
    const ref = this.#instance.system.ref(who);
    const unwatch = this.watch(place, (reason) => {
      this.#links.delete(key);
      if (this.#behaviour.trapsExit) this.#instance.enqueue(() => this.#behaviour.exit(ref, reason));
      else if (reason.kind !== "normal") this.#instance.endNow(reason);
    });
    this.#links.set(key, unwatch);
  }

  untie(other: Address): void {
    const key = keyOf(other);
    this.#links.get(key)?.();
    this.#links.delete(key);
  }

  watch(who: Address, onDown: (reason: Reason) => void): () => void {
    const unwatch = this.#instance.system.monitor(who, (reason) => {
      this.#watches.delete(stop);
      onDown(reason);
    });
    const stop = () => {
      this.#watches.delete(stop);
      unwatch();
    };
    this.#watches.add(stop);
    return stop;
  }

  close(): void {
    for (const unwatch of this.#watches) unwatch();
    this.#links.clear();
  }
}

function keyOf({ node, actor, epoch }: Address): string {
  return `${node} ${actor} ${epoch ?? 0}`;
}

/** The actors of an isolate realm, by the calls that started them. Each has an isolate to itself. */
import type { Sandbox } from "../sandbox/sandbox.ts";
import { type Stop, spoken } from "../sandbox/stop.ts";
import type { Cluster } from "./cluster.ts";
import { IsolateActor } from "./isolate-actor.ts";

export class IsolateActors {
  readonly #cluster: () => Cluster;
  readonly #running = new Map<number, IsolateActor>();
  #joined: Cluster | undefined;

  constructor(cluster: () => Cluster) {
    this.#cluster = cluster;
  }

  /** Makes the sandbox ready for the actor that `call` starts in it. */
  open(call: number, sandbox: Sandbox): Stop | undefined {
    this.#joined ??= this.#cluster();
    const actor = new IsolateActor(call, sandbox, this.#joined);
    this.#running.set(call, actor);
    return actor.open();
  }

  posted(call: number, bytes: Uint8Array): boolean {
    // What it still says after its end is of no effect.
    return this.#running.get(call)?.posted(bytes) ?? true;
  }

  /** Milliseconds for which somebody still waits for an answer of this actor. */
  asked(call: number): number {
    const actor = this.#running.get(call);
    return actor ? actor.askedUntil - performance.now() : 0;
  }

  /** The actor's isolate is gone. */
  lost(call: number, detail?: string): void {
    const actor = this.#running.get(call);
    this.#running.delete(call);
    actor?.close(detail);
  }

  /** The actor has ended; resolves when its isolate is of no more use. */
  async ended(call: number): Promise<void> {
    await this.#running.get(call)?.drain();
    this.lost(call);
  }

  async retire(patience: number): Promise<void> {
    for (const actor of this.#running.values()) actor.retire(patience);
    const endBy = performance.now() + patience;
    while (this.#running.size > 0 && performance.now() < endBy) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

const LOOK_MS = 10;

/** What monitors are told of an actor whose isolate had to be stopped. */
export function lostTo(stop: Stop, memoryMb: number): string {
  return stop.kind === "memory"
    ? `it exceeded the memory limit of ${memoryMb} MB: raise the pool's memory or hold less at once`
    : `it ran synchronous code for ${spoken(stop.limit)} without a pause: split the work, or ask with a longer deadline`;
}

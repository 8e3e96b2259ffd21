/** The actors of a process realm. They run in this process; a turn that never ends keeps all of them busy. */
import type { ActorClass } from "@bonfire/runtime/internal/actor-host";
import { ActorHost, type ActorTerms } from "../guest/actor-host.ts";
import type { ActorStarter } from "../guest/call-site.ts";
import type { Cluster } from "./cluster.ts";

interface Running {
  readonly host: ActorHost;
  readonly node: string;
}

export class ProcessActors implements ActorStarter {
  readonly #cluster: Cluster;
  readonly #over: (call: number) => void;
  readonly #warn: (call: number, text: string) => void;
  readonly #running = new Map<number, Running>();

  /** `over` is told of an actor that has ended. */
  constructor(cluster: Cluster, over: (call: number) => void, warn: (call: number, text: string) => void) {
    this.#cluster = cluster;
    this.#warn = warn;
    this.#over = over;
  }

  importer(call: number) {
    return this.#of(call).host.handle;
  }

  async start(call: number, type: unknown, args: unknown, terms: unknown): Promise<unknown> {
    const running = this.#of(call);
    const { host } = running;
    const ended = () => {
      if (!this.#running.delete(call)) return;
      this.#over(call);
      void this.#leave(running);
    };
    return host.start(type as ActorClass, args as unknown[], terms as ActorTerms, ended);
  }

  has(call: number): boolean {
    return this.#running.has(call);
  }

  /** The call was ended from outside, or its actor did not start. */
  async end(call: number): Promise<void> {
    const running = this.#running.get(call);
    if (!this.#running.delete(call)) return;
    await running?.host.kill();
    await this.#leave(running as Running);
  }

  async retire(patience: number): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ host }) => host.retire(patience)));
  }

  #of(call: number): Running {
    let running = this.#running.get(call);
    if (!running) {
      const { carrier, driver, watchNode } = this.#cluster;
      const node = this.#cluster.enter();
      const warn = (text: string) => this.#warn(call, text);
      running = { node, host: new ActorHost(carrier, node, driver, watchNode, warn) };
      this.#running.set(call, running);
    }
    return running;
  }

  async #leave({ host, node }: Running): Promise<void> {
    await host.leave();
    this.#cluster.leave(node);
  }
}

/** Executors in the driver's own process, for tests and debugging: the same way over NATS, capture and codec. */
import type { Backend, LaunchRequest, Machine } from "@bonfire/runtime";
import { ActorSystem, type Bootstrap, Bus, Presence } from "@bonfire/runtime/internal";
import { Agent } from "../agent/agent.ts";
import { InlineCell } from "./inline-cell.ts";

interface Executor {
  readonly machine: Machine;
  readonly pool: string;
  close(): Promise<void>;
}

export class InlineBackend implements Backend {
  readonly name = "inline";
  readonly #executors = new Map<string, Promise<Executor>>();
  readonly #watchers = new Set<(launchId: string, detail: string) => void>();

  async launch({ launchId, owner, pool, bootstrap }: LaunchRequest, signal: AbortSignal): Promise<Machine> {
    signal.throwIfAborted();
    let starting = this.#executors.get(launchId);
    if (!starting) {
      const machine: Machine = { launchId, owner, phase: "running" };
      starting = start(bootstrap, () => this.#ended(launchId)).then((close) => ({ machine, pool, close }));
      this.#executors.set(launchId, starting);
    }
    return (await starting).machine;
  }

  async list(of: { owner: string; pool: string }): Promise<readonly Machine[]> {
    const started = await Promise.allSettled(this.#executors.values());
    const executors = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    return executors
      .filter(({ machine, pool }) => machine.owner === of.owner && pool === of.pool)
      .map(({ machine }) => machine);
  }

  async terminate(launchId: string): Promise<void> {
    const executor = this.#executors.get(launchId);
    this.#executors.delete(launchId);
    // One that could not start has nothing to end; whoever launched it has been told.
    await (await executor?.catch(() => undefined))?.close();
  }

  watch(onEnd: (launchId: string, detail: string) => void): () => void {
    this.#watchers.add(onEnd);
    return () => this.#watchers.delete(onEnd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#executors.keys()].map((id) => this.terminate(id)));
  }

  #ended(launchId: string): void {
    void this.terminate(launchId);
    for (const watcher of this.#watchers) watcher(launchId, "its agent has ended");
  }
}

/** Starts an executor's agent; resolves with the way to end it. */
async function start(bootstrap: Bootstrap, onEnd: () => void): Promise<() => Promise<void>> {
  const { executor, nats, timing, grants, memoryMb } = bootstrap;
  const bus = await Bus.connect(nats, executor);
  const { promise: fenced, resolve: onFenced } = Promise.withResolvers<void>();
  const presence = Presence.start({ bus, node: executor, timing, onFenced: () => onFenced() });
  const system = new ActorSystem(bus, presence.watch);
  const directory = process.cwd();
  let cells = 0;
  const startCell = () => {
    const node = `c-${executor.slice(2)}-${++cells}`;
    return new InlineCell({ node, nats, realm: "inline", grants, timing, memoryMb, directory });
  };
  const parts = { bootstrap, cells: { start: startCell }, presence, firstCell: startCell(), fenced };
  const agent = await system.spawn(new Agent({ ...parts, orphan: onEnd }), "agent");
  system.monitor(agent, onEnd);
  let closing: Promise<void> | undefined;
  const close = async () => {
    await system.close();
    // Before the goodbye, which takes another connection, so that those who watch its actors hear how they ended.
    await bus.drain();
    await Promise.all([presence.close(), bus.close()]);
  };
  return () => {
    closing ??= close();
    return closing;
  };
}

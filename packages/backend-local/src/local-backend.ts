/** The backend that starts executors as child processes of this one: no setup, for development and one machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { AGENT_PROGRAM } from "@bonfire/executor";
import { type Backend, BackendError, type LaunchRequest, type Machine } from "@bonfire/runtime";

/** The longest that a timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;

interface Child {
  readonly process: ChildProcess;
  readonly ended: Promise<string>;
  readonly pool: string;
  machine: Machine;
}

/** Executors as processes of this machine. They end when this process does, however it ends. */
export function localBackend(): Backend {
  return new LocalBackend();
}

class LocalBackend implements Backend {
  readonly name = "local";
  readonly #children = new Map<string, Child>();
  readonly #watchers = new Set<(launchId: string, detail: string) => void>();

  async launch(request: LaunchRequest, signal: AbortSignal): Promise<Machine> {
    signal.throwIfAborted();
    const existing = this.#children.get(request.launchId);
    if (existing) return existing.machine;
    const child = start(request);
    this.#children.set(request.launchId, child);
    const timer = this.#endAfter(request);
    void child.ended.then((detail) => {
      clearTimeout(timer);
      this.#children.delete(request.launchId);
      for (const watcher of this.#watchers) watcher(request.launchId, detail);
    });
    return child.machine;
  }

  #endAfter({ launchId, lifetimeMs, bootstrap }: LaunchRequest): NodeJS.Timeout | undefined {
    if (lifetimeMs === Number.POSITIVE_INFINITY) return undefined;
    const end = () => void this.terminate(launchId, { graceMs: bootstrap.shutdownMs });
    return setTimeout(end, Math.min(lifetimeMs, LONGEST_MS)).unref();
  }

  async list({ owner, pool }: { owner: string; pool: string }): Promise<readonly Machine[]> {
    return [...this.#children.values()]
      .filter((child) => child.machine.owner === owner && child.pool === pool)
      .map(({ machine }) => machine);
  }

  async terminate(launchId: string, { graceMs }: { graceMs: number }): Promise<void> {
    const child = this.#children.get(launchId);
    if (!child) return;
    child.machine = { ...child.machine, phase: "terminating" };
    child.process.kill("SIGTERM");
    const timer = setTimeout(() => child.process.kill("SIGKILL"), graceMs);
    await child.ended;
    clearTimeout(timer);
  }

  watch(onEnd: (launchId: string, detail: string) => void): () => void {
    this.#watchers.add(onEnd);
    return () => this.#watchers.delete(onEnd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children.keys()].map((id) => this.terminate(id, { graceMs: 0 })));
  }
}

function start(request: LaunchRequest): Child {
  const child = spawn(process.execPath, [AGENT_PROGRAM], {
    stdio: ["pipe", "inherit", "inherit"],
    env: environment(),
    // Ctrl-C goes to every process of a terminal's group; executors leave when their driver has, not before.
    detached: true,
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) =>
      resolve(signal ? `it was ended by ${signal}` : `it exited with code ${code}`),
    );
  });
  if (!child.stdin || child.pid === undefined) {
    throw new BackendError("invalid", `Cannot start ${process.execPath} as an executor process`);
  }
  // The pipe stays open: its end is how the executor learns that this process is gone. An executor that has just
  // ended cannot be written to, which its exit tells better.
  child.stdin.on("error", () => child.stdin?.destroy());
  child.stdin.write(`${JSON.stringify(request.bootstrap)}\n`);
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return {
    process: child,
    ended,
    pool: request.pool,
    machine: { launchId: request.launchId, owner: request.owner, phase: "running" },
  };
}

/** The driver's environment, but for its access to NATS and what would load its own modules into executors. */
function environment(): NodeJS.ProcessEnv {
  const { NATS_URL, NATS_CREDS, NODE_OPTIONS, ...rest } = process.env;
  return rest;
}

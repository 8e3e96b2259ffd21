/** Executors as a test sees them from outside: which there are, how to kill one, and platforms that misbehave. */
import { readFile } from "node:fs/promises";
import { localBackend } from "@bonfire/backend-local";
import type { Backend, FleetEvent, LaunchRequest, Machine, Pool } from "@bonfire/runtime";
import { descendants } from "./gone.ts";

/** Whether a test should take the time that its full count needs. */
export const FULL = process.env.BONFIRE_FULL === "1";

/** Resolves when the pool has so many executors that are ready, and no others. */
export function fleet(pool: Pool, ready: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (counts: { ready: number; booting: number; draining: number }) => {
      if (counts.ready !== ready || counts.booting + counts.draining > 0) return;
      pool.off("fleet", look);
      resolve();
    };
    pool.on("fleet", look);
    look(pool.inspect().executors);
  });
}

/** Resolves when the next executor has left the pool. */
export function shrunk(pool: Pool): Promise<Extract<FleetEvent, { kind: "shrink" }>> {
  return new Promise((resolve) => pool.once("shrink", resolve));
}

/** The process ids of the executors that this process has started. */
export async function agents(): Promise<number[]> {
  const pids = await descendants(process.pid);
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")), // it has just ended
  );
  return pids.filter((_, n) => commands[n]?.endsWith("agent.js\0"));
}

/** Signals a process that may have ended since it was found. */
export function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The local backend, with what a test wants to happen to launches, and an account of them. */
export class TestBackend implements Backend {
  readonly name = "test";
  readonly launched: string[] = [];
  readonly terminated = new Map<string, string>();
  /** Called before each launch; what it throws is what the launch fails with. */
  onLaunch: (request: LaunchRequest) => void | Promise<void> = () => undefined;
  /** Called after each launch, whose answer is lost if it throws. */
  afterLaunch: (request: LaunchRequest) => void | Promise<void> = () => undefined;
  /** Launches are accepted, and nothing comes of them. */
  silent = false;
  readonly #inner: Backend = localBackend();

  async launch(request: LaunchRequest, signal: AbortSignal): Promise<Machine> {
    this.launched.push(request.launchId);
    await this.onLaunch(request);
    const { launchId, owner } = request;
    if (this.silent) return { launchId, owner, phase: "starting" };
    const machine = await this.#inner.launch(request, signal);
    await this.afterLaunch(request);
    return machine;
  }

  list(filter: { owner: string; pool: string }): Promise<readonly Machine[]> {
    return this.#inner.list(filter);
  }

  terminate(launchId: string, options: { graceMs: number; reason: string }): Promise<void> {
    this.terminated.set(launchId, options.reason);
    return this.#inner.terminate(launchId, options);
  }

  watch(onEnd: (launchId: string, detail: string) => void): () => void {
    return this.#inner.watch?.(onEnd) ?? (() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}

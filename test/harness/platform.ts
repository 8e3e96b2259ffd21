/**
 * A place that runs executors as another machine would: they are children of the process that has the platform, not of
 * the driver, so that nothing but presence tells them that a driver is gone. It keeps the ledger of what ever ran.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { AGENT_PROGRAM } from "@bonfire/executor";
import type { LaunchRequest } from "@bonfire/runtime";

export interface MachineRecord {
  readonly launchId: string;
  readonly owner: string;
  readonly pool: string;
  readonly pid: number;
  readonly launchedAt: number;
  /** Somebody asked for its end, or the test itself killed it. */
  condemnedAt?: number;
  endedAt?: number;
  how?: string;
}

/** What `PlatformBackend` asks for. */
export type PlatformOrder =
  | { readonly order: "launch"; readonly request: LaunchRequest }
  | { readonly order: "terminate"; readonly launchId: string; readonly graceMs: number }
  | { readonly order: "list"; readonly owner: string; readonly pool: string };

export interface PlatformOptions {
  /** For the Node of each executor. */
  readonly flags?: readonly string[];
  /** Where executors print: an open file, or here. */
  readonly output?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** A command that runs each executor's command behind it; `Platform.via` has those of single pools. */
  readonly via?: readonly string[];
  /** Where executors find NATS, if it is not where their driver does. */
  readonly servers?: readonly string[];
  /** The address on which it is reached. Default: 127.0.0.1. */
  readonly host?: string;
}

export class Platform implements AsyncDisposable {
  readonly ledger = new Map<string, MachineRecord>();
  /** By pool: a command that runs the command behind it, such as `ip netns exec name`. */
  readonly via = new Map<string, readonly string[]>();
  readonly #children = new Map<string, ChildProcess>();
  readonly #server: Server;
  readonly #options: PlatformOptions;

  private constructor(options: PlatformOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      bodyOf(request)
        .then((text) => this.#obey(JSON.parse(text) as PlatformOrder))
        .then((answer) => response.end(JSON.stringify(answer)))
        .catch((error: Error) => response.writeHead(500).end(error.message));
    });
  }

  static async start(options: PlatformOptions = {}): Promise<Platform> {
    const platform = new Platform(options);
    platform.#server.listen(0, options.host ?? "127.0.0.1");
    await once(platform.#server, "listening");
    return platform;
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  /** The machines that run. */
  get running(): MachineRecord[] {
    return [...this.ledger.values()].filter(({ endedAt }) => endedAt === undefined);
  }

  #obey(order: PlatformOrder): unknown {
    if (order.order === "launch") return this.#launch(order.request);
    if (order.order === "terminate") return this.#terminate(order.launchId, order.graceMs);
    return this.running
      .filter(({ owner, pool }) => owner === order.owner && pool === order.pool)
      .map(({ launchId, owner }) => ({ launchId, owner, phase: "running" }));
  }

  #launch({ launchId, owner, pool, bootstrap }: LaunchRequest): unknown {
    const machine = { launchId, owner, phase: "running" };
    if (this.ledger.has(launchId)) return machine;
    const { flags = [], output = "inherit", env, servers } = this.#options;
    const via = this.via.get(pool) ?? this.#options.via ?? [];
    const [command = process.execPath, ...rest] = [...via, process.execPath, ...flags, AGENT_PROGRAM];
    const child = spawn(command, rest, {
      stdio: ["pipe", output, output],
      detached: true,
      env: { ...process.env, ...env },
    });
    const all = servers ? { ...bootstrap, nats: { ...bootstrap.nats, servers } } : bootstrap;
    // The pipe stays open, as nothing but its agent ends a machine.
    child.stdin?.on("error", () => child.stdin?.destroy()).write(`${JSON.stringify(all)}\n`);
    const record: MachineRecord = {
      launchId,
      owner,
      pool,
      pid: child.pid as number,
      launchedAt: performance.now(),
    };
    this.ledger.set(launchId, record);
    this.#children.set(launchId, child);
    child.once("exit", (code, signal) => {
      record.endedAt = performance.now();
      record.how = signal ?? String(code);
      this.#children.delete(launchId);
    });
    return machine;
  }

  async #terminate(launchId: string, graceMs: number): Promise<null> {
    const child = this.#children.get(launchId);
    const record = this.ledger.get(launchId);
    if (!child || !record) return null;
    record.condemnedAt ??= performance.now();
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
    await once(child, "exit");
    clearTimeout(timer);
    return null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    const children = [...this.#children.values()];
    const ended = children.map((child) => once(child, "exit"));
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(ended);
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}

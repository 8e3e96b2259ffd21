/** A nats-server on a fixed port that a test can kill and start again, as one that a cluster already has. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { findNatsServer } from "../../runtime/src/nats-server/find.ts";
import { freePort } from "./free-port.ts";

const START_MS = 10_000;
const LOOK_MS = 10;
const ACCOUNTS = join(import.meta.dirname, "../../infra/nats/accounts.conf");
const PASSWORD = "test";
const SECRETS = { BONFIRE_NATS_PASSWORD: PASSWORD, BONFIRE_NATS_SYSTEM_PASSWORD: "system" };

export interface NatsServerOptions {
  /** It keeps its data over a restart. */
  readonly jetstream?: boolean;
  /** It tells of disconnects, as `infra/nats` says. */
  readonly hints?: boolean;
  /** Where it listens. Default: 127.0.0.1. */
  readonly host?: string;
  /** More for its command line. */
  readonly args?: readonly string[];
}

export class NatsServer implements AsyncDisposable {
  readonly url: string;
  readonly #host: string;
  readonly #port: number;
  readonly #storeDir: string | undefined;
  readonly #options: NatsServerOptions;
  #child: ChildProcess | undefined;

  private constructor(port: number, storeDir: string | undefined, options: NatsServerOptions) {
    this.#port = port;
    this.#storeDir = storeDir;
    this.#options = options;
    const user = options.hints ? `bonfire:${PASSWORD}@` : "";
    this.#host = options.host ?? "127.0.0.1";
    this.url = `nats://${user}${this.#host}:${port}`;
  }

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const storeDir = options.jetstream ? await mkdtemp(join(tmpdir(), "bonfire-nats-test-")) : undefined;
    const server = new NatsServer(await freePort(), storeDir, options);
    await server.restart();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#child?.pid as number;
  }

  /** Ends it without a word; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return; // one in lame duck mode ends by itself
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** Stops it from reading and writing, while its connections stay: what is sent to it meanwhile is lost if it is killed. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** Starts it again on the same port; resolves when it listens. */
  async restart(): Promise<void> {
    const store = this.#storeDir === undefined ? [] : ["-js", "-sd", this.#storeDir];
    const { hints, args = [] } = this.#options;
    const accounts = hints ? ["-c", ACCOUNTS] : [];
    const all = ["-a", this.#host, "-p", String(this.#port), ...store, ...accounts, ...args];
    this.#child = spawn(findNatsServer(), all, { stdio: "ignore", env: { ...process.env, ...SECRETS } });
    const deadline = performance.now() + START_MS;
    while (!(await this.#listens())) {
      if (performance.now() > deadline || this.#child.exitCode !== null) {
        await this.kill();
        throw new Error(`nats-server does not listen on ${this.#port}: ${all.join(" ")}`);
      }
      await pause(LOOK_MS);
    }
  }

  /** Forgets everything that it had written; only while it is not running. */
  async loseData(): Promise<void> {
    await rm(join(this.#storeDir as string, "jetstream"), { recursive: true });
  }

  #listens(): Promise<boolean> {
    const socket = dial(this.#port, this.#host);
    return new Promise((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    }).finally(() => socket.destroy()) as Promise<boolean>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    if (this.#storeDir) await rm(this.#storeDir, { recursive: true });
  }
}

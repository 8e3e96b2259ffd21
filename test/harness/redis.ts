/** A redis-server on a fixed port that a test can kill and start again, with or without its data. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "./free-port.ts";

const START_MS = 10_000;
const LOOK_MS = 10;

export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #directory: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, directory: string, args: readonly string[]) {
    this.port = port;
    this.#directory = directory;
    this.#args = args;
  }

  /** `args` for its command line, e.g. `--cluster-enabled yes`. */
  static async start(...args: string[]): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), "bonfire-redis-test-"));
    const server = new RedisServer(await freePort(), directory, args);
    await server.restart();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Ends it without a word; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** Starts it again on the same port, with what it had written; resolves when it answers. */
  async restart(): Promise<void> {
    const durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"];
    const place = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#directory];
    this.#child = spawn("redis-server", [...place, ...durable, ...this.#args], { stdio: "ignore" });
    const deadline = performance.now() + START_MS;
    while ((await this.command("PING")) !== "+PONG\r\n") {
      if (performance.now() > deadline) throw new Error(`redis-server does not answer on ${this.port}`);
      await pause(LOOK_MS);
    }
  }

  /** Forgets everything that it had written; only while it is not running. */
  async loseData(): Promise<void> {
    await rm(join(this.#directory, "appendonlydir"), { recursive: true });
  }

  /** Sends one command and returns the answer as it comes, if it is short; empty if nobody listens. */
  async command(line: string): Promise<string> {
    const socket = dial(this.port, "127.0.0.1");
    try {
      socket.write(`${line}\r\n`);
      const [answer] = (await once(socket, "data")) as [Buffer];
      return answer.toString();
    } catch {
      return ""; // that it does not listen is the answer
    } finally {
      socket.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true });
  }
}

/** A nats-server on a fixed port that a test can kill and start again, as one that a cluster already has. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { findNatsServer } from "../../runtime/src/nats-server/find.ts";
import { freePort } from "./free-port.ts";

const START_MS = 10_000;
const LOOK_MS = 10;
/** Whoever connects without a name is told of disconnects in its account. */
const telling = (jetstream: boolean) => `
ping_interval: "2s"
ping_max: 2
write_deadline: "5s"
system_account: SYS
no_auth_user: test
accounts {
  SYS {
    users: [{ user: system, password: system }]
    exports: [{ stream: "$SYS.ACCOUNT.*.DISCONNECT", account_token_position: 3 }]
  }
  TEST {${jetstream ? "\n    jetstream: enabled" : ""}
    users: [{ user: test, password: test }]
    imports: [{ stream: { account: SYS, subject: "$SYS.ACCOUNT.TEST.DISCONNECT" } }]
  }
}
`;

export class NatsServer implements AsyncDisposable {
  readonly url: string;
  readonly #port: number;
  /** With what it keeps, and its configuration. */
  readonly #directory: string | undefined;
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, directory: string | undefined, flags: readonly string[]) {
    this.#port = port;
    this.#directory = directory;
    this.#flags = flags;
    this.url = `nats://127.0.0.1:${port}`;
  }

  /** With `jetstream` it keeps its data over a restart; one that `tells` says who disconnects. */
  static async start({ jetstream = false, tells = false } = {}): Promise<NatsServer> {
    const directory = jetstream || tells ? await mkdtemp(join(tmpdir(), "bonfire-nats-test-")) : undefined;
    const flags: string[] = [];
    if (jetstream) flags.push("-js", "-sd", directory as string);
    if (tells) {
      const config = join(directory as string, "nats.conf");
      await writeFile(config, telling(jetstream));
      flags.push("-c", config);
    }
    const server = new NatsServer(await freePort(), directory, flags);
    await server.restart();
    return server;
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

  /** Starts it again on the same port; resolves when it listens. */
  async restart(): Promise<void> {
    const args = ["-a", "127.0.0.1", "-p", String(this.#port), ...this.#flags];
    this.#child = spawn(findNatsServer(), args, { stdio: "ignore" });
    const deadline = performance.now() + START_MS;
    while (!(await this.#listens())) {
      if (performance.now() > deadline) throw new Error(`nats-server does not listen on ${this.#port}`);
      await pause(LOOK_MS);
    }
  }

  /** Forgets everything that it had written; only while it is not running. */
  async loseData(): Promise<void> {
    await rm(join(this.#directory as string, "jetstream"), { recursive: true });
  }

  #listens(): Promise<boolean> {
    const socket = dial(this.#port, "127.0.0.1");
    return new Promise((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    }).finally(() => socket.destroy()) as Promise<boolean>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    if (this.#directory) await rm(this.#directory, { recursive: true });
  }
}

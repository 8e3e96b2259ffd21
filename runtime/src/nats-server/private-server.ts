/**
 * The nats-server that `connect()` starts when it is given none: a child on a free loopback port. A shell beside
 * it holds the other end of a pipe from this process and kills the server when the pipe ends, so it goes with the
 * driver even when that is killed with -9.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { watch } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BonfireError } from "@bonfire/wire";
import type { NatsAddress } from "../bus/connection.ts";
import { configuration, USER } from "./config.ts";
import { findNatsServer } from "./find.ts";

const START_MS = 10_000;
/** `$$` in the background part is the shell's own id, which `exec` hands on to nats-server. */
const GUARD = `
exec 3<&0
{ cat <&3 >/dev/null; kill -9 $$ 2>/dev/null; rm -rf -- "$3"; } &
exec "$1" -c "$2" </dev/null >"$3/nats.log" 2>&1 3<&-
`;

export class PrivateServer implements AsyncDisposable {
  readonly address: NatsAddress;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(address: NatsAddress, child: ChildProcess, exited: Promise<unknown>) {
    this.address = address;
    this.#child = child;
    this.#exited = exited;
  }

  /** Throws `NATS_SERVER_MISSING`, or `NATS_SERVER_FAILED` with what the server logged. */
  static async start(): Promise<PrivateServer> {
    const program = findNatsServer();
    const directory = await mkdtemp(join(tmpdir(), "bonfire-nats-"));
    const password = randomBytes(24).toString("hex");
    const systemPassword = randomBytes(24).toString("hex");
    const config = join(directory, "nats.conf");
    await writeFile(config, configuration({ directory, password, systemPassword }), { mode: 0o600 });
    const listening = portsFile(directory);
    const child = spawn("sh", ["-c", GUARD, "sh", program, config, directory], {
      stdio: ["pipe", "ignore", "ignore"],
      // Ctrl-C goes to every process of the terminal; the server must outlive the driver's own goodbye.
      detached: true,
    });
    const exited = once(child, "exit");
    try {
      const url = await Promise.race([listening.url, exited.then(() => undefined)]);
      if (url === undefined) throw await startFailure(directory, "it ended at once");
      child.unref();
      (child.stdin as unknown as { unref(): void }).unref();
      return new PrivateServer({ servers: [url], user: USER, password }, child, exited);
    } catch (error) {
      child.stdin?.end();
      child.kill("SIGKILL");
      throw error;
    } finally {
      listening.stop();
    }
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Ends the server and removes its folder. Idempotent. */
  async close(): Promise<void> {
    this.#child.ref();
    this.#child.stdin?.end();
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The server writes the port it got into a file; its appearance says that it listens. */
function portsFile(directory: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const read = async () => {
    const name = (await readdir(directory)).find((file) => file.endsWith(".ports"));
    const text = name ? await readFile(join(directory, name), "utf8") : "";
    // An empty or half-written file is looked at again at the next event.
    if (text.endsWith("}")) resolve((JSON.parse(text) as { nats: [string] }).nats[0]);
  };
  const watcher = watch(directory, () => read().catch(reject));
  const timer = setTimeout(
    () => startFailure(directory, `it did not listen within ${START_MS / 1000} s`).then(reject),
    START_MS,
  );
  return {
    url: promise,
    stop() {
      watcher.close();
      clearTimeout(timer);
    },
  };
}

async function startFailure(directory: string, what: string): Promise<BonfireError> {
  const log = await readFile(join(directory, "nats.log"), "utf8").catch(() => "");
  await rm(directory, { recursive: true, force: true });
  const last = log.trim().split("\n").at(-1);
  return new BonfireError(
    "NATS_SERVER_FAILED",
    `Cannot start a private nats-server as ${what}${last ? `; it logged: ${last}` : ""}`,
  );
}

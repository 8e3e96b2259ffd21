// Starts the programs of the example, and a nats-server if there is none.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface Started extends AsyncDisposable {
  readonly child: ChildProcess;
  /** What it said after "ready". */
  readonly says: string;
}

/** Starts one of the example's programs; resolves when it is ready. */
export async function start(program: string, NATS_URL: string): Promise<Started> {
  const child = spawn(process.execPath, [join(import.meta.dirname, program)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NATS_URL },
  });
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (!line.startsWith("ready")) continue;
    const says = line.slice("ready".length).trim();
    return { child, says, [Symbol.asyncDispose]: () => end(child) };
  }
  throw new Error(`${program} ended before it was ready`);
}

export async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

/** A nats-server with JetStream, where names and rooms are kept. */
export async function natsServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const { NATS_URL } = process.env;
  if (NATS_URL) return { url: NATS_URL, [Symbol.asyncDispose]: async () => undefined };
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), "bonfire-services-"));
  const args = ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", directory];
  const child = spawn("nats-server", args, { stdio: ["ignore", "ignore", "pipe"] });
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.includes("Server is ready")) break;
  }
  child.stderr.resume();
  const dispose = async () => {
    await end(child);
    await rm(directory, { recursive: true });
  };
  return { url: `nats://127.0.0.1:${port}`, [Symbol.asyncDispose]: dispose };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** A TCP relay before a server that a test can cut: silently, as a network that drops everything, or with a reset. */
import { once } from "node:events";
import { createServer, connect as dial, type Server, type Socket } from "node:net";

export class Relay implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #delayMs: number;
  #state: "open" | "silent" | "refusing" | "stalled" = "open";

  private constructor(server: Server, delayMs: number) {
    this.#server = server;
    this.#delayMs = delayMs;
    this.port = (server.address() as { port: number }).port;
  }

  /** What passes is late by `delayMs`, each way. */
  static async before(port: number, { host = "127.0.0.1", delayMs = 0 } = {}): Promise<Relay> {
    const server = createServer((near) => relay.#join(near, port, host)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const relay = new Relay(server, delayMs);
    return relay;
  }

  /** Drops whatever is sent, in both directions, without a word. */
  silence(): void {
    this.#state = "silent";
  }

  /** Resets every connection, and each new one at once. */
  refuse(): void {
    this.#state = "refusing";
    for (const socket of this.#sockets) reset(socket);
  }

  /** Reads nothing more, so that whoever sends has to wait; nothing is lost. */
  stall(): void {
    this.#state = "stalled";
    for (const socket of this.#sockets) socket.pause();
  }

  /** New connections pass again. Those that lost bytes are reset, as their ends cannot know what was lost. */
  heal(): void {
    if (this.#state === "silent") for (const socket of this.#sockets) reset(socket);
    if (this.#state === "stalled") for (const socket of this.#sockets) socket.resume();
    this.#state = "open";
  }

  #join(near: Socket, port: number, host: string): void {
    if (this.#state === "refusing") {
      reset(near);
      return;
    }
    const far = dial(port, host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      const pass = (data: Buffer) => this.#state !== "silent" && to.write(data);
      from.on("data", (data) => (this.#delayMs > 0 ? setTimeout(pass, this.#delayMs, data) : pass(data)));
      if (this.#state === "stalled") from.pause();
      from.on("close", () => {
        this.#sockets.delete(from);
        // A network that drops everything does not carry an end either; `heal` does.
        if (this.#state !== "silent") to.destroy();
      });
      // Either end may break first; the other is closed with it.
      from.on("error", () => from.destroy());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Node never gets done with one that is reset while it is being shut down, and then cannot exit. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

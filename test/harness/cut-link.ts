/** A TCP relay before a server that a test can cut and heal: a partition of the one process that dials it. */
import { once } from "node:events";
import { createServer, connect as dial, type Server, type Socket } from "node:net";

/** `drop`: connections break and none can be made. `stall`: they stay, and what is sent waits for the healing. */
export type Cut = "drop" | "stall";

export class CutLink implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #far: number;
  readonly #sockets = new Set<Socket>();
  #cut: Cut | undefined;

  private constructor(server: Server, far: number) {
    this.#server = server;
    this.#far = far;
    this.port = (server.address() as { port: number }).port;
    server.on("connection", (near: Socket) => this.#join(near));
  }

  static async before(port: number): Promise<CutLink> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new CutLink(server, port);
  }

  cut(how: Cut): void {
    this.#cut = how;
    for (const socket of this.#sockets) {
      if (how === "drop") socket.destroy();
      else socket.pause();
    }
  }

  heal(): void {
    this.#cut = undefined;
    for (const socket of this.#sockets) socket.resume();
  }

  #join(near: Socket): void {
    if (this.#cut === "drop") return void near.destroy();
    const far = dial(this.#far, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (data) => to.write(data));
      if (this.#cut) from.pause();
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
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

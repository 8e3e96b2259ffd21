/** A TCP relay before a server whose delay a test can change, as a slow or broken network would. */
import { once } from "node:events";
import { createServer, connect as dial, type Server, type Socket } from "node:net";

export class SlowLink implements AsyncDisposable {
  readonly port: number;
  /** Milliseconds that each piece of data is held back, in each direction. */
  delay = 0;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as { port: number }).port;
  }

  static async before(port: number): Promise<SlowLink> {
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      const far = dial(port, "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from);
        from.on("data", (data) => setTimeout(() => to.write(data), link.delay).unref());
        from.on("close", () => {
          sockets.delete(from);
          to.destroy();
        });
        // Either end may break first; the other is closed with it.
        from.on("error", () => from.destroy());
      }
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const link = new SlowLink(server, sockets);
    return link;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** The ledger of what ran: each closure tells it its id, whose last number is how often it may run at most. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export class Runs implements AsyncDisposable {
  /** Sentences about what ran too often. */
  readonly violations: string[] = [];
  total = 0;
  readonly #counts = new Map<string, number>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      let id = "";
      for await (const chunk of request.setEncoding("utf8")) id += chunk;
      response.end(String(this.#count(id)));
    });
  }

  static async start(host: string): Promise<Runs> {
    const runs = new Runs();
    runs.#server.listen(0, host);
    await once(runs.#server, "listening");
    return runs;
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  #count(id: string): number {
    const count = (this.#counts.get(id) ?? 0) + 1;
    this.#counts.set(id, count);
    this.total++;
    if (count > Number(id.split("-").at(-1))) this.violations.push(`call ${id} ran ${count} times`);
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

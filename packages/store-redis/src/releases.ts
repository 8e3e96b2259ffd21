/** Hears of releases, on a connection of its own that is opened when the first one waits. */
import type { Connection } from "./connection.ts";

export class Releases {
  readonly #open: () => Promise<Connection>;
  readonly #waiting = new Map<string, Set<() => void>>();
  #connection: Promise<Connection> | undefined;

  constructor(open: () => Promise<Connection>) {
    this.#open = open;
  }

  /** Calls `wake` at each message of the channel. Returns the way to stop. */
  async listen(channel: string, wake: () => void): Promise<() => void> {
    this.#connection ??= this.#connect();
    const connection = await this.#connection;
    const waiting = this.#waiting.get(channel) ?? new Set();
    this.#waiting.set(channel, waiting.add(wake));
    const stop = () => {
      waiting.delete(wake);
      if (waiting.size > 0 || this.#waiting.get(channel) !== waiting) return;
      this.#waiting.delete(channel);
      // Without a connection there is no subscription left either.
      connection.unsubscribe(channel).catch(() => {});
    };
    try {
      await connection.subscribe(channel);
      return stop;
    } catch (error) {
      stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    // One that could not be opened needs no closing; whoever waited for it has been told.
    (await this.#connection?.catch(() => undefined))?.disconnect();
  }

  async #connect(): Promise<Connection> {
    try {
      const connection = await this.#open();
      connection.on("message", (channel: string) => {
        for (const wake of this.#waiting.get(channel) ?? []) wake();
      });
      return connection;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }
}

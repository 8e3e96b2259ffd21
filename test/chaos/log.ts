/** What happened when, one JSON object a line, for whoever looks into a run that failed. */

import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";

export class Log implements AsyncDisposable {
  readonly #stream: WriteStream;
  readonly #start = performance.now();

  constructor(file: string) {
    this.#stream = createWriteStream(file);
  }

  /** Seconds since the log began. */
  get seconds(): number {
    return Math.round(performance.now() - this.#start) / 1_000;
  }

  write(what: string, facts: Readonly<Record<string, unknown>> = {}): void {
    const at = new Date().toISOString();
    this.#stream.write(`${JSON.stringify({ at, seconds: this.seconds, what, ...facts })}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.end();
    await once(this.#stream, "close");
  }
}

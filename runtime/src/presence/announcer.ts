import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { NatsAddress } from "../bus/connection.ts";
import type { Timing } from "./timing.ts";

const BYE_MS = 2_000;

/** A driver's presence: a thread with a connection of its own that beats until told to say goodbye. */
export class Announcer {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async start(address: NatsAddress, node: string, timing: Timing): Promise<Announcer> {
    const worker = new Worker(new URL("./beat-thread.js", import.meta.url), {
      workerData: { address, node, timing },
      // A loader that the user registered for the program is of no use here and would only cost its start-up.
      execArgv: [],
    });
    await once(worker, "message");
    // Presence alone must not keep a program running that is otherwise done.
    worker.unref();
    return new Announcer(worker);
  }

  /** Says goodbye and ends the thread, within 2 s. */
  async bye(): Promise<void> {
    const exited = once(this.#worker, "exit");
    this.#worker.postMessage("bye");
    const timer = setTimeout(() => void this.#worker.terminate(), BYE_MS);
    await exited;
    clearTimeout(timer);
  }
}

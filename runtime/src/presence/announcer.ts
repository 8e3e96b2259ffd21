import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { NatsAddress } from "../bus/connection.ts";
import type { Timing } from "./timing.ts";

const BYE_MS = 2_000;

/** A driver's presence: a thread with a connection of its own that beats until told to say goodbye. */
export class Announcer {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #leaving = false;

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#ended = new Promise((resolve) => worker.once("exit", () => resolve()));
    let cause = "";
    // Without a listener this would end the driver, which may have better things to do than to be seen.
    worker.on("error", (error: Error) => (cause = `: ${error.message}`));
    void this.#ended.then(() => {
      if (this.#leaving) return;
      process.emitWarning(
        `The thread that tells executors of this process has ended${cause}; they will take it for gone`,
        { code: "BONFIRE_PRESENCE" },
      );
    });
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
    this.#leaving = true;
    this.#worker.postMessage("bye");
    const timer = setTimeout(() => void this.#worker.terminate(), BYE_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}

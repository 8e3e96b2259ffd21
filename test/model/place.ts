/** Where actors of the model live: a service process, with the executors of its pools below it. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type Cut, CutLink } from "../harness/cut-link.ts";
import type { Entry } from "./ledger.ts";
import type { Order, Reply } from "./orders.ts";

const CLOSE_MS = 10_000;

export interface Place {
  /** Its id in the cluster. */
  readonly node: string;
  readonly pid: number;
  obey(order: Order): Promise<unknown>;
  /** Resolves when it is gone and everything that it wrote down has arrived. */
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  cut(how: Cut): void;
  heal(): void;
  /** Resolves when it has ended by itself; rejects if it does not. */
  close(): Promise<void>;
}

export class ServiceProcess implements Place {
  readonly node: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #link: CutLink;
  readonly #closed: Promise<unknown>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #orders = 0;
  #isEnding = false;

  private constructor(
    node: string,
    child: ChildProcess,
    link: CutLink,
    heard: (entry: Entry) => void,
    died: (exitCode: number | null) => void,
  ) {
    this.node = node;
    this.pid = child.pid as number;
    this.#child = child;
    this.#link = link;
    this.#closed = once(child, "close");
    child.on("message", (message: Entry | Reply) => {
      if ("event" in message) return heard(message);
      const { id, value, error } = message;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    void this.#closed.then(() => {
      for (const { resolve } of this.#waiting.values()) resolve(undefined);
      if (!this.#isEnding) died(child.exitCode);
    });
  }

  /** `url`: of a nats-server on this machine; `scribe`: the address of one, for actors on executors. */
  static async start(
    url: string,
    scribe: string | undefined,
    heard: (entry: Entry) => void,
    died: (node: string, exitCode: number | null) => void,
  ): Promise<ServiceProcess> {
    const behind = new URL(url);
    const link = await CutLink.before(Number(behind.port));
    behind.port = String(link.port);
    const child = fork(join(import.meta.dirname, "service.ts"), {
      env: { ...process.env, NATS_URL: behind.href, BONFIRE_HINTS: "0", MODEL_SCRIBE: scribe },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const exit = once(child, "exit").then(([code]) => {
      throw new Error(`a service did not start: it ended with exit code ${code}`);
    });
    exit.catch(() => "after the start, `died` is told");
    const [{ node }] = (await Promise.race([once(child, "message"), exit])) as [{ node: string }];
    return new ServiceProcess(node, child, link, heard, (exitCode) => died(node, exitCode));
  }

  /** Resolves to undefined if the process ends before it has answered. */
  obey(order: Order): Promise<unknown> {
    if (!this.#child.connected) return Promise.resolve(undefined);
    const waiting = Promise.withResolvers<unknown>();
    const id = ++this.#orders;
    this.#waiting.set(id, waiting);
    // If it is gone by now, its end is the answer.
    this.#child.send({ id, order }, () => undefined);
    return waiting.promise;
  }

  async kill(): Promise<void> {
    this.#isEnding = true;
    this.#child.kill("SIGKILL");
    await this.#closed;
    await this.#link[Symbol.asyncDispose]();
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  cut(how: Cut): void {
    this.#link.cut(how);
  }

  heal(): void {
    this.#link.heal();
  }

  async close(): Promise<void> {
    this.#isEnding = true;
    void this.obey({ kind: "close" });
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), CLOSE_MS);
    await this.#closed;
    clearTimeout(timer);
    await this.#link[Symbol.asyncDispose]();
    if (this.#child.exitCode !== 0)
      throw new Error(`${this.node} did not end by itself within ${CLOSE_MS / 1000} s of its close()`);
  }
}

/** A process's presence: speaks for its nodes and watches others, by a thread that is started again if it fails. */
import { channel } from "node:diagnostics_channel";
import { Worker } from "node:worker_threads";
import type { NatsAddress } from "../bus/connection.ts";
import type { FromThread, ThreadStart, ToThread } from "./thread-messages.ts";
import type { Timing } from "./timing.ts";

/** Nodes that this process has learnt to be gone, `{ node, detail }`. */
const departures = channel("bonfire:node-gone");
const BYE_MS = 2_000;
const AGAIN_MS = 100;
const AGAIN_MAX_MS = 5_000;

export interface PresenceParts {
  readonly address: NatsAddress;
  /** The process's own node: presence speaks for it from the start. */
  readonly node: string;
  readonly timing: Timing;
  /** Awaited before a verdict is passed on, so that what the node itself has said before is heard first. */
  readonly settled: () => Promise<void>;
  /** Another driver has taken a node of this process for gone, which others may have acted upon. */
  readonly onFenced: (node: string, detail: string) => void;
}

interface Watch {
  readonly number: number;
  readonly callbacks: Set<(detail: string) => void>;
}

export class Presence {
  readonly #parts: PresenceParts;
  readonly #nodes: Set<string>;
  readonly #watches = new Map<string, Watch>();
  #numbers = 0;
  #worker: Worker | undefined;
  #ended: Promise<void> = Promise.resolve();
  #again: NodeJS.Timeout | undefined;
  #pause = AGAIN_MS;
  #closing = false;

  private constructor(parts: PresenceParts) {
    this.#parts = parts;
    this.#nodes = new Set([parts.node]);
  }

  /** Resolves when the node can be seen. Rejects with `NATS_UNREACHABLE` or `NATS_REFUSED`. */
  static async start(parts: PresenceParts): Promise<Presence> {
    const presence = new Presence(parts);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    presence.#run(resolve, reject);
    await promise;
    return presence;
  }

  /** Calls `onGone` once when `node` is gone. Returns the way to stop watching. */
  readonly watch = (node: string, onGone: (detail: string) => void): (() => void) => {
    const watch = this.#watches.get(node) ?? this.#begin(node);
    watch.callbacks.add(onGone);
    return () => {
      watch.callbacks.delete(onGone);
      if (watch.callbacks.size > 0 || this.#watches.get(node) !== watch) return;
      this.#watches.delete(node);
      this.#say({ kind: "unwatch", node });
    };
  };

  /** From now on `node`, which this process hosts, lives too. */
  speakFor(node: string): void {
    this.#nodes.add(node);
    this.#say({ kind: "speak", node });
  }

  /** Such a node is gone: whoever watches it knows at once, and is told `detail`. */
  bye(node: string, detail?: string): void {
    if (this.#nodes.delete(node)) this.#say({ kind: "bye", node, detail });
  }

  /** The nodes that it speaks for, and those that it watches. */
  inspect() {
    return { speaksFor: [...this.#nodes], watches: [...this.#watches.keys()] };
  }

  /** Says goodbye for all nodes and ends the thread, within 2 s. */
  async close(detail?: string): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#again);
    this.#say({ kind: "close", detail });
    const timer = setTimeout(() => void this.#worker?.terminate(), BYE_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #begin(node: string): Watch {
    const watch = { number: ++this.#numbers, callbacks: new Set<(detail: string) => void>() };
    this.#watches.set(node, watch);
    this.#say({ kind: "watch", watch: watch.number, node });
    return watch;
  }

  /** A thread that is yet to start again will be told all of it then. */
  #say(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  #run(onUp: () => void, onFailure: (error: Error) => void): void {
    const { address, node, timing } = this.#parts;
    const watches = Array.from(this.#watches, ([node, { number }]) => ({ watch: number, node }));
    const workerData: ThreadStart = { address, node, timing, nodes: [...this.#nodes], watches };
    const worker = new Worker(new URL("./presence-thread.js", import.meta.url), {
      workerData,
      // A loader that the user registered for the program is of no use here and would only cost its start-up.
      execArgv: [],
    });
    this.#worker = worker;
    let isUp = false;
    let cause: Error = new Error("it ended by itself");
    worker.on("message", (message: FromThread) => {
      if (message.kind !== "up") return this.#hear(message);
      isUp = true;
      this.#pause = AGAIN_MS;
      // Presence alone must not keep a program running that is otherwise done.
      worker.unref();
      onUp();
    });
    // Without a listener this would end the process, which may have better things to do than to be seen.
    worker.on("error", (error: Error) => (cause = error));
    this.#ended = new Promise((resolve) => {
      worker.once("exit", () => {
        this.#worker = undefined;
        resolve();
        if (isUp) this.#runAgain(cause);
        else onFailure(cause);
      });
    });
  }

  #runAgain(cause: Error): void {
    if (this.#closing) return;
    process.emitWarning(
      `The thread that tells others that this process lives has ended: ${cause.message}; it is started again`,
      { code: "BONFIRE_PRESENCE" },
    );
    this.#again = setTimeout(() => {
      this.#pause = Math.min(2 * this.#pause, AGAIN_MAX_MS);
      this.#run(
        () => {},
        (error) => this.#runAgain(error),
      );
    }, this.#pause).unref();
  }

  #hear(message: Exclude<FromThread, { kind: "up" }>): void {
    if (message.kind === "fenced") return this.#parts.onFenced(message.node, message.detail);
    const { node, detail } = message;
    const watch = this.#watches.get(node);
    if (watch?.number !== message.watch) return; // of a watch that has been taken back
    this.#parts.settled().finally(() => this.#gone(node, watch, detail));
  }

  #gone(node: string, watch: Watch, detail: string): void {
    if (this.#watches.get(node) !== watch) return;
    this.#watches.delete(node);
    departures.publish({ node, detail });
    for (const callback of watch.callbacks) callback(detail);
  }
}

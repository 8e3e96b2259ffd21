/** A process's presence: speaks for its nodes and watches others, by a thread that is started again if it fails. */
import { channel } from "node:diagnostics_channel";
import { Worker } from "node:worker_threads";
import type { Bus, Subscription } from "../bus/bus.ts";
import { subject } from "../bus/subject.ts";
import type { FromThread, ThreadStart, ToThread } from "./thread-messages.ts";
import type { Timing } from "./timing.ts";

/** Nodes that this process has learnt to be gone, `{ node, detail }`. */
const departures = channel("bonfire:node-gone");
/** How long a verdict waits for what the node itself has said before. */
const SETTLE_MS = 500;
const BYE_MS = 2_000;
const AGAIN_MS = 100;
const AGAIN_MAX_MS = 5_000;
const NOTHING = new Uint8Array(0);

export interface PresenceParts {
  /** The main thread's. Probes are answered by it as well: while either connection is up, somebody is there. */
  readonly bus: Bus;
  /** The process's own node: presence speaks for it from the start. */
  readonly node: string;
  readonly timing: Timing;
  /** Another driver has taken a node of this process for gone, which others may have acted upon. */
  readonly onFenced: (node: string, detail: string) => void;
}

interface Watch {
  readonly number: number;
  readonly callbacks: Set<(detail: string) => void>;
}

export class Presence {
  readonly #parts: PresenceParts;
  readonly #nodes = new Map<string, Subscription>();
  readonly #watches = new Map<string, Watch>();
  #numbers = 0;
  #worker: Worker | undefined;
  #ended: Promise<void> = Promise.resolve();
  #again: NodeJS.Timeout | undefined;
  #pause = AGAIN_MS;
  #closing = false;

  private constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  /** The node can be seen at once: until the thread beats, which takes a moment, the bus answers for it. */
  static start(parts: PresenceParts): Presence {
    const presence = new Presence(parts);
    presence.speakFor(parts.node);
    presence.#run();
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
    if (this.#nodes.has(node)) return;
    const answer = this.#parts.bus.subscribe(subject.ping(node), (message) => message.respond(NOTHING));
    this.#nodes.set(node, answer);
    this.#say({ kind: "speak", node });
  }

  /** Such a node is gone: whoever watches it knows at once, and is told `detail`. */
  bye(node: string, detail?: string): void {
    this.#nodes.get(node)?.unsubscribe();
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
    for (const answer of this.#nodes.values()) answer.unsubscribe();
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

  #run(): void {
    const { bus, node, timing } = this.#parts;
    const watches = Array.from(this.#watches, ([node, { number }]) => ({ watch: number, node }));
    const nodes = [...this.#nodes.keys()];
    const workerData: ThreadStart = { address: bus.address, node, timing, nodes, watches };
    const worker = new Worker(new URL("./presence-thread.js", import.meta.url), {
      workerData,
      // A loader that the user registered for the program is of no use here and would only cost its start-up.
      execArgv: [],
    });
    this.#worker = worker;
    let cause: Error = new Error("it ended by itself");
    worker.on("message", (message: FromThread) => {
      if (message.kind !== "up") return this.#hear(message);
      this.#pause = AGAIN_MS;
    });
    // Presence alone must not keep a program running that is otherwise done.
    worker.unref();
    // Without a listener this would end the process, which may have better things to do than to be seen.
    worker.on("error", (error: Error) => (cause = error));
    this.#ended = new Promise((resolve) => {
      worker.once("exit", () => {
        this.#worker = undefined;
        resolve();
        this.#runAgain(cause);
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
      this.#run();
    }, this.#pause).unref();
  }

  #hear(message: Exclude<FromThread, { kind: "up" }>): void {
    if (message.kind === "fenced") return this.#parts.onFenced(message.node, message.detail);
    const { node, detail } = message;
    const watch = this.#watches.get(node);
    if (watch?.number !== message.watch) return; // of a watch that has been taken back
    this.#parts.bus.drain(SETTLE_MS).finally(() => this.#gone(node, watch, detail));
  }

  #gone(node: string, watch: Watch, detail: string): void {
    if (this.#watches.get(node) !== watch) return;
    this.#watches.delete(node);
    departures.publish({ node, detail });
    for (const callback of watch.callbacks) callback(detail);
  }
}

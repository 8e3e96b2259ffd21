/**
 * One cell's process as its agent sees it: started, watched, and killed with all that it started. The limits here
 * are the ones that hold when V8's own do not.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { BonfireError } from "@bonfire/wire";
import type { CellStart, ToAgent, ToCell } from "../cell/messages.ts";
import { CellGuard, GUARD_FD, GUARDED } from "./cell-guard.ts";
import { residentMb } from "./resident-memory.ts";

const CELL_PROGRAM = fileURLToPath(new URL("../program/cell.js", import.meta.url));
const POLL_MS = 100;
/** What a cell uses beside the code it runs: Node, the isolate's library, and copies on their way in and out. */
const OWN_MB = 256;
/** Address space that V8 reserves for the code of an isolate, which counts as data though it is never touched. */
const V8_CODE_MB = 530;

export type NodeNews = Extract<ToAgent, { kind: "entered" | "left" }>;

/** What agents and keepers need of a cell, wherever it runs. */
export type CellHandle = Pick<
  CellProcess,
  "node" | "ended" | "onNode" | "serve" | "answers" | "kill" | "stop"
>;

export class CellProcess {
  readonly node: string;
  readonly ready: Promise<void>;
  /** Resolves, never rejects, with the reason when the process has ended. */
  readonly ended: Promise<BonfireError>;
  readonly #child: ChildProcess;
  readonly #realm: CellStart["realm"];
  readonly #memoryMb: number;
  readonly #guard: CellGuard;
  /** Told of the actors' nodes that come and go. */
  onNode: (news: NodeNews) => void = () => undefined;
  #waiting: { kind: ToAgent["kind"]; resolve: () => void }[] = [];
  #cause: BonfireError | undefined;
  #poll: NodeJS.Timeout | undefined;
  /** Nodes of actors that live there. */
  #actors = 0;

  /** `isolates`: how many the process may have at a time, its own among them. */
  constructor(start: Omit<CellStart, "workdir">, isolates: number) {
    const workdir = mkdtempSync(join(tmpdir(), "bonfire-cell-"));
    this.node = start.node;
    this.#realm = start.realm;
    this.#memoryMb = start.memoryMb;
    const limitKb = (isolates * V8_CODE_MB + OWN_MB + 2 * this.#capMb) * 1024;
    const program = [process.execPath, "--no-node-snapshot", CELL_PROGRAM];
    this.#child = spawn("sh", ["-c", GUARDED, "sh", String(limitKb), workdir, ...program], {
      stdio: ["ignore", "inherit", "inherit", "ipc", "pipe"],
      cwd: workdir,
      // A group of its own: Ctrl-C in a terminal is for the driver, which then lets its executors go in order.
      detached: true,
    });
    this.#guard = new CellGuard(this.#child.stdio[GUARD_FD] as Duplex);
    // A cell that nobody guards could outlive this process.
    void this.#guard.ended.then(() => this.#child.kill("SIGKILL"));
    this.#child.on("message", (message: ToAgent) => this.#hear(message));
    this.ready = this.#next("ready");
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (cause) =>
        resolve(new BonfireError("CELL_CRASHED", "A cell could not be started", { cause })),
      );
      this.#child.once("exit", (code, signal) => resolve(this.#exitReason(code, signal)));
    });
    void this.ended.then(() => {
      clearInterval(this.#poll);
      this.#guard.strike();
    });
    this.#say({ kind: "start", start: { ...start, workdir } });
  }

  /** What the process may have resident. */
  get #capMb(): number {
    return OWN_MB + 2 * this.#memoryMb;
  }

  /** Gives the cell to a driver, for good. Rejects if the cell ends first. */
  async serve(tenant: string): Promise<void> {
    await this.#orEnd(this.ready);
    this.#poll = setInterval(() => this.#checkMemory(), POLL_MS);
    const serving = this.#next("serving");
    this.#say({ kind: "serve", tenant });
    await this.#orEnd(serving);
  }

  /** Whether the process answers within `ms`. */
  async answers(ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), ms);
    this.#next("pong").then(() => resolve(true));
    void this.ended.then(() => resolve(false));
    this.#say({ kind: "ping" });
    const answered = await promise;
    clearTimeout(timer);
    return answered;
  }

  kill(cause: BonfireError): void {
    this.#cause ??= cause;
    this.#guard.strike();
  }

  /** Lets its running calls finish, for at most `ms`; it takes no others and ends when the last has. */
  async drain(ms: number): Promise<void> {
    this.#cause ??= new BonfireError("CELL_STOPPED", "The cell was stopped as its executor shuts down");
    this.#say({ kind: "drain" });
    await this.#endedWithin(ms);
  }

  /**
   * Lets actors end in order, and code of a process realm close what it has open; kills it after `ms`, or at once if
   * there is neither. Resolves when nothing of it is left.
   */
  async stop(ms: number): Promise<void> {
    this.#cause ??= new BonfireError("CELL_STOPPED", "The cell was stopped");
    if (this.#actors > 0 || this.#realm === "process") {
      this.#say({ kind: "retire" });
      if (this.#child.connected) this.#child.disconnect();
      await this.#endedWithin(ms);
    }
    this.#guard.strike();
    await this.#guard.ended;
  }

  /** Waits for its end, but at most `ms`. */
  #endedWithin(ms: number): Promise<unknown> {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    return Promise.race([this.ended, over]).finally(() => clearTimeout(timer));
  }

  #hear(message: ToAgent): void {
    if (message.kind === "spawned") this.#guard.add(message.group);
    else if (message.kind === "ended") this.#guard.remove(message.group);
    else if (message.kind === "entered" || message.kind === "left") this.#passOn(message);
    else if (message.kind === "broken") this.kill(new BonfireError(message.code, message.message));
    const heard = this.#waiting.filter(({ kind }) => kind === message.kind);
    this.#waiting = this.#waiting.filter(({ kind }) => kind !== message.kind);
    for (const { resolve } of heard) resolve();
  }

  #passOn(news: NodeNews): void {
    this.#actors += news.kind === "entered" ? 1 : -1;
    this.onNode(news);
  }

  #say(message: ToCell): void {
    // A cell that has just ended cannot be told; `ended` says so to whoever waits.
    if (this.#child.connected)
      this.#child.send(message, (error) => error && this.kill(crashed(error.message)));
  }

  #next(kind: ToAgent["kind"]): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ kind, resolve }));
  }

  async #orEnd(step: Promise<void>): Promise<void> {
    const end = await Promise.race([step, this.ended]);
    if (end) throw end;
  }

  #checkMemory(): void {
    const mb = residentMb(this.#child.pid as number);
    if (mb !== undefined && mb > this.#capMb) this.kill(this.#outOfMemory());
  }

  #outOfMemory(): BonfireError {
    return new BonfireError(
      "MEMORY_LIMIT",
      `The code on this cell exceeded its ${this.#memoryMb} MB: use less, or raise the pool's "memory"`,
    );
  }

  #exitReason(code: number | null, signal: NodeJS.Signals | null): BonfireError {
    if (this.#cause) return this.#cause;
    // V8 ends the process so when an allocation fails that it cannot report: the hard limit was met.
    if (signal === "SIGABRT" || signal === "SIGTRAP" || signal === "SIGILL" || code === 133 || code === 134)
      return this.#outOfMemory();
    return crashed(signal ? `it was ended by ${signal}` : `it exited with code ${code}`);
  }
}

function crashed(how: string): BonfireError {
  return new BonfireError("CELL_CRASHED", `The cell that ran the call is gone: ${how}`);
}

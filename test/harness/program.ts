/** Runs a program of the tests as a process of its own and hears what it prints. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const LINE_MS = 30_000;

export interface ProgramOptions {
  /** With `node --import @bonfire/loader`. */
  readonly loader?: boolean;
  /** Further flags for node, before the file. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A command that runs the command behind it, such as `ip netns exec name`. */
  readonly via?: readonly string[];
}

export class Program implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #lines: string[] = [];
  readonly #waiting: { pattern: RegExp; resolve: (match: RegExpExecArray) => void }[] = [];

  /** `file` absolute, or relative to the folder of tests. */
  constructor(
    file: string,
    { loader = false, flags = [], args = [], env = {}, via = [] }: ProgramOptions = {},
  ) {
    const all = [...(loader ? ["--import", "@bonfire/loader"] : []), ...flags];
    const program = resolve(import.meta.dirname, "..", file);
    const [command = process.execPath, ...rest] = [...via, process.execPath, ...all, program, ...args];
    this.child = spawn(command, rest, {
      cwd: join(import.meta.dirname, ".."),
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, BONFIRE_HINTS: "0", ...env },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      createInterface({ input: stream as NodeJS.ReadableStream }).on("line", (line) => this.#hear(line));
    }
    this.exit = once(this.child, "close").then(([code, signal]) => ({ code, signal }));
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get output(): string {
    return this.#lines.join("\n");
  }

  /** Gives the program a line on its standard input. */
  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** The first line, past or to come, that matches. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const past = this.#lines.map((line) => pattern.exec(line)).find((match) => match !== null);
    if (past) return past;
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    this.#waiting.push({ pattern, resolve });
    const fail = (why: string) =>
      reject(new Error(`${why} before a line matched ${pattern}; it printed:\n${this.output}`));
    const timer = setTimeout(() => fail(`${LINE_MS / 1000} s passed`), LINE_MS);
    void this.exit.then(() => fail("the program ended"));
    return promise.finally(() => clearTimeout(timer));
  }

  #hear(line: string): void {
    this.#lines.push(line);
    for (const { pattern, resolve } of this.#waiting) {
      const match = pattern.exec(line);
      if (match) resolve(match);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exit;
  }
}

/** A node REPL that is spoken to through its standard input: one line at a time, as somebody at a terminal does. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const ANSWER_MS = 30_000;
const PROMPT = "> ";

export class Repl implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = "";
  #prompted = Promise.withResolvers<string>();

  constructor(flags: readonly string[] = []) {
    this.#child = spawn(process.execPath, [...flags, "-i"], {
      cwd: join(import.meta.dirname, ".."),
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, BONFIRE_HINTS: "0", NODE_REPL_HISTORY: "", NO_COLOR: "1" },
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      if (!this.#output.endsWith(PROMPT)) return;
      this.#prompted.resolve(this.#output.slice(0, -PROMPT.length).trimEnd());
    });
    this.#child.once("exit", () => {
      // Told to whoever waits; nobody does when it was ended on purpose.
      this.#prompted.promise.catch(() => undefined);
      this.#prompted.reject(new Error(`the REPL ended: ${this.#output}`));
    });
  }

  /** Resolves when it is ready for a line. */
  async ready(): Promise<string> {
    const timer = setTimeout(
      () => this.#prompted.reject(new Error(`the REPL does not answer: ${this.#output}`)),
      ANSWER_MS,
    );
    try {
      return await this.#prompted.promise;
    } finally {
      clearTimeout(timer);
      this.#prompted = Promise.withResolvers();
      this.#output = "";
    }
  }

  /** What it answers to a line. */
  say(line: string): Promise<string> {
    this.#child.stdin!.write(`${line}\n`);
    return this.ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

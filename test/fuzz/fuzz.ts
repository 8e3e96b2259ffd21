/** Makes programs, runs them in both ways, and shrinks the first that comes out otherwise. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import fc from "fast-check";
import type { ProgramReport } from "./driver.ts";
import { type ProgramTree, programs } from "./program-tree.ts";
import { writeProgram } from "./write-program.ts";

export interface FuzzResult {
  readonly seed: number;
  readonly programs: number;
  /** Calls, over both ways. */
  readonly same: number;
  readonly refused: number;
  /** How often each reason was given, with its names left out. */
  readonly reasons: ReadonlyMap<string, number>;
  /** The smallest program that differs, and how; undefined when there is none. */
  readonly failure: string | undefined;
}

/** Programs in one file: more make its bundle larger, fewer make more bundles. */
const BATCH = 100;

/** A way of the fuzzer: a driver that stays, so that shrinking does not start one for each program. */
class Way implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = "";

  constructor(name: string, flags: readonly string[]) {
    this.name = name;
    this.#child = spawn(process.execPath, [...flags, join(import.meta.dirname, "driver.ts")], {
      cwd: import.meta.dirname,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, BONFIRE_HINTS: "0" },
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      if (!/^bonfire: /.test(text)) this.#errors += text;
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async run(file: string): Promise<ProgramReport[]> {
    this.#child.stdin!.write(`${file}\n`);
    const reports: ProgramReport[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the driver of the ${this.name} way ended: ${this.#errors}`);
      if (value === "done") return reports;
      reports.push(JSON.parse(value) as ProgramReport);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin!.end();
    await ended;
  }
}

export async function fuzz(count: number, seed: number): Promise<FuzzResult> {
  // With a node_modules of its own, in which the bundles of these programs are cached and go with it.
  const folder = await mkdtemp(join(tmpdir(), "bonfire-fuzz-"));
  await mkdir(join(folder, "node_modules"));
  try {
    await using loader = new Way("loader", ["--import", "@bonfire/loader"]);
    await using inspector = new Way("inspector", []);
    return await fuzzIn(folder, [loader, inspector], count, seed);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fuzzIn(
  folder: string,
  ways: readonly Way[],
  count: number,
  seed: number,
): Promise<FuzzResult> {
  const known = new Map<string, string | undefined>();
  const tally = { same: 0, refused: 0, reasons: new Map<string, number>() };
  let files = 0;

  /** Runs programs together, and keeps for each how it differs. */
  const runAll = async (batch: readonly ProgramTree[]): Promise<void> => {
    const file = join(folder, `batch-${++files}.mts`);
    const source = batch.map((tree, index) => writeProgram(tree, index)).join("\n");
    await writeFile(
      file,
      `import type { Pool } from "@bonfire/runtime";\nexport const programs: ((pool: Pool) => Promise<unknown>)[] = [];\n${source}\n`,
    );
    const differences = batch.map((): string[] => []);
    await Promise.all(
      ways.map(async (way) => {
        for (const { index, same, refused, differences: found } of await way.run(file)) {
          tally.same += same;
          tally.refused += refused.length;
          for (const reason of refused) countOne(tally.reasons, general(reason));
          for (const one of found) differences[index]!.push(`${way.name}: ${one}`);
        }
      }),
    );
    batch.forEach((tree, index) => {
      known.set(
        writeProgram(tree, 0),
        differences[index]!.length === 0 ? undefined : differences[index]!.join("\n"),
      );
    });
  };

  const all = fc.sample(programs, { seed, numRuns: count });
  for (let start = 0; start < all.length; start += BATCH) await runAll(all.slice(start, start + BATCH));

  // The same programs once more, by now known; only what it shrinks has to run.
  const details = await fc.check(
    fc.asyncProperty(programs, async (tree) => {
      const source = writeProgram(tree, 0);
      if (!known.has(source)) await runAll([tree]);
      const differs = known.get(source);
      if (differs !== undefined) throw new Error(`${source}\n\n${differs}`);
    }),
    { seed, numRuns: count },
  );
  const failure = details.failed ? String((details.errorInstance as Error).message) : undefined;
  return { seed, programs: all.length, ...tally, failure };
}

function countOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function general(reason: string): string {
  return reason
    .replace(/"[^"]*"|`[^`]*`/g, "…")
    .replace(/ at \S+:\d+:\d+/, "")
    .replace(/instance of \S+|is a \S+:/, "instance");
}

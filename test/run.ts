/**
 * Runs every test file of the workspace, each in a process of its own, two at a time; then checks that no process
 * of ours is left, and prints how many tests passed.
 *
 *     node test/run.ts                 everything
 *     node test/run.ts pool closure    only files whose path contains one of the words
 *     node test/run.ts --full          with the full counts of tests that count, up to an hour each
 *     node test/run.ts --list          what there is
 */
import { spawn } from "node:child_process";
import { glob } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { countsIn } from "./harness/counted.ts";
import { leftovers } from "./harness/leftovers.ts";

const ROOT = join(import.meta.dirname, "..");
/** Tests that count, such as of calls that are lost, count as far as their claims say. */
const FULL = process.argv.includes("--full");
const FILE_TIMEOUT_MS = (FULL ? 60 : 5) * 60_000;
const SLOW_FIRST = [
  "test/fuzz",
  "test/model",
  "test/conformance",
  "test/integration",
  "executor-image",
  "packages/loader",
];

interface Outcome {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly output: string;
}

const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const files = await testFiles(words);
if (process.argv.includes("--list")) {
  console.log(files.join("\n"));
  process.exit(0);
}
if (files.length === 0) {
  console.error(`No test file matches ${words.join(" ")}`);
  process.exit(1);
}

const before = new Set((await leftovers()).map(({ pid }) => pid));
const outcomes: Outcome[] = [];
const queue = [...files];
await Promise.all(
  Array.from({ length: Math.min(2, availableParallelism()) }, async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const outcome = await run(file);
      outcomes.push(outcome);
      report(outcome);
    }
  }),
);

const left = (await leftovers()).filter(({ pid }) => !before.has(pid));
for (const { pid, command } of left)
  console.log(`left behind: ${pid} ${command.replace(/\s+/g, " ").slice(-160)}`);
const counts = outcomes.flatMap(({ file, output }) =>
  countsIn(output).map((line) => `${basename(file, ".test.ts")}: ${line}`),
);
if (counts.length > 0) console.log(`\nCounted:\n  ${counts.join("\n  ")}\n`);
const sum = (pick: (outcome: Outcome) => number) =>
  outcomes.reduce((total, outcome) => total + pick(outcome), 0);
const failed = sum(({ failed }) => failed) + (left.length > 0 ? 1 : 0);
const passed = sum(({ passed }) => passed) + (left.length > 0 ? 0 : 1); // "nothing is left behind" is a test too
const skipped = sum(({ skipped }) => skipped);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 ? 1 : 0);

async function testFiles(words: string[]): Promise<string[]> {
  const found: string[] = [];
  const skip = (name: string) => /(^|\/)(node_modules|dist)(\/|$)/.test(name);
  for await (const file of glob("{runtime,executor-image,packages/*,test}/**/*.test.ts", {
    cwd: ROOT,
    exclude: skip,
  })) {
    if (words.length === 0 || words.some((word) => file.includes(word))) found.push(file);
  }
  const rank = (file: string) => {
    const at = SLOW_FIRST.findIndex((start) => file.startsWith(start));
    return at < 0 ? SLOW_FIRST.length : at;
  };
  return found.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

function run(file: string): Promise<Outcome> {
  const start = performance.now();
  // isolated-vm wants a process without Node's own startup snapshot.
  const child = spawn(process.execPath, ["--no-node-snapshot", join(ROOT, file)], {
    cwd: join(ROOT, dirname(file)),
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, FORCE_COLOR: "0", BONFIRE_HINTS: "0", BONFIRE_FULL: FULL ? "1" : "0" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => (output += text));
  const timer = setTimeout(() => {
    output += `\nkilled after ${FILE_TIMEOUT_MS / 1000} s`;
    child.kill("SIGKILL");
  }, FILE_TIMEOUT_MS);
  return new Promise((resolve) => {
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const count = (label: string) =>
        [...output.matchAll(new RegExp(`^\\s*${label}:\\s+(\\d+)`, "gm"))].reduce(
          (n, m) => n + Number(m[1]),
          0,
        );
      const [total, passed, skipped] = [count("Total"), count("Passed"), count("Skipped")];
      // A file that ends early, or has no test at all, has failed whatever it printed.
      const broken = total + skipped === 0 || signal !== null || (code !== 0 && passed === total) ? 1 : 0;
      // uvu's total is of the tests that ran: skipped ones are not in it.
      const failed = total - passed + broken;
      resolve({ file, passed, failed, skipped, seconds: (performance.now() - start) / 1000, output });
    });
  });
}

function report({ file, passed, failed, seconds, output }: Outcome): void {
  console.log(
    `${failed > 0 ? "FAILED" : "ok    "} ${file} (${passed} passed${failed > 0 ? `, ${failed} failed` : ""}, ${seconds.toFixed(1)} s)`,
  );
  if (failed > 0) console.log(output.trimEnd());
}

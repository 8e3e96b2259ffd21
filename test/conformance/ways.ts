/**
 * The ways in which the table is run. A way starts the table as a program, which prints a line of JSON for each of its
 * rows; the bundler's builds that program first.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildProgram } from "../harness/build-program.ts";
import type { Report } from "./program.ts";
import type { Circumstances } from "./row.ts";

export interface Way extends Circumstances {
  readonly name: string;
}

/** How long one run of the program may take. */
const COMMAND_MS = 4 * 60_000;
const PROGRAM = join(import.meta.dirname, "program.ts");

const NODE_FLAGS: Record<Circumstances["capture"], readonly string[]> = {
  loader: ["--import", "@bonfire/loader"],
  inspector: [],
  // Stacks of what runs in place are to name the sources too.
  bundler: ["--enable-source-maps"],
};

export const WAYS: readonly Way[] = (["loader", "inspector", "bundler"] as const).flatMap((capture) =>
  (["isolate", "process"] as const).map(
    (realm): Way => ({ name: `${capture}, ${realm} realm`, capture, realm }),
  ),
);

/** The reports of all rows. Throws when the program fails, with what it printed. */
export async function runWay(way: Way, args: readonly string[] = []): Promise<Report[]> {
  if (way.capture !== "bundler") return runTables(PROGRAM, way, args);
  // Below test/, where `@bonfire/runtime` is found.
  await using folder = await mkdtempDisposable(join(import.meta.dirname, "../scratch-conformance-"));
  const built = await buildProgram("esbuild", PROGRAM, folder.path, {
    pluginOptions: { refusals: "warning" },
  });
  return await runTables(built, way, args);
}

async function runTables(
  program: string,
  { capture, realm }: Way,
  args: readonly string[],
): Promise<Report[]> {
  const table = [...NODE_FLAGS[capture], program, "--capture", capture, "--realm", realm, ...args];
  return [
    ...(await run(table)),
    // What node cannot run by leaving types out.
    ...(await run(["--experimental-transform-types", ...table, "--transformed"])),
  ];
}

async function run(command: readonly string[]): Promise<Report[]> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...command], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, BONFIRE_HINTS: "0", BONFIRE_ROW: "granted" },
    timeout: COMMAND_MS,
    killSignal: "SIGKILL",
  });
  const reports: Report[] = [];
  const other: string[] = [];
  const isReport = (line: string) => line.startsWith('{"id":');
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (isReport(line)) reports.push(JSON.parse(line) as Report);
    else other.push(line);
  });
  createInterface({ input: child.stderr }).on("line", (line) => other.push(line));
  const [code, signal] = await once(child, "close");
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code ?? signal}:\n${other.join("\n")}`);
  return reports;
}

export function summary(reports: readonly Report[]): string {
  const count = (wanted: Report["verdict"]) => reports.filter(({ verdict }) => verdict === wanted).length;
  return `${reports.length} rows, ${count("same")} same, ${count("refused")} refused-as-documented, ${count("skipped")} skipped, ${count("wrong")} wrong`;
}

/**
 * The ways in which the table is run. A way is commands that start the table as a program, each of which prints a
 * line of JSON for each of its rows; a bundler's way would build `program.ts` first.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Report } from "./program.ts";
import type { Circumstances } from "./row.ts";

export interface Way extends Circumstances {
  readonly name: string;
  readonly commands: readonly (readonly string[])[];
}

/** How long one command of a way may take. */
const COMMAND_MS = 4 * 60_000;
const PROGRAM = join(import.meta.dirname, "program.ts");

export const WAYS: readonly Way[] = (["loader", "inspector"] as const).flatMap((capture) =>
  (["isolate", "process"] as const).map((realm): Way => {
    const loader = capture === "loader" ? ["--import", "@bonfire/loader"] : [];
    const table = [PROGRAM, "--capture", capture, "--realm", realm];
    return {
      name: `${capture}, ${realm} realm`,
      capture,
      realm,
      commands: [
        [...loader, ...table],
        // What node cannot run by leaving types out.
        ["--experimental-transform-types", ...loader, ...table, "--transformed"],
      ],
    };
  }),
);

/** The reports of all rows. Throws when a command of the way fails, with what it printed. */
export async function runWay({ commands }: Way, args: readonly string[] = []): Promise<Report[]> {
  const reports: Report[] = [];
  for (const command of commands) reports.push(...(await run([...command, ...args])));
  return reports;
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
  return `${reports.length} rows, ${count("same")} same, ${count("refused")} refused-as-documented, ${count("wrong")} wrong`;
}

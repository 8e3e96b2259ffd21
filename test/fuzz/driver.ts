/**
 * Runs programs of the fuzzer. Each file that is named on standard input holds some; every call that they make is made
 * on a pool and in place, and the two must agree. Prints a line of JSON for each program.
 */
import { createInterface } from "node:readline";
import { connect, hasCode, type Pool } from "@bonfire/runtime";
import { difference } from "../conformance/difference.ts";

export interface ProgramReport {
  readonly index: number;
  readonly same: number;
  /** The sentences of what was refused. */
  readonly refused: readonly string[];
  readonly differences: readonly string[];
}

type Outcome = { readonly value: unknown } | { readonly thrown: unknown };
type Program = (pool: Pool) => Promise<void>;

const TOGETHER = 8;
/** The last is for a variable that holds no function any more. */
const REFUSALS = ["CAPTURE_REFUSED", "VALUE_REFUSED", "INVALID_CALL"];

await using fire = await connect();
await using pool = await fire.pool("fuzz", { min: 1, max: 1, concurrency: TOGETHER, timeout: "60s" });

for await (const file of createInterface({ input: process.stdin })) {
  const { programs } = (await import(file)) as { programs: Program[] };
  const queue = programs.entries();
  await Promise.all(
    Array.from({ length: TOGETHER }, async () => {
      for (const [index, program] of queue) console.log(JSON.stringify(await run(program, index)));
    }),
  );
  console.log("done");
}

async function run(program: Program, index: number): Promise<ProgramReport> {
  const report = { index, same: 0, refused: [] as string[], differences: [] as string[] };
  const compared = {
    async call(fn: () => unknown): Promise<unknown> {
      // What it captures is read before the closure runs here, and may change it.
      const remote = outcomeOf(() => pool.call(fn));
      const here = await outcomeOf(fn);
      const there = await remote;
      judge(here, there, report);
      return undefined;
    },
  };
  try {
    await program(compared as Pool);
  } catch (error) {
    // Code between the calls may fail, and does so for both.
    if (!(error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError))
      throw error;
  }
  return report;
}

function judge(
  here: Outcome,
  there: Outcome,
  report: { same: number; refused: string[]; differences: string[] },
) {
  if ("thrown" in there && REFUSALS.some((code) => hasCode(there.thrown, code))) {
    report.refused.push((there.thrown as Error).message);
    return;
  }
  if ("thrown" in here !== "thrown" in there) {
    const shown = (outcome: Outcome) =>
      "thrown" in outcome ? `threw ${(outcome.thrown as Error).stack}` : "gave a value";
    report.differences.push(`there it ${shown(there)}, here it ${shown(here)}`);
    return;
  }
  const differs =
    "thrown" in here && "thrown" in there
      ? difference(facts(here.thrown), facts(there.thrown))
      : difference((here as { value: unknown }).value, (there as { value: unknown }).value);
  if (differs === undefined) report.same++;
  else report.differences.push(differs);
}

/** Errors of the engine name its own expressions in their messages, which a bundle may spell otherwise. */
function facts(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { name, data } = thrown as Error & { data?: unknown };
  return { name, data, prototype: Object.getPrototypeOf(thrown) === RangeError.prototype };
}

async function outcomeOf(work: () => unknown): Promise<Outcome> {
  try {
    return { value: await work() };
  } catch (thrown) {
    return { thrown };
  }
}

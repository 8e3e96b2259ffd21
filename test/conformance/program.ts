/**
 * Runs every row inline and on a pool, in this one process so that classes can be compared, and prints a line of JSON
 * for each: what the runner of every way starts.
 *
 *     node program.ts --capture loader|inspector|bundler --realm isolate|process [--transformed]
 */
import { parseArgs } from "node:util";
import { connect, type Pool } from "@bonfire/runtime";
import { difference } from "./difference.ts";
import { inlinePool } from "./inline-pool.ts";
import { type Circumstances, type Refusal, type Row, refusalOf } from "./row.ts";

export interface Report {
  readonly id: string;
  readonly verdict: "same" | "refused" | "skipped" | "wrong";
  /** What was wrong, or why it is skipped. */
  readonly detail?: string;
}

type Outcome = { readonly value: unknown } | { readonly thrown: unknown; readonly atOnce: boolean };

const ROW_DEADLINE = "30s";
const PLACE = /\brows\/[\w.-]+:\d+:\d+/;

const { values } = parseArgs({
  options: {
    capture: { type: "string" },
    realm: { type: "string" },
    transformed: { type: "boolean", default: false },
    only: { type: "string" },
  },
});
const circumstances = { capture: values.capture, realm: values.realm } as Circumstances;
const { realm } = circumstances;
const { groups } = values.transformed ? await import("./transformed-table.ts") : await import("./table.ts");

await using fire = await connect();
const options = { realm, min: 1, max: 1, timeout: ROW_DEADLINE } as const;
await using pool = await fire.pool("conformance", options);
await using granted = await fire.pool("granted", {
  ...options,
  grants: { files: true, programs: ["echo"], env: ["BONFIRE_ROW"] },
});

const stamp = await stampOf(pool);
for (const { rows } of groups) {
  for (const row of rows) {
    if (values.only !== undefined && !row.id.includes(values.only)) continue;
    const report: Report = { id: row.id, ...(await reportOf(row)) };
    console.log(JSON.stringify(report));
  }
}

/** What is skipped runs all the same, so that a row is not marked for longer than it has to be. */
async function reportOf(row: Row): Promise<Omit<Report, "id">> {
  const report = await verdictOf(row);
  const reason = row.not?.[circumstances.capture];
  if (reason === undefined) return report;
  return report.verdict === "wrong"
    ? { verdict: "skipped", detail: reason }
    : wrong(`it came out ${report.verdict}, but is marked as not applying: ${reason}`);
}

async function verdictOf(row: Row): Promise<Omit<Report, "id">> {
  const actual = await outcomeOf(row, row.granted ? granted : pool);
  // A refusal, and whatever a row threw, must leave the executor as it was.
  if ("thrown" in actual && (await stampOf(pool)) !== stamp) return wrong("the isolate did not survive it");
  const refusal = refusalOf(row, circumstances);
  if (refusal) return judgeRefusal(refusal, actual);
  const expected = await outcomeOf(row, inlinePool);
  if ("thrown" in actual !== "thrown" in expected) return wrong(tell("thrown" in actual ? actual : expected));
  const differs =
    "thrown" in actual
      ? difference((expected as typeof actual).thrown, actual.thrown)
      : difference((expected as typeof actual).value, actual.value);
  return differs === undefined ? { verdict: "same" } : wrong(differs);
}

function judgeRefusal({ code, message }: Refusal, actual: Outcome): Omit<Report, "id"> {
  if (!("thrown" in actual)) return wrong(`it was not refused, and gave ${JSON.stringify(actual.value)}`);
  const error = actual.thrown as Error & { code?: unknown };
  if (error.code !== code || !message.test(error.message)) return wrong(tell(actual));
  if (code === "CAPTURE_REFUSED" && !PLACE.test(error.message)) return wrong(`no place in: ${error.message}`);
  if (code === "CAPTURE_REFUSED" && !actual.atOnce) return wrong(`the call did not refuse at once`);
  return { verdict: "refused" };
}

function wrong(detail: string): Omit<Report, "id"> {
  return { verdict: "wrong", detail };
}

function tell(outcome: Outcome): string {
  if (!("thrown" in outcome)) return `it gave ${JSON.stringify(outcome.value)}`;
  const { code, stack } = outcome.thrown as Error & { code?: unknown };
  return `it threw ${code ?? "without a code"}: ${stack ?? String(outcome.thrown)}`;
}

async function outcomeOf({ call }: Row, pool: Pool): Promise<Outcome> {
  let atOnce = true;
  try {
    const answer = call(pool);
    atOnce = false;
    return { value: await answer };
  } catch (thrown) {
    return { thrown, atOnce };
  }
}

/** A mark that lasts as long as the isolate, or the process, that the pool's calls meet. */
function stampOf(pool: Pool): Promise<number> {
  return pool.call({}, () => {
    const realm = globalThis as { conformanceStamp?: number };
    if (realm.conformanceStamp === undefined) realm.conformanceStamp = Math.random();
    return realm.conformanceStamp;
  });
}

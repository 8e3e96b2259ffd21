/**
 * Runs the conformance table in every way and prints, for each, how many rows came out, and which did not.
 *
 *     pnpm test:conformance               all ways
 *     pnpm test:conformance loader        ways whose name contains the word
 *     --only WORD                         rows whose id contains the word
 */
import { parseArgs } from "node:util";
import { runWay, summary, WAYS } from "./ways.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: "string" } } });
const ways = WAYS.filter(({ name }) => positionals.every((word) => name.includes(word)));
let wrong = ways.length === 0 ? 1 : 0;
for (const way of ways) {
  const reports = await runWay(way, values.only === undefined ? [] : ["--only", values.only]);
  console.log(`${way.name}: ${summary(reports)}`);
  for (const { id, verdict, detail } of reports) {
    if (verdict === "wrong") wrong++;
    if (verdict === "wrong" || verdict === "skipped") console.log(`  ${verdict} ${id}: ${detail}`);
  }
}
process.exit(wrong > 0 ? 1 : 0);

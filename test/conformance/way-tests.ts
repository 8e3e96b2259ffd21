/** Runs the ways of one kind of capture and makes a test of every row, so that a failure names the row. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Circumstances } from "./row.ts";
import { runWay, summary, WAYS } from "./ways.ts";

/** Fewer rows than this were lost, not dropped on purpose. */
const LEAST_ROWS = 200;

export async function testWays(capture: Circumstances["capture"]): Promise<void> {
  const ways = WAYS.filter((way) => way.capture === capture);
  const runs = await Promise.all(ways.map(async (way) => ({ way, reports: await runWay(way) })));
  for (const { way, reports } of runs) {
    test(`${way.name}: ${summary(reports)}`, () => assert.ok(reports.length > LEAST_ROWS));
    for (const { id, verdict, detail } of reports) {
      if (verdict === "skipped") {
        test.skip(`${id} does not apply (${way.name}): ${detail}`);
        continue;
      }
      test(`${id} is the same as inline or refused as documented (${way.name})`, () => {
        assert.is.not(verdict, "wrong", detail);
      });
    }
  }
  test.run();
}

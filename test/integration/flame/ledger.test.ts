/**
 * Executors are killed at random while calls run, and each closure writes into a ledger that it ran. 10 kills during
 * 1,000 calls; 200 during 20,000 with --full.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGENT_PROGRAM } from "@bonfire/executor";
import { connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { counted } from "../../harness/counted.ts";
import { FULL } from "../../harness/executors.ts";
import { until } from "../../harness/outcome.ts";

const CALLS = FULL ? 20_000 : 1_000;
const KILLS = FULL ? 200 : 10;
/** Calls under way or waiting at a time: many more than there are slots. */
const OUTSTANDING = 200;
/** Losses of the place where a call ran; anything else would be an error of ours. */
const LOSSES = new Set(["EXECUTOR_LOST", "ACTOR_LOST", "CELL_CRASHED", "NO_SUCH_ACTOR"]);

const folder = await mkdtemp(join(tmpdir(), "bonfire-ledger-"));
const fire = await connect();
test.after(async () => {
  await fire.close();
  await rm(folder, { recursive: true });
});

/** Once its executor is dead, a cell has another parent, which is none of ours. */
function isAgent(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(AGENT_PROGRAM);
  } catch {
    return false; // gone
  }
}

/** By how many later calls one was overtaken at most, in the order in which they began to run. */
function mostOvertaken(ran: readonly number[]): number {
  const turns = new Map(ran.toSorted((a, b) => a - b).map((id, turn) => [id, turn]));
  return ran.reduce((most, id, at) => Math.max(most, at - (turns.get(id) as number)), 0);
}

test(`${KILLS} random kills of executors during ${CALLS} calls: each call has one outcome, and none ran twice`, async () => {
  const ledger = join(folder, "ledger");
  await writeFile(ledger, "");
  await using pool = await fire.pool("ledger", { max: 3, concurrency: 4, realm: "process", logs: "ignore" });
  const outcomes = Array.from({ length: CALLS }, () => 0);
  const resolved = new Set<number>();
  const codes = new Map<string, number>();
  const agents = new Set<number>();
  let waitedLongest = 0;
  let kills = 0;
  let settled = 0;

  const run = async (id: number) => {
    const start = performance.now();
    try {
      const agent = await pool.call({ id, ledger }, async ({ id, ledger }) => {
        const { appendFileSync } = await import("node:fs");
        appendFileSync(ledger, `${id}\n`);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
        return process.ppid;
      });
      agents.add(agent);
      resolved.add(id);
    } catch (error) {
      const { code = String(error) } = error as { code?: string };
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    outcomes[id] = (outcomes[id] as number) + 1;
    settled++;
    waitedLongest = Math.max(waitedLongest, performance.now() - start);
    // At random, but all of them before the calls are over.
    const due = Math.ceil((KILLS * settled) / (CALLS * 0.9));
    if (kills < Math.min(KILLS, due) && Math.random() < 0.5) killOne();
  };
  const killOne = () => {
    const alive = [...agents].filter(isAgent);
    const pid = alive[Math.floor(Math.random() * alive.length)];
    if (pid === undefined) return;
    process.kill(pid, "SIGKILL");
    kills++;
  };

  let next = 0;
  await Promise.all(
    Array.from({ length: OUTSTANDING }, async () => {
      while (next < CALLS) await run(next++);
    }),
  );

  const ran = (await readFile(ledger, "utf8")).trim().split("\n").map(Number);
  const lost = CALLS - resolved.size;
  counted("calls while executors are killed", {
    calls: CALLS,
    kills,
    resolved: resolved.size,
    rejected: lost,
    ...Object.fromEntries(codes),
    "run twice": ran.length - new Set(ran).size,
    "overtaken by at most": mostOvertaken(ran),
    "longest, s": Number((waitedLongest / 1_000).toFixed(1)),
  });
  assert.is(kills, KILLS);
  assert.ok(
    outcomes.every((count) => count === 1),
    "each call has exactly one outcome",
  );
  assert.is(new Set(ran).size, ran.length, "no closure ran twice");
  const written = new Set(ran);
  for (const id of resolved) assert.ok(written.has(id), `call ${id} resolved, so it ran`);
  for (const code of codes.keys()) assert.ok(LOSSES.has(code), `an unexpected ${code}`);
  assert.ok(mostOvertaken(ran) < OUTSTANDING, "whoever waits is not passed over");
  assert.ok(lost > 0 && lost <= KILLS * 4, "a kill costs the calls of its executor, and no others");
  assert.is(await pool.call({}, () => "alive"), "alive");
  await until(() => pool.inspect().running === 0 && pool.inspect().waiting === 0);
});

test.run();

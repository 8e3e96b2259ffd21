import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { descendants, untilGone } from "../harness/gone.ts";
import { leftovers } from "../harness/leftovers.ts";
import { Program } from "../harness/program.ts";

const LIMIT_MS = 10_000;
const PROGRAM = "integration/programs/busy-driver.ts";

/** Everything below the driver, once its ffmpeg runs: nats-server and its guard, agents, cells, ffmpeg. */
async function family(pid: number): Promise<number[]> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const pids = await descendants(pid);
    const commands = await Promise.all(
      pids.map((one) => readFile(`/proc/${one}/cmdline`, "utf8").catch(() => "")),
    );
    const names = ["nats-server", "agent.js", "cell.js", "ffmpeg"];
    const missing = names.filter((name) => !commands.some((command) => command.includes(name)));
    if (missing.length === 0) return pids;
    if (performance.now() > deadline) throw new Error(`no ${missing.join(", ")} below the driver`);
    await pause(20);
  }
}

/** Ends a busy driver so; returns how many ms it took until all of its processes were gone. */
async function endsEverything(end: (program: Program) => void): Promise<number> {
  await using program = new Program(PROGRAM);
  await program.line(/^ready/);
  const pids = await family(program.pid);
  const start = performance.now();
  end(program);
  await untilGone([program.pid, ...pids], LIMIT_MS);
  return performance.now() - start;
}

test("kill -9 of a driver leaves no executor, cell, ffmpeg or nats-server, ten times out of ten", async () => {
  const times: number[] = [];
  for (let i = 0; i < 10; i++) times.push(await endsEverything((program) => program.child.kill("SIGKILL")));
  console.log(`gone after ${times.map((ms) => `${Math.round(ms)}`).join(", ")} ms`);
  assert.is(times.length, 10);
});

test("Ctrl-C leaves nothing", async () => {
  await endsEverything((program) => program.child.kill("SIGINT"));
});

test("process.exit() without a word leaves nothing", async () => {
  await endsEverything((program) => program.say("exit"));
});

test("close() gives what runs its shutdownTimeout, ends it, and then the process ends by itself", async () => {
  const took = await endsEverything((program) => program.say("close"));
  console.log(`closed after ${Math.round(took)} ms`);
});

test("kill -9 of an agent takes its cells and the ffmpeg that they run with it", async () => {
  await using program = new Program(PROGRAM);
  await program.line(/^ready/);
  const own = new Set(await family(program.pid));
  const agents = (await leftovers()).filter(
    ({ pid, command }) => own.has(pid) && command.endsWith("agent.js"),
  );
  assert.is(agents.length, 2);
  for (const agent of agents) {
    const below = await descendants(agent.pid);
    assert.ok(below.length > 0);
    process.kill(agent.pid, "SIGKILL");
    await untilGone(below, LIMIT_MS);
  }
});

test.run();

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { AGENT_PROGRAM } from "@bonfire/executor";
import { connect, type Pool, type PoolOptions } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { descendants, untilGone } from "../harness/gone.ts";

const WITHIN_MS = 2_000;
const STARTED_WITHIN_MS = 20_000;
const fire = await connect();
test.after(() => fire.close());

/** A pool with one executor, and the pid of that. */
async function poolOfOne(name: string, options: PoolOptions): Promise<{ pool: Pool; agent: number }> {
  const before = new Set(await agents());
  const pool = await fire.pool(name, { min: 1, max: 1, concurrency: 2, logs: "ignore", ...options });
  const agent = (await agents()).find((pid) => !before.has(pid));
  return { pool, agent: agent as number };
}

async function agents(): Promise<number[]> {
  return (await commands(await descendants(process.pid)))
    .filter(({ text }) => text.includes("agent.js"))
    .map(({ pid }) => pid);
}

async function commands(pids: readonly number[]): Promise<{ pid: number; text: string }[]> {
  const read = (pid: number) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return Promise.all(pids.map(async (pid) => ({ pid, text: await read(pid) })));
}

/** The processes below `pid` once one of them runs `program`. */
async function below(pid: number, program: string): Promise<Awaited<ReturnType<typeof commands>>> {
  const deadline = performance.now() + STARTED_WITHIN_MS;
  for (;;) {
    const found = await commands(await descendants(pid));
    if (found.some(({ text }) => text.startsWith(program))) return found;
    const there = found.map(({ pid, text }) => `${pid} ${text.replaceAll("\0", " ")}`);
    assert.ok(performance.now() < deadline, `no ${program} below ${pid}, only ${there.join("; ")}`);
    await pause(10);
  }
}

const outcome = (call: Promise<unknown>) =>
  call.then(String, (error: Error & { code: string }) => error.code);
const ENDLESS = ["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=duration=3600", "-f", "null", "-"];

test("a cell whose code spins ends with its agent's kill -9, and its folder with it", async () => {
  const { pool, agent } = await poolOfOne("spins", { realm: "process" });
  const { cell, folder } = await pool.call(() => ({ cell: process.pid, folder: process.cwd() }));
  const spinning = pool.call(() => {
    for (;;) {}
  });
  const ended = outcome(spinning);
  const pids = await descendants(agent);
  assert.ok(pids.includes(cell) && pids.length > 1, "a cell and its guard");
  process.kill(agent, "SIGKILL");
  console.log(`gone after ${Math.round(await untilGone(pids, WITHIN_MS))} ms`);
  assert.not(existsSync(folder));
  assert.is(await ended, "EXECUTOR_LOST");
  await pool.close();
});

test("so do the programs that it runs, also one that it waits for synchronously", async () => {
  for (const way of ["spawn", "spawnSync"] as const) {
    const { pool, agent } = await poolOfOne(way, { grants: { programs: ["ffmpeg"], files: true } });
    const ended = outcome(
      pool.call({ way, ENDLESS }, async ({ way, ENDLESS }) => {
        const { spawn, spawnSync } = await import("node:child_process");
        if (way === "spawnSync") return spawnSync("ffmpeg", ENDLESS).status;
        spawn("ffmpeg", ENDLESS);
        for (;;) {}
      }),
    );
    const pids = (await below(agent, "ffmpeg")).map(({ pid }) => pid);
    process.kill(agent, "SIGKILL");
    await untilGone(pids, WITHIN_MS);
    assert.is(await ended, "EXECUTOR_LOST");
    await pool.close();
  }
});

test("a guard leaves the cell alone while the agent lives, and ends with the cell", async () => {
  const { pool, agent } = await poolOfOne("ends", { realm: "process" });
  const folder = await pool.call(() => process.cwd());
  const pids = (await descendants(agent)).filter((pid) => pid !== agent);
  const ended = outcome(pool.call(() => void process.exit(3)));
  await untilGone(pids, WITHIN_MS);
  assert.not(existsSync(folder));
  assert.is(await ended, "CELL_CRASHED");
  process.kill(agent, 0);
  await pool.close();
});

test("SIGTERM, also more than one, lets what runs finish within shutdownTimeout; an idle executor ends at once", async () => {
  const { pool, agent } = await poolOfOne("drains", { realm: "process", shutdownTimeout: "10s" });
  await pool.call(() => 1);
  const running = pool.call(() => new Promise((resolve) => setTimeout(resolve, 600, "finished")));
  await pool.call(() => 2);
  process.kill(agent, "SIGTERM");
  const again = setInterval(() => process.kill(agent, "SIGTERM"), 20);
  await running.finally(() => clearInterval(again));
  assert.is(await running, "finished");
  await untilGone([agent], WITHIN_MS);
  await pool.close();

  const idle = await poolOfOne("idle", { shutdownTimeout: "10s" });
  await idle.pool.call(() => 1);
  process.kill(idle.agent, "SIGTERM");
  const took = await untilGone([idle.agent], WITHIN_MS);
  console.log(`idle executor gone after ${Math.round(took)} ms`);
  await idle.pool.close();
});

test("SIGTERM while an executor boots leaves no process and no folder", async () => {
  const child = spawn(process.execPath, [AGENT_PROGRAM], { stdio: ["pipe", "ignore", "ignore"] });
  const nowhere = { node: "d-nowhere", actor: "supervisor" };
  const bootstrap = {
    ...{ executor: "e-boots", nats: { servers: ["nats://127.0.0.1:1"] }, pool: "boots", supervisor: nowhere },
    ...{
      timing: { beat: 1_000, probe: 150, nobody: 1_500, lease: 6_000, natsGrace: 30_000 },
      realm: "isolate",
    },
    ...{ grants: {}, concurrency: 1, memoryMb: 128, registerMs: 60_000, shutdownMs: 60_000 },
    ...{ token: "0", adoptable: false },
  };
  child.stdin.write(`${JSON.stringify(bootstrap)}\n`);
  const started = await below(child.pid as number, "sh");
  const guard = started.find(({ text }) => text.startsWith("sh"));
  const folder = /[^\0]*bonfire-cell-[^\0]*/.exec(guard?.text ?? "")?.[0] as string;
  assert.ok(existsSync(folder), dirname(folder));
  child.kill("SIGTERM");
  await untilGone([child.pid as number, ...started.map(({ pid }) => pid)], WITHIN_MS);
  assert.not(existsSync(folder));
});

test.run();

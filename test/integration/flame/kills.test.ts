/** The behaviours of calls, casts, tracked values, idling and draining while executors are killed at random moments. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type PoolOptions } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { agents, FULL, signalIfThere, TestBackend } from "../../harness/executors.ts";
import { errorOf, until } from "../../harness/outcome.ts";

const MANY = FULL ? 5_000 : 300;
const ROUNDS = FULL ? 20 : 3;
const LOSSES = ["EXECUTOR_LOST", "ACTOR_LOST", "CELL_CRASHED", "NO_SUCH_ACTOR"];

const fire = await connect();
const folder = mkdtempSync(join(tmpdir(), "bonfire-kills-"));
let pools = 0;
const open = (options: PoolOptions) =>
  fire.pool(`kills-${++pools}`, { logs: "ignore", realm: "process", ...options });
test.after(async () => {
  await fire.close();
  rmSync(folder, { recursive: true });
});
test.after.each(() => until(async () => (await agents()).length === 0));

/** Kills one executor after the other, each time after a random part of `ms`, until it is disposed. */
function killing(ms: number, most = Number.POSITIVE_INFINITY) {
  const enough = new AbortController();
  let kills = 0;
  const work = (async () => {
    while (!enough.signal.aborted && kills < most) {
      await pause(ms * Math.random());
      const all = await agents();
      const victim = all[Math.floor(all.length * Math.random())];
      if (victim === undefined || enough.signal.aborted) continue;
      signalIfThere(victim, "SIGKILL");
      kills++;
    }
  })();
  return {
    get kills() {
      return kills;
    },
    async [Symbol.asyncDispose]() {
      enough.abort();
      await work;
    },
  };
}

test("F2: what resolves while executors are killed is the function's value, and what may be tried again does", async () => {
  await using pool = await open({ max: 2, concurrency: 4 });
  await using killer = killing(1_500);
  const squares = pool.map(
    Array.from({ length: MANY }, (_, n) => n),
    async (n) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { n, square: n * n };
    },
    { concurrency: 16, retries: 30, idempotent: true },
  );
  let next = 0;
  for await (const { n, square } of squares) {
    assert.equal([n, square], [next, next * next]);
    next++;
  }
  assert.is(next, MANY);
  assert.ok(killer.kills > 0);
});

test("F7: a burst boots what it needs, and of what is killed no more than its place", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    await using backend = new TestBackend();
    await using pool = await open({ max: 8, concurrency: 2, backend });
    let most = 0;
    pool.on("fleet", ({ ready, booting }) => {
      most = Math.max(most, ready + booting);
    });
    await using killer = killing(300, 2);
    const naps = Array.from({ length: 7 }, (_, n) =>
      pool.call({ n }, ({ n }) => new Promise((resolve) => setTimeout(resolve, 300, n)), {
        retries: 30,
        idempotent: true,
      }),
    );
    assert.equal(await Promise.all(naps), [0, 1, 2, 3, 4, 5, 6]);
    assert.is(most, 4);
    const { length } = backend.launched;
    assert.ok(length <= 4 + killer.kills, `${length} launches, ${killer.kills} kills`);
  }
});

test("F13: every cast runs once or not at all, its failure is an event, and the caller lives", async () => {
  const ledger = join(folder, "casts");
  writeFileSync(ledger, "");
  await using pool = await open({ max: 2, concurrency: 4 });
  const codes: string[] = [];
  pool.on("error", (error) => codes.push((error as { code: string }).code));
  {
    await using killer = killing(1_000);
    for (let n = 0; n < MANY; n++) {
      pool.cast({ n, ledger }, async ({ n, ledger }) => {
        const { appendFileSync } = await import("node:fs");
        await new Promise((resolve) => setTimeout(resolve, 50));
        appendFileSync(ledger, `${n}\n`);
      });
    }
    await until(() => pool.inspect().running === 0 && pool.inspect().waiting === 0, 240_000);
    assert.ok(killer.kills > 0);
  }
  const ran = readFileSync(ledger, "utf8").trim().split("\n");
  assert.is(new Set(ran).size, ran.length, "none ran twice");
  // One that is killed between its last line and its answer has run, and has failed.
  assert.ok(ran.length + codes.length >= MANY, `${ran.length} ran, ${codes.length} failed, of ${MANY}`);
  assert.ok(codes.length > 0);
  for (const code of codes) assert.ok(LOSSES.includes(code), code);
});

test("F15: what a value holds alive fails when its executor is killed, and its slot is free", async () => {
  await using pool = await open({ max: 1 });
  for (let round = 0; round < ROUNDS; round++) {
    const value = await pool.call({}, () => {
      async function* count() {
        for (let n = 0; ; n++) yield n;
      }
      return { numbers: count(), map: new Map([["stream", new ReadableStream()]]) };
    });
    const reading = errorOf(
      (async () => {
        for await (const n of value.numbers) assert.type(n, "number");
      })(),
    );
    const stream = errorOf((value.map.get("stream") as ReadableStream).getReader().read());
    await pause(200 * Math.random());
    for (const pid of await agents()) signalIfThere(pid, "SIGKILL");
    assert.equal([(await reading).code, (await stream).code], ["EXECUTOR_LOST", "EXECUTOR_LOST"]);
    await until(() => pool.inspect().running === 0 && pool.inspect().live === 0);
    assert.is(await pool.call({}, () => 1), 1);
  }
});

test("F17: an executor that is killed while its check is asked is gone once, and the next call has another", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<boolean>();
    const idleCheck = () => {
      asked.resolve();
      return answer.promise;
    };
    await using pool = await open({ max: 1, idleAfter: 50, idleCheck });
    const gone: string[] = [];
    pool.on("shrink", ({ executor }) => gone.push(executor));
    const place = await pool.call({}, () => process.ppid);
    await asked.promise;
    const [first] = await pool.executors();
    process.kill(place, "SIGKILL");
    const next = pool.call({}, () => process.ppid);
    answer.resolve(true);
    assert.is.not(await next, place);
    // The answer and the loss cross; whichever is first, it goes once.
    await until(() => gone.includes(first?.id as string));
    assert.is(gone.filter((id) => id === first?.id).length, 1);
  }
});

test("F21: an executor that is killed while it drains ends its calls and the drain, and what waits is served", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    await using pool = await open({ max: 1 });
    const isRunning = new Promise((resolve) => pool.once("log", resolve));
    const running = errorOf(
      pool.call({}, () => {
        console.log("begun");
        return new Promise(() => {});
      }),
    );
    await isRunning;
    const [executor] = await pool.executors();
    const waiting = pool.call({}, () => "served");
    const [victim] = await agents();
    const drained = pool.drain(executor?.id as string);
    await pause(300 * Math.random());
    process.kill(victim as number, "SIGKILL");
    assert.ok(LOSSES.includes((await running).code as string));
    assert.is(await drained, true);
    assert.is(await waiting, "served");
  }
});

test.run();

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { localBackend } from "@bonfire/backend-local";
import { type Backend, child, connect, type Pool, type PoolOptions } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { counted } from "../../harness/counted.ts";
import { agents, FULL, fleet, shrunk, signalIfThere, TestBackend } from "../../harness/executors.ts";
import { until } from "../../harness/outcome.ts";
import { Counter } from "../actors/actors.ts";

const fire = await connect();
const folder = mkdtempSync(join(tmpdir(), "bonfire-flame-"));
let pools = 0;
const open = (options: PoolOptions) => fire.pool(`ends-${++pools}`, { logs: "ignore", ...options });
/** Says that it has begun, runs for so long, and says on which process. */
const nap = (pool: Pool, ms: number) =>
  pool.call({ ms }, ({ ms }) => {
    console.log("begun");
    const place = typeof process.ppid === "number" ? process.ppid : 0;
    return new Promise<number>((resolve) => setTimeout(() => resolve(place), ms));
  });
/** Resolves when so many calls have begun to run. */
const begun = (pool: Pool, calls = 1) =>
  new Promise<void>((resolve) => {
    let lines = 0;
    pool.on("log", () => {
      if (++lines === calls) resolve();
    });
  });
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => "it ended",
    (error: { code: string }) => error.code,
  );
const LOST = ["EXECUTOR_LOST", "ACTOR_LOST", "CELL_CRASHED"];

test.after(async () => {
  await fire.close();
  rmSync(folder, { recursive: true });
});

test("F9: executors above min idle out, min stays", async () => {
  await using pool = await open({ min: 1, max: 3, idleAfter: 200 });
  await Promise.all([nap(pool, 300), nap(pool, 300), nap(pool, 300)]);
  await fleet(pool, 1);
});

test("F9: a min executor that is killed while a call runs is replaced, and the next call is served", async () => {
  const before = new Set(await agents());
  await using pool = await open({ min: 1, max: 1 });
  const running = begun(pool);
  const lost = codeOf(nap(pool, 20_000));
  await running;
  await pause(Math.random() * 200);
  const [victim] = (await agents()).filter((pid) => !before.has(pid));
  process.kill(victim as number, "SIGKILL");
  assert.ok(LOST.includes(await lost), await lost);
  assert.ok((await nap(pool, 1)) >= 0);
});

test("F9: no call that is made at the idle deadline, 5 ms sooner or later, is lost or runs twice", async () => {
  const ledger = join(folder, "ledger");
  let reached = Promise.withResolvers<void>();
  await using pool = await open({
    max: 1,
    idleAfter: 1,
    realm: "process",
    // The executor goes 5 ms after its idle deadline was told here.
    idleCheck: async () => {
      reached.resolve();
      await pause(5);
      return true;
    },
  });
  const calls = FULL ? 1_000 : 20;
  let executors = 0;
  pool.on("growStart", ({ launched }) => {
    executors += launched;
  });
  for (let n = 0; n < calls; n++) {
    await pool.call({ n, ledger }, async ({ n, ledger }) => {
      const { appendFileSync } = await import("node:fs");
      appendFileSync(ledger, `${n}\n`);
    });
    await reached.promise;
    reached = Promise.withResolvers();
    await pause(10 * Math.random());
  }
  const ran = readFileSync(ledger, "utf8").trim().split("\n").map(Number);
  const runs = new Set(ran).size;
  const figures = { calls, lost: calls - runs, "run twice": ran.length - runs, executors };
  counted("calls at the idle deadline, up to 5 ms sooner or later", figures);
  assert.is(figures.lost, 0);
  assert.is(figures["run twice"], 0);
  assert.ok(executors > calls / 10, "some met an executor that had just gone");
});

test("F16: a single-use executor serves one call and ends; calls back to back never meet one that goes", async () => {
  await using backend = new TestBackend();
  await using pool = await open({ max: 2, singleUse: true, buffer: 1, realm: "process", backend });
  const calls = FULL ? 1_000 : 12;
  const places: number[] = [];
  for (let n = 0; n < calls; n++) places.push(await pool.call({}, () => process.ppid));
  assert.is(new Set(places).size, calls);
  const used = [...backend.terminated.values()].filter((reason) => reason === "single-use").length;
  counted("single-use calls back to back", { calls, failed: calls - places.length, "ended after use": used });
  assert.ok(used >= calls - 1, `${used} ended after use`);
});

test("F16: many single-use calls at once each have an executor of their own, also when some are killed", async () => {
  const before = new Set(await agents());
  await using pool = await open({ max: 3, singleUse: true, realm: "process" });
  const running = begun(pool, 3);
  const first = Promise.allSettled(Array.from({ length: 3 }, () => nap(pool, 5_000)));
  await running;
  const [victim] = (await agents()).filter((pid) => !before.has(pid));
  process.kill(victim as number, "SIGKILL");
  const places = await Promise.all(Array.from({ length: 4 }, () => pool.call({}, () => process.ppid)));
  assert.is(new Set(places).size, 4);
  assert.is((await first).filter(({ status }) => status === "rejected").length, 1);
});

test("F16: single use is for executors with one slot", async () => {
  const error = await open({ singleUse: true, concurrency: 2 }).catch((thrown: Error) => thrown);
  assert.match((error as Error).message, /"singleUse".*"concurrency" of 1/);
});

test("F17: a check can keep an executor that is idle, and is asked again", async () => {
  const asked: number[] = [];
  let keep = 2;
  await using pool = await open({
    max: 1,
    idleAfter: 100,
    idleCheck: ({ idleMs }) => {
      asked.push(idleMs);
      return keep-- <= 0;
    },
  });
  const gone = shrunk(pool);
  await nap(pool, 1);
  assert.is((await gone).reason, "idle");
  assert.is(asked.length, 3);
  assert.ok(
    asked.every((ms) => ms >= 100),
    asked.join(),
  );
});

test("F17: a check that throws lets nothing go, and the program is warned", async () => {
  let failures = 1;
  await using pool = await open({
    max: 1,
    idleAfter: 50,
    idleCheck: () => {
      if (failures-- > 0) throw new Error("the check's own fault");
      return true;
    },
  });
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  const gone = shrunk(pool);
  await nap(pool, 1);
  assert.is((await warned).message, "the check's own fault");
  await gone;
});

test("F20: an executor whose platform tells it to end gets no more calls, and those it has may finish", async () => {
  const before = new Set(await agents());
  await using pool = await open({ max: 2, realm: "process" });
  const isRunning = begun(pool);
  const running = nap(pool, 3_000);
  await isRunning;
  const [told] = (await agents()).filter((pid) => !before.has(pid));
  const leaving = new Promise<void>((resolve) =>
    pool.on("fleet", ({ draining }) => draining > 0 && resolve()),
  );
  process.kill(told as number, "SIGTERM");
  await leaving;
  const next = await Promise.all([1, 2, 3].map(() => pool.call({}, () => process.ppid)));
  assert.ok(!next.includes(told as number));
  assert.is(await running, told);
});

for (const notice of ["a SIGTERM of its platform", "pool.drain"]) {
  test(`F20: after ${notice} the place of an executor is taken at once, by what waits, by min, and by what is supervised there`, async () => {
    const before = new Set(await agents());
    await using pool = await open({ min: 1, max: 1, concurrency: 2, realm: "process" });
    const supervised = await fire.supervise({}, { counter: child(Counter, [1], { pool }) });
    const { counter } = supervised.children;
    assert.is(await counter.add(1), 2);
    const isRunning = begun(pool);
    const running = nap(pool, 5_000);
    await isRunning;
    let isOver = false;
    void running.finally(() => {
      isOver = true;
    });
    const waiting = pool.call({}, () => process.ppid);
    const [told] = (await agents()).filter((pid) => !before.has(pid));
    const [executor] = await pool.executors();
    if (notice === "pool.drain") void pool.drain(executor?.id as string);
    else process.kill(told as number, "SIGTERM");
    assert.is.not(await waiting, told);
    // It begins anew, as its state is kept nowhere.
    await until(async () => (await counter.with({ epoch: "any" }).peek()) === 1);
    assert.is(isOver, false, "what runs there does so meanwhile");
    assert.is(await running, told);
    await fleet(pool, 1);
    await supervised.stop();
  });
}

test("F20: executors that are told to end at random moments lose no call", async () => {
  const before = new Set(await agents());
  await using pool = await open({ max: 2, concurrency: 4, realm: "process" });
  const calls = FULL ? 5_000 : 300;
  let ended = 0;
  let drained = 0;
  pool.on("shrink", ({ reason }) => {
    if (reason === "drained") drained++;
  });
  const notices = (async () => {
    await begun(pool);
    while (ended < calls && drained < (FULL ? 50 : 2)) {
      await pause(200 * Math.random());
      const [one] = (await agents()).filter((pid) => !before.has(pid));
      if (one !== undefined) signalIfThere(one, "SIGTERM");
    }
  })();
  const outcomes: number[] = [];
  const results = pool.map(
    Array.from({ length: calls }, (_, n) => n),
    async (n) => {
      if (n === 0) console.log("begun");
      await new Promise((resolve) => setTimeout(resolve, 60));
      return n;
    },
    { concurrency: 16 },
  );
  for await (const n of results) {
    ended++;
    outcomes.push(n);
  }
  await notices;
  counted("calls while executors are told to end", { calls, lost: calls - new Set(outcomes).size, drained });
  assert.is(new Set(outcomes).size, calls);
  assert.ok(drained > 0);
});

test("F21: drain lets the calls of an executor finish while others are served elsewhere", async () => {
  await using pool = await open({ max: 2, realm: "process" });
  const isRunning = begun(pool);
  const running = nap(pool, 3_000);
  await isRunning;
  const [executor] = await pool.executors();
  const drained = pool.drain(executor?.id as string);
  const elsewhere = await nap(pool, 1);
  assert.is.not(await running, elsewhere);
  assert.is(await drained, true);
  assert.ok((await pool.executors()).every(({ id }) => id !== executor?.id));
  assert.is(await pool.drain("e-none"), false);
});

test("F21: what does not finish within shutdownTimeout is ended, and its caller hears it", async () => {
  await using pool = await open({ max: 1, shutdownTimeout: 500 });
  const isRunning = begun(pool);
  const running = codeOf(nap(pool, 20_000));
  await isRunning;
  const [executor] = await pool.executors();
  const start = performance.now();
  await pool.drain(executor?.id as string);
  assert.is(await running, "EXECUTOR_LOST");
  assert.ok(performance.now() - start < 5_000);
});

test("an executor that is older than its lifetime is replaced while calls go on", async () => {
  const reasons: string[] = [];
  await using pool = await open({ max: 2, lifetime: "1s", realm: "process" });
  pool.on("shrink", ({ reason }) => reasons.push(reason));
  const places = new Set<number>();
  const gone = shrunk(pool);
  let over = false;
  void gone.then(() => {
    over = true;
  });
  while (!over)
    places.add(await pool.call({}, () => new Promise<number>((r) => setTimeout(() => r(process.ppid), 20))));
  assert.ok(["drained", "lifetime"].includes(reasons[0] as string), reasons.join());
  assert.ok(places.size >= 2);
});

test("a platform ends a machine by itself that has outlived everything that could end it before", async () => {
  const local = localBackend();
  const told: number[] = [];
  await using backend: Backend = {
    name: "forgetful",
    launch: (request, signal) => {
      told.push(request.lifetimeMs);
      return local.launch({ ...request, lifetimeMs: 3_000 }, signal);
    },
    list: (filter) => local.list(filter),
    terminate: async () => undefined,
    [Symbol.asyncDispose]: () => local[Symbol.asyncDispose](),
  };
  const times = { lifetime: "1h", bootTimeout: "20s", shutdownTimeout: "1s", idleAfter: "1h" } as const;
  await using pool = await open({ max: 1, backend, ...times });
  const gone = shrunk(pool);
  await nap(pool, 1);
  assert.is((await gone).reason, "drained");
  assert.equal(told, [3_600_000 + 2 * 20_000 + 1_000]);
});

test("the driver that supervises sees each executor's phase, age, slots and leases", async () => {
  await using pool = await open({ max: 1, concurrency: 2 });
  const call = nap(pool, 500);
  await fleet(pool, 1);
  const [executor] = pool.inspect().supervisor?.executors ?? [];
  assert.is(executor?.phase, "ready");
  assert.is(executor?.slots, 2);
  assert.ok((executor?.ageMs ?? 0) > 0);
  await call;
  assert.equal(Object.keys((await pool.executors())[0]?.leases ?? {}), [fire.id]);
});

test.run();

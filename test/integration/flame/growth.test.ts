import { BackendError, connect, type Pool, type PoolOptions } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { agents, fleet, TestBackend } from "../../harness/executors.ts";
import { codeOf } from "../../harness/outcome.ts";

const fire = await connect();
let pools = 0;
const open = (options: PoolOptions) => fire.pool(`growth-${++pools}`, { logs: "ignore", ...options });
const nap = (pool: Pool, ms: number) =>
  pool.call({ ms }, ({ ms }) => new Promise<void>((resolve) => setTimeout(resolve, ms)));

test.after(() => fire.close());

test("F1: a pool with min has those executors ready when it opens, and replaces one that is killed", async () => {
  const before = new Set(await agents());
  await using pool = await open({ min: 2, max: 2 });
  assert.is(pool.inspect().executors.ready, 2);
  const [victim] = (await agents()).filter((pid) => !before.has(pid));
  const shrunk = new Promise<string>((resolve) => pool.once("shrink", ({ reason }) => resolve(reason)));
  process.kill(victim as number, "SIGKILL");
  assert.is(await shrunk, "lost");
  await fleet(pool, 2);
});

test("F1: a pool whose min cannot boot fails its opening with the reason", async () => {
  await using backend = new TestBackend();
  backend.onLaunch = () => Promise.reject(new BackendError("image", "no such image: app:1"));
  const error = await open({ min: 1, max: 1, backend }).catch((thrown: Error) => thrown);
  assert.is((error as { code?: string }).code, "BOOT_FAILED");
  assert.match((error as Error).message, /no such image: app:1/);
});

test("F3, F4: nothing grows while an executor has a free slot; at full concurrency the next call boots one more", async () => {
  await using pool = await open({ max: 3, concurrency: 2 });
  const started: number[] = [];
  pool.on("growStart", ({ launched }) => started.push(launched));
  await nap(pool, 1);
  const two = [nap(pool, 1_500), nap(pool, 1_500)];
  assert.equal(started, [1]);
  const grown = new Promise((resolve) => pool.once("growStart", resolve));
  const third = nap(pool, 1);
  await grown;
  assert.equal(started, [1, 1]);
  await Promise.all([...two, third]);
});

test("F4: running and booting together never exceed max, however many calls wait", async () => {
  await using pool = await open({ max: 2 });
  let most = 0;
  pool.on("fleet", ({ ready, booting }) => {
    most = Math.max(most, ready + booting);
  });
  await Promise.all(Array.from({ length: 20 }, () => nap(pool, 5)));
  assert.is(most, 2);
});

test("F5: at max and full, calls are served in the order in which they came, also when an executor is killed meanwhile", async () => {
  const before = new Set(await agents());
  await using pool = await open({ max: 1, concurrency: 1 });
  await nap(pool, 1);
  const order: number[] = [];
  const first = codeOf(nap(pool, 60_000));
  const waiting = Array.from({ length: 8 }, (_, n) =>
    pool.call({ n }, ({ n }) => n).then((n) => order.push(n)),
  );
  const [victim] = (await agents()).filter((pid) => !before.has(pid));
  process.kill(victim as number, "SIGKILL");
  await Promise.all(waiting);
  assert.equal(order, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.ok(["EXECUTOR_LOST", "ACTOR_LOST"].includes(await first));
});

test("F7: a burst of N calls with concurrency c boots exactly ceil(N / c) executors", async () => {
  for (const [calls, concurrency] of [
    [2, 2],
    [5, 2],
    [7, 3],
  ] as const) {
    await using backend = new TestBackend();
    await using pool = await open({ max: 8, concurrency, backend });
    await Promise.all(Array.from({ length: calls }, () => nap(pool, 300)));
    assert.is(backend.launched.length, Math.ceil(calls / concurrency), `${calls} calls`);
  }
});

test("F7: two calls at once both run on the one executor that boots", async () => {
  await using backend = new TestBackend();
  await using pool = await open({ max: 1, concurrency: 2, backend });
  const at = () =>
    pool.call({}, async () => {
      const from = Date.now();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return [from, Date.now()] as const;
    });
  const [a, b] = await Promise.all([at(), at()]);
  assert.ok(a[0] < b[1] && b[0] < a[1], "they ran at the same time");
  assert.is(backend.launched.length, 1);
});

test("buffer keeps executors ready that nobody asked for yet, also after one was taken", async () => {
  await using pool = await open({ max: 3, buffer: 1 });
  await fleet(pool, 1);
  const call = nap(pool, 2_000);
  await fleet(pool, 2);
  await call;
});

test("scale changes min and max for a pool that runs, for everyone who uses it", async () => {
  await using pool = await open({ max: 1 });
  assert.equal(await pool.scale({ min: 2, max: 3 }), { min: 2, max: 3, buffer: 0 });
  await fleet(pool, 2);
  assert.equal([pool.inspect().policy.min, pool.inspect().policy.max], [2, 3]);
  assert.is(await codeOf(pool.scale({ min: 4 })), "INVALID_OPTION");
  assert.is(await codeOf(pool.scale({ mix: 4 } as never)), "UNKNOWN_OPTION");
});

test("a pool that never rests shrinks to a max that was lowered, and what runs longer than shutdownTimeout ends in its own time", async () => {
  await using pool = await open({ min: 0, max: 3, concurrency: 2, shutdownTimeout: "200ms" });
  let isFlowing = true;
  const long = Promise.all(Array.from({ length: 5 }, () => nap(pool, 1_500)));
  await fleet(pool, 3);
  const lanes = Array.from({ length: 6 }, async () => {
    while (isFlowing) await nap(pool, 20);
  });
  await pool.scale({ max: 1 });
  await fleet(pool, 1);
  isFlowing = false;
  await Promise.all([long, ...lanes]);
});

test.run();

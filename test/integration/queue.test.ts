import { connect, type Pool, type PoolOptions, type Resources, remote } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { errorOf, until } from "../harness/outcome.ts";

const fire = await connect();
let pools = 0;
const open = (options: PoolOptions) => fire.pool(`queue-${++pools}`, { logs: "ignore", ...options });
test.after(() => fire.close());

/** Takes a slot until it is aborted. */
const block = (pool: Pool, key?: string): AbortController => {
  const gate = new AbortController();
  const options = { signal: gate.signal, ...(key !== undefined && { key }) };
  pool.call({}, () => new Promise(() => {}), options).catch(() => undefined);
  return gate;
};

test("a call of a higher priority is served before those that came earlier, and equals in their order", async () => {
  await using pool = await open({ max: 1 });
  await pool.call(() => 1);
  const gate = block(pool);
  const order: string[] = [];
  const calls = (
    [
      [0, "c"],
      [5, "a"],
      [0, "d"],
      [5, "b"],
      [-1, "e"],
    ] as const
  ).map(([priority, name]) =>
    pool.call({ name }, ({ name }) => name, { priority }).then((name) => order.push(name)),
  );
  assert.equal(pool.inspect().queue, [
    { priority: 5, waiting: 2 },
    { priority: 0, waiting: 2 },
    { priority: -1, waiting: 1 },
  ]);
  gate.abort();
  await Promise.all(calls);
  assert.is(order.join(""), "abcde");
});

/** Two keys at home in a process each. */
async function twoHomes(): Promise<{
  pool: Pool;
  where: (key: string) => Promise<number>;
  a: number;
  b: number;
}> {
  const pool = await open({ max: 2, concurrency: 1, realm: "process" });
  const bothRun = Promise.withResolvers<void>();
  const hold = remote(() => bothRun.promise);
  const first = ["a", "b"].map((key) =>
    pool.call({ hold }, async ({ hold }) => hold().then(() => process.pid), { key }),
  );
  await until(() => pool.inspect().running === 2);
  bothRun.resolve();
  const [a, b] = (await Promise.all(first)) as [number, number];
  return { pool, where: (key) => pool.call({}, () => process.pid, { key }), a, b };
}

test("calls of one key run in one cell, and those of another in another", async () => {
  const { pool, where, a, b } = await twoHomes();
  await using _ = pool;
  assert.is.not(a, b);
  for (let round = 0; round < 5; round++) assert.equal(await Promise.all([where("b"), where("a")]), [b, a]);
});

test("a key finds its cell again after the slots there were given back", async () => {
  const { pool, where, a, b } = await twoHomes();
  await using _ = pool;
  for (const order of ["ab", "ba"]) {
    await until(() => pool.inspect().cells.every(({ slots }) => slots === 0));
    for (const key of order) assert.is(await where(key), key === "a" ? a : b);
  }
});

test("a call waits for the busy cell of its key though another is free", async () => {
  const { pool, where, a, b } = await twoHomes();
  await using _ = pool;
  const gate = block(pool, "a");
  await until(() => pool.inspect().running === 1);
  assert.is.not(a, b);
  const next = where("a");
  assert.is(await Promise.race([next, where("b").then(() => "the other")]), "the other");
  assert.is(pool.inspect().waiting, 1);
  gate.abort();
  await next;
});

test("a call that has waited 5 s for the busy cell of its key takes another", async () => {
  const { pool, where, a, b } = await twoHomes();
  await using _ = pool;
  const gate = block(pool, "a");
  await until(() => pool.inspect().running === 1);
  const start = performance.now();
  assert.is(await where("a"), b);
  const waited = performance.now() - start;
  assert.ok(waited > 4_900 && waited < 8_000, `${waited} ms`);
  assert.is.not(await where("a"), a);
  gate.abort();
});

test("a key whose cell is gone moves to another", async () => {
  await using pool = await open({ max: 1, realm: "process" });
  const where = () => pool.call({}, () => process.pid, { key: "a" });
  const before = await where();
  process.kill(before, "SIGKILL");
  await until(() => pool.inspect().cells.length === 0);
  assert.is.not(await where(), before);
});

test("calls share what an executor has; one that does not fit waits, and those behind it", async () => {
  await using pool = await open({ max: 1, concurrency: 8, resources: { cpu: 2, memory: 1_000 } });
  await pool.call(() => 1);
  let most = 0;
  let running = 0;
  const enter = remote((n: number) => {
    running += n;
    most = Math.max(most, running);
  });
  const work = (resources: Resources) =>
    pool.call(
      { enter, cpu: resources.cpu ?? 0 },
      async ({ enter, cpu }) => {
        await enter(cpu);
        await new Promise((resolve) => setTimeout(resolve, 20));
        await enter(-cpu);
      },
      { resources },
    );
  await Promise.all([1, 1, 2, 0.5, 0.5, 1, 2, 1.5].map((cpu) => work({ cpu })));
  assert.is(most, 2);
});

test("calls of a key do not starve one that needs more than they leave of its executor", async () => {
  await using pool = await open({ max: 1, concurrency: 3, resources: { cpu: 2 } });
  const enough = new AbortController();
  const nap = { key: "small", resources: { cpu: 1 } };
  // Whenever one of them ends, another runs and a third waits.
  const lane = async () => {
    while (!enough.signal.aborted) {
      const ms = 60 + 80 * Math.random();
      await pool.call({ ms }, ({ ms }) => new Promise((resolve) => setTimeout(resolve, ms)), nap);
    }
  };
  await pool.call({}, () => 1, nap);
  const lanes = [lane(), lane(), lane()];
  await until(() => pool.inspect().running === 2);
  const large = await pool.call({}, () => "large", { resources: { cpu: 2 }, deadline: "4s" }).catch(String);
  enough.abort();
  await Promise.all(lanes);
  assert.is(large, "large");
});

test("what no executor can ever serve is refused at the call, with the reason", async () => {
  await using pool = await open({ max: 1, resources: { cpu: 2 } });
  const refused = (resources: Resources, pattern: RegExp) =>
    assert.throws(
      () => pool.call(() => 1, { resources }),
      (error: Error & { code: string }) => error.code === "RESOURCES_EXCEEDED" && pattern.test(error.message),
    );
  refused({ cpu: 3 }, /needs 3 cpu, and an executor has 2 cpu/);
  refused({ gpu: { count: 1, kinds: ["a100"] } }, /needs 1 gpu/);
  assert.throws(() => pool.call(() => 1, { resources: { cpus: 1 } as never }), /"cpus"/);
  assert.throws(() => pool.call(() => 1, { priority: Number.NaN }), /"priority"/);
  assert.throws(() => pool.call(() => 1, { key: 5 as never }), /"key"/);
  assert.is(pool.inspect().waiting, 0);
});

test("a call above maxQueue is rejected with POOL_SATURATED, and those that wait are served", async () => {
  await using pool = await open({ max: 1, maxQueue: 3 });
  await pool.call(() => 1);
  const gate = block(pool);
  const waiting = [1, 2, 3].map((n) => pool.call({ n }, ({ n }) => n));
  const error = await errorOf(pool.call({}, () => "too much"));
  assert.is(error.code, "POOL_SATURATED");
  assert.match(error.message, /3 calls waiting.*"maxQueue"/);
  gate.abort();
  assert.equal(await Promise.all(waiting), [1, 2, 3]);
});

test("10,000 calls wait, half of them are cancelled, and the others are served in order", async () => {
  await using pool = await open({ max: 1, concurrency: 4 });
  await pool.call(() => 1);
  const gates = [1, 2, 3, 4].map(() => block(pool));
  const stop = new AbortController();
  const served: number[] = [];
  const calls = Array.from({ length: 10_000 }, (_, n) =>
    pool
      .call({ n }, ({ n }) => n, n % 2 ? { signal: stop.signal } : {})
      .then((n) => void served.push(n))
      .catch((error: Error) => error.name),
  );
  assert.is(pool.inspect().waiting, 10_000);
  const start = performance.now();
  stop.abort();
  const cancelling = performance.now() - start;
  assert.is(pool.inspect().waiting, 5_000);
  assert.ok(cancelling < 1_000, `${cancelling} ms`);
  for (const gate of gates) gate.abort();
  await Promise.all(calls);
  assert.equal(
    served,
    Array.from({ length: 5_000 }, (_, n) => 2 * n),
  );
});

test.run();

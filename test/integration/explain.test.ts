import { BackendError, connect, type PoolOptions } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { errorOf, until } from "../harness/outcome.ts";

const fire = await connect();
let pools = 0;
const open = (options: PoolOptions) =>
  fire.pool(`explain-${++pools}`, { logs: "ignore", max: 1, ...options });
const forever = () => new Promise(() => {});
test.after(() => fire.close());

test("a call that waits is told how many are before it and who holds the slots", async () => {
  await using pool = await open({});
  await pool.call({}, () => 1);
  assert.is(pool.explain().state, "idle");
  const gate = new AbortController();
  const running = errorOf(pool.call({}, forever, { signal: gate.signal }));
  const first = pool.call({}, () => 1);
  const second = pool.call({}, () => 2);
  const urgent = pool.call({}, () => 3, { priority: 1 });
  await until(() => (pool.explain(second).holders?.length ?? 0) === 1);
  const why = pool.explain(second);
  assert.is(why.state, "waiting");
  assert.is(why.waitsFor, "slot");
  assert.is(why.ahead, 2);
  assert.is(pool.explain(urgent).ahead, 0);
  assert.is(pool.explain().ahead, 0);
  assert.match(
    why.text,
    /has waited \d+ ms for a slot; 2 calls are before it, and the slots are taken by .*explain\.test\.ts.* on e-\w+ since/,
  );
  gate.abort();
  await Promise.all([running, first, second, urgent]);
  assert.is(pool.explain(second).state, "ended");
});

test("a call that runs is told where, and since when", async () => {
  await using pool = await open({});
  await pool.call({}, () => 1);
  const gate = new AbortController();
  const call = pool.call({}, forever, { signal: gate.signal });
  const { state, executor, text } = pool.explain(call);
  assert.is(state, "running");
  assert.is(executor, pool.inspect().cells[0]?.executor);
  assert.match(text, /runs on e-\w+ since \d+ ms/);
  gate.abort();
  await errorOf(call);
});

test("a call that waits for a boot is told how long that has taken, and what the platform says when it fails", async () => {
  const booting = Promise.withResolvers<never>();
  const backend = {
    name: "slow",
    launch: () => booting.promise,
    list: async () => [],
    terminate: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  const pool = await open({ backend, shutdownTimeout: 0 });
  const call = pool.call({}, () => 1);
  const failed = errorOf(call);
  await until(() => pool.explain(call).waitsFor === "boot");
  assert.match(pool.explain(call).text, /for an executor that has been booting for \d+ ms/);
  assert.equal(pool.explain(call).executors, { ready: 0, booting: 1, draining: 0 });
  booting.reject(new BackendError("capacity", "0 of 3 nodes have a GPU"));
  await until(() => pool.explain(call).waitsFor === "capacity");
  assert.match(pool.explain(call).text, /the last boot failed: .*0 of 3 nodes have a GPU/);
  await pool.close();
  assert.is((await failed).code, "POOL_CLOSED");
});

test("a call that waits for its key's cell is told so; one of another pool is none", async () => {
  await using pool = await open({ max: 2, realm: "process" });
  await pool.call({}, () => 1, { key: "model" });
  const gate = new AbortController();
  const running = errorOf(pool.call({}, forever, { key: "model", signal: gate.signal }));
  const next = pool.call({}, () => 1, { key: "model" });
  const why = pool.explain(next);
  assert.is(why.waitsFor, "key");
  assert.match(why.text, /for the cell of its key "model" on e-\w+, /);
  assert.is(pool.explain(Promise.resolve()).state, "ended");
  gate.abort();
  await Promise.all([running, next]);
});

test("a call that has waited for its key's busy cell in vain is told that it waits for any slot, and is served", async () => {
  await using pool = await open({ concurrency: 1, max: 2, realm: "process" });
  const home = await pool.call({}, () => process.ppid, { key: "model" });
  const [gate, other] = [new AbortController(), new AbortController()];
  const running = errorOf(pool.call({}, forever, { key: "model", signal: gate.signal }));
  const beside = errorOf(pool.call({}, forever, { signal: other.signal }));
  const next = pool.call({}, () => process.ppid, { key: "model" });
  assert.is(pool.explain(next).waitsFor, "key");
  assert.match(pool.explain(next).text, /as it does for 5 s at most/);
  await until(() => pool.explain(next).waitsFor !== "key");
  const { waitsFor, ms } = pool.explain(next);
  assert.is(waitsFor, "slot");
  assert.ok((ms ?? 0) >= 4_900, `${ms} ms`);
  other.abort();
  assert.is.not(await next, home);
  gate.abort();
  await Promise.all([running, beside]);
});

test("a call that may be tried again is explained as any other while it waits, and while something in its value is alive", async () => {
  await using pool = await open({});
  const gate = new AbortController();
  const running = errorOf(pool.call({}, forever, { signal: gate.signal }));
  await until(() => pool.inspect().running === 1);
  const endless = async () => {
    async function* numbers() {
      for (let n = 0; ; n++) yield n;
    }
    return { numbers: numbers() };
  };
  const call = pool.call({}, endless, { retries: 1, idempotent: true });
  await until(() => pool.explain(call).state === "waiting");
  gate.abort();
  const { numbers } = await call;
  assert.is(pool.explain(call).state, "live");
  await numbers.return(undefined);
  await until(() => pool.explain(call).state === "ended");
  await running;
});

test("a call that waits to be tried again is told so", async () => {
  await using pool = await open({});
  const fails = () => {
    throw new Error("no");
  };
  const tried = Promise.withResolvers<boolean>();
  const retryOn = () => {
    tried.resolve(true);
    return true;
  };
  const call = pool.call({}, fails, { retries: 3, idempotent: true, retryOn });
  const failed = errorOf(call);
  assert.ok(await tried.promise);
  assert.is(pool.explain(call).state, "preparing");
  assert.is((await failed).code, "RETRIES_EXHAUSTED");
  assert.is(pool.explain(call).state, "ended");
});

test.run();

import { deepStrictEqual } from "node:assert";
import {
  BonfireError,
  connect,
  hasCode,
  type MapProgress,
  type Pool,
  type PoolOptions,
  remote,
} from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";

const fire = await connect();
let pools = 0;
const open = (options: PoolOptions) => fire.pool(`pool-${++pools}`, { logs: "ignore", ...options });
const failure = (promise: Promise<unknown>): Promise<BonfireError> =>
  promise.then(
    (value) => assert.unreachable(`resolved with ${String(value)}`) as never,
    (error) => error,
  );
/** Resolves when the pool says that it has as many executors as that, none booting. */
const fleet = (pool: Pool, ready: number) =>
  new Promise<void>((resolve) => {
    const look = (executors: { ready: number; booting: number }) =>
      executors.ready === ready && executors.booting === 0 && resolve();
    pool.on("fleet", look);
    look(pool.inspect().executors);
  });
/** Counts the most executors a pool ever had or was booting. */
const watchMost = (pool: Pool) => {
  const most = { executors: 0 };
  pool.on("fleet", ({ ready, booting }) => {
    most.executors = Math.max(most.executors, ready + booting);
  });
  return most;
};

test.after(() => fire.close());

test("F1: a pool with min has those executors ready when it opens", async () => {
  await using pool = await open({ min: 2, max: 2 });
  assert.equal(pool.inspect().executors, { ready: 2, booting: 0, draining: 0 });
});

test("what can be no call is refused at once, by name", async () => {
  await using pool = await open({ max: 1 });
  const refused = (make: () => unknown, code: string) =>
    assert.throws(make, (error: BonfireError) => error.code === code);
  refused(() => pool.call(() => 1, { signal: new AbortController() as never }), "INVALID_OPTION");
  refused(() => pool.map([1], (n) => n, { signal: {} as never }), "INVALID_OPTION");
  refused(() => pool.map(5 as never, (n) => n), "INVALID_CALL");
  refused(() => pool.map([1], 5 as never), "INVALID_CALL");
  refused(() => remote(5 as never), "INVALID_CALL");
  assert.is(pool.inspect().waiting, 0);
});

test("F2: a call returns the function's value, an async function's resolved value", async () => {
  await using pool = await open({ max: 1 });
  const base = { n: 40 };
  const two = 2;
  assert.is(await pool.call(() => base.n + two), 42);
  assert.is(await pool.call(async () => (await Promise.resolve(base.n)) + two), 42);
  assert.is(await pool.call(() => undefined), undefined);
});

test("F2: captures named explicitly arrive as the function's argument", async () => {
  await using pool = await open({ max: 1 });
  assert.equal(await pool.call({ a: 1, b: [2] }, ({ a, b }) => ({ sum: a + (b[0] as number) })), { sum: 3 });
});

test("captures are those of the moment of the call, whatever the caller does to them afterwards", async () => {
  await using pool = await open({ max: 1 });
  const list = [1, 2];
  const sum = pool.call(() => list.reduce((a, b) => a + b));
  list.push(100);
  assert.is(await sum, 3);
});

test("values keep their kind both ways: Map, Set, Date, BigInt, typed arrays, NaN, -0, undefined", async () => {
  await using pool = await open({ max: 1 });
  const value = {
    map: new Map<unknown, unknown>([["k", new Set([1, "2"])]]),
    date: new Date(5),
    big: 2n ** 70n,
    floats: new Float32Array([1.5, Number.NaN]),
    bytes: new Uint8Array([1, 2]),
    zero: -0,
    nothing: undefined,
  };
  const back = await pool.call({ value }, ({ value }) => value);
  deepStrictEqual(back, value); // tells -0 from 0 and holds NaN equal to itself
});

test("a closure may look for module and exports, and capture an object with a getter", async () => {
  await using pool = await open({ max: 1 });
  const one = 1;
  const lazy = {
    get two() {
      return one + 1;
    },
  };
  assert.equal(await pool.call(() => [typeof module, typeof exports, lazy.two]), [
    "undefined",
    "undefined",
    2,
  ]);
});

test("F3, F4, F5: one executor is filled before the next boots, up to max; then calls queue in order", async () => {
  await using pool = await open({ max: 2, concurrency: 2 });
  const most = watchMost(pool);
  const order: number[] = [];
  const slow = Array.from({ length: 10 }, (_, i) =>
    pool
      .call({ i }, async ({ i }) => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        return i;
      })
      .then((i) => order.push(i)),
  );
  await Promise.all(slow);
  assert.is(most.executors, 2);
  assert.is(order.length, 10);
  const firstServed = Math.max(...[0, 1, 2, 3].map((i) => order.indexOf(i)));
  const lastServed = Math.min(...[8, 9].map((i) => order.indexOf(i)));
  assert.ok(firstServed < lastServed, `served in order: ${order}`);
});

test("F7: two calls at once with concurrency 2 both run on the one executor that boots for them", async () => {
  await using pool = await open({ max: 4, concurrency: 2 });
  const most = watchMost(pool);
  await Promise.all([pool.call(() => 1), pool.call(() => 2)]);
  assert.is(most.executors, 1);
});

test("F6: a queued call whose time is up says that it was still waiting, and never runs", async () => {
  await using pool = await open({ max: 1, concurrency: 1 });
  const gate = new AbortController();
  // With named captures neither has a bundle to wait for, so they are queued in this order.
  const blocking = failure(pool.call({}, () => new Promise(() => {}), { signal: gate.signal }));
  const error = await failure(pool.call({}, () => "ran", { deadline: 300 }));
  assert.is(error.code, "CALL_TIMEOUT");
  assert.match(error.message, /waited for a slot.*never ran/);
  gate.abort();
  await blocking;
});

test("F8: an executor that cannot boot is reported, and the calls learn why", async () => {
  const backend = {
    name: "broken",
    launch: () => Promise.reject(new BonfireError("BACKEND_ERROR", "the region is on fire")),
    list: async () => [],
    terminate: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  await using pool = await open({ max: 1, backend });
  const reported = new Promise<Error>((resolve) => pool.once("bootFailed", resolve));
  const error = await failure(pool.call(() => 1, { deadline: 400 }));
  assert.match((await reported).message, /cannot boot an executor: the region is on fire/);
  assert.is(error.code, "CALL_TIMEOUT");
  assert.match((error.cause as Error).message, /the region is on fire/);
  const opening = await failure(open({ min: 1, max: 1, backend }));
  assert.is(opening.code, "BOOT_FAILED");
  assert.match(opening.message, /the region is on fire/);
});

test("F9: an executor without work goes after idleAfter, and the next call boots another", async () => {
  await using pool = await open({ max: 1, idleAfter: 100 });
  const first = await pool.call(() => 1);
  await fleet(pool, 0);
  assert.is(first + (await pool.call(() => 1)), 2);
});

test("F9: min stays, and a killed one is replaced", async () => {
  await using pool = await open({ min: 1, max: 1, realm: "process" });
  const pid = await pool.call(() => process.ppid);
  const replaced = new Promise<void>((resolve) => {
    pool.once("fleet", () => fleet(pool, 1).then(resolve));
  });
  process.kill(pid, "SIGKILL");
  await replaced;
  assert.is.not(await pool.call(() => process.ppid), pid);
});

test("F10: a killed executor fails its calls at once with an error that names it; the pool goes on", async () => {
  await using pool = await open({ max: 1, realm: "process", concurrency: 2 });
  const pid = await pool.call(() => process.ppid);
  const { executor } = pool.inspect().cells[0] as { executor: string };
  const running = failure(pool.call(() => new Promise(() => {})));
  await pool.call(() => 1); // the other call is surely there by now
  const start = performance.now();
  process.kill(pid, "SIGKILL");
  const error = await running;
  assert.ok(performance.now() - start < 1_000, "at once");
  assert.match(error.message, new RegExp(executor));
  assert.is(await pool.call(() => "alive"), "alive");
});

test("a killed cell fails its own calls only; the executor gives the driver another", async () => {
  await using pool = await open({ max: 1, realm: "process", concurrency: 2 });
  const [pid, agent] = await pool.call(() => [process.pid, process.ppid]);
  const running = failure(pool.call(() => new Promise(() => {})));
  await pool.call(() => 1);
  process.kill(pid as number, "SIGKILL");
  assert.match((await running).message, /SIGKILL/);
  assert.is(await pool.call(() => process.ppid), agent);
});

test("F11: an aborted call rejects with the signal's reason, and its slot serves the next one", async () => {
  await using pool = await open({ max: 1, concurrency: 1 });
  await pool.call(() => 1);
  const gate = new AbortController();
  const aborted = failure(pool.call(() => new Promise(() => {}), { signal: gate.signal }));
  const next = pool.call(() => "next");
  gate.abort(new Error("enough"));
  assert.is((await aborted).message, "enough");
  assert.is(await next, "next");
});

test("a running call whose deadline passes fails with what it was doing, and frees its slot", async () => {
  await using pool = await open({ max: 1, concurrency: 1 });
  await pool.call(() => 1);
  const error = await failure(pool.call(() => new Promise(() => {}), { deadline: 200 }));
  assert.is(error.code, "CALL_TIMEOUT");
  assert.is(await pool.call(() => "next"), "next");
});

test("a long call within its time is not harmed by a neighbour in its cell whose time is up", async () => {
  await using pool = await open({ max: 1, concurrency: 2 });
  await pool.call(() => 1);
  const long = pool.call(() => {
    for (const end = Date.now() + 3_000; Date.now() < end; );
    return "long";
  });
  const short = failure(pool.call(() => new Promise(() => {}), { deadline: 200 }));
  assert.is((await short).code, "CALL_TIMEOUT");
  assert.is(await long, "long");
  assert.is(await pool.call(() => "next"), "next");
});

test("F12: a call that throws rejects with the same error, and the executor serves the next call", async () => {
  await using pool = await open({ max: 1 });
  const error = await failure(
    pool.call(() => {
      throw Object.assign(new RangeError("too far", { cause: new Error("why") }), {
        code: "E_FAR",
        where: [1],
      });
    }),
  );
  assert.instance(error, RangeError);
  assert.is(error.message, "too far");
  assert.is(error.code, "E_FAR");
  assert.equal((error as unknown as { where: number[] }).where, [1]);
  assert.is((error.cause as Error).message, "why");
  assert.is(await pool.call(() => "next"), "next");
});

test("F13: a cast returns at once; its failure reaches the pool's error event", async () => {
  await using pool = await open({ max: 1 });
  const failed = new Promise<unknown>((resolve) => pool.once("error", resolve));
  assert.is(
    pool.cast(() => {
      throw new Error("unheard");
    }),
    undefined,
  );
  assert.is(((await failed) as Error).message, "unheard");
});

test("lines that the code prints come back with their call", async () => {
  await using pool = await open({ max: 1 });
  const lines: string[] = [];
  const seen = new Promise<void>((resolve) =>
    pool.on("log", ({ level, text, call }) => {
      lines.push(`${level} ${text} ${call > 0}`);
      if (lines.length === 2) resolve();
    }),
  );
  await pool.call(async () => {
    console.log("one", { a: 1 });
    await Promise.resolve();
    console.error("two");
  });
  await seen;
  assert.equal(lines, ["log one { a: 1 } true", "error two true"]);
});

test("map yields every result in order, and progress counts them", async () => {
  await using pool = await open({ max: 2, concurrency: 4 });
  let progress: MapProgress | undefined;
  const items = Array.from({ length: 200 }, (_, i) => i);
  const results = await Array.fromAsync(
    pool.map(items, (n) => n * 2, {
      onProgress: (state) => {
        progress = state;
      },
    }),
  );
  assert.equal(
    results,
    items.map((n) => n * 2),
  );
  const { done, failed, running, total } = progress as MapProgress;
  assert.equal([done, failed, running, total], [200, 0, 0, 200]);
});

test("closing a pool lets what runs finish", async () => {
  const pool = await open({ max: 1 });
  await pool.call(() => 1);
  const last = pool.call(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return "finished";
  });
  await new Promise((resolve) => setImmediate(resolve));
  await pool.close();
  assert.is(await last, "finished");
  assert.throws(
    () => pool.call(() => 1),
    (error: unknown) => hasCode(error, "POOL_CLOSED"),
  );
});

test("an option or a grant that is missing, wrong or misspelt fails before anything boots", async () => {
  assert.is((await failure(open({ max: 1, min: 2 }))).code, "INVALID_OPTION");
  assert.is((await failure(open({ idle: 3 } as never))).code, "UNKNOWN_OPTION");
  await using pool = await open({ max: 1 });
  assert.throws(() => pool.call(() => 1, { timeout: 3 } as never), /"timeout"/);
  assert.throws(() => pool.call(() => 1, { deadline: "soon" } as never), /"deadline"/);
  assert.throws(() => pool.call("no function" as never), /takes a function/);
  assert.equal(pool.inspect().executors, { ready: 0, booting: 0, draining: 0 });
});

test.run();

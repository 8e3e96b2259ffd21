/** F2, F6, F10, F12, F13: what becomes of one call. */

import { readFile } from "node:fs/promises";
import { AGENT_PROGRAM } from "@bonfire/executor";
import { BonfireError, connect, type PoolOptions, remote } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { shrunk } from "../../harness/executors.ts";
import { descendants } from "../../harness/gone.ts";
import { errorOf, until } from "../../harness/outcome.ts";

const fire = await connect();
let pools = 0;
const open = (options: PoolOptions = {}) =>
  fire.pool(`calls-${++pools}`, { logs: "ignore", max: 1, ...options });
const forever = () => new Promise<never>(() => {});
test.after(() => fire.close());

class Refused extends RangeError {
  readonly code = "E_REFUSED";
  readonly details: { readonly limit: number };

  constructor(limit: number) {
    super(`more than ${limit}`, { cause: new TypeError("the cause") });
    this.details = { limit };
  }
}

for (const realm of ["isolate", "process"] as const) {
  test(`F2: a call returns the function's value, an async function's resolved value (${realm})`, async () => {
    await using pool = await open({ realm });
    const base = { n: 40 };
    assert.is(await pool.call(() => base.n + 2), 42);
    assert.is(await pool.call(async () => (await Promise.resolve(base.n)) + 2), 42);
    assert.is(await pool.call({ base }, ({ base }) => base.n), 40);
    assert.equal(
      await pool.call(() => new Map([[1n, [new Date(5), undefined]]])),
      new Map([[1n, [new Date(5), undefined]]]),
    );
  });

  test(`F6: a queued call whose time is up says that it was still queued, and never runs (${realm})`, async () => {
    await using pool = await open({ realm });
    await pool.call({}, () => 1);
    const gate = new AbortController();
    const blocking = errorOf(pool.call({}, forever, { signal: gate.signal }));
    let ran = 0;
    const note = remote(() => void ran++);
    const error = await errorOf(pool.call({ note }, ({ note }) => note(), { deadline: 200 }));
    assert.is(error.code, "CALL_TIMEOUT");
    assert.match(
      error.message,
      /exceeded its deadline of 200 ms while it waited for a slot of pool .* and never ran/,
    );
    gate.abort();
    await blocking;
    assert.is(await pool.call({}, () => 2), 2);
    assert.is(ran, 0);
  });

  test(`F12: a call that throws rejects with the same error, and the executor serves the next (${realm})`, async () => {
    await using pool = await open({ realm });
    const limit = 5;
    const error = (await errorOf(
      pool.call(() => {
        throw new Refused(limit);
      }),
    )) as Refused;
    assert.is(error.name, "RangeError");
    assert.instance(error, RangeError);
    assert.is(error.message, "more than 5");
    assert.is(error.code, "E_REFUSED");
    assert.equal(error.details, { limit: 5 });
    assert.instance(error.cause, TypeError);
    assert.match(String(error.stack), /calls\.test\.ts/);
    const { executor } = pool.inspect().cells[0] as { executor: string };
    assert.is(await pool.call(() => 1), 1);
    assert.is(pool.inspect().cells[0]?.executor, executor);
  });

  test(`F13: a cast returns at once, its failure is an event, and it keeps its executor from idling out (${realm})`, async () => {
    await using pool = await open({ realm, max: 2, idleAfter: 100 });
    const failed = new Promise<Error>((resolve) => pool.on("error", (error) => resolve(error as Error)));
    assert.is(
      pool.cast(() => {
        throw new RangeError("cast");
      }),
      undefined,
    );
    assert.is((await failed).message, "cast");
    const going = Promise.withResolvers<void>();
    const { promise: gate, resolve: end } = Promise.withResolvers<void>();
    const wait = remote(() => {
      going.resolve();
      return gate;
    });
    pool.cast({ wait }, ({ wait }) => wait());
    await going.promise;
    const busy = pool.inspect().cells.find(({ busy }) => busy > 0)?.executor;
    // One that has been idle for less time than the cast has run goes, and the cast's does not.
    const idled = shrunk(pool);
    assert.is(await pool.call({}, () => 1), 1);
    const { executor, reason } = await idled;
    assert.is(reason, "idle");
    assert.is.not(executor, busy);
    assert.is(pool.inspect().executors.ready, 1);
    const last = shrunk(pool);
    end();
    assert.is((await last).executor, busy);
  });

  test(`F10: a killed executor fails its calls at once with an error that names it; all others live on (${realm})`, async () => {
    await using pool = await open({ realm, concurrency: 2 });
    await using other = await open({ realm });
    const fine = other.call({}, () => new Promise((resolve) => setTimeout(resolve, 1_000, "fine")));
    await until(() => other.inspect().running === 1);
    const before = new Set(await agents());
    await pool.call({}, () => 1);
    const [pid] = (await agents()).filter((one) => !before.has(one));
    const { executor } = pool.inspect().cells[0] as { executor: string };
    const running = [1, 2].map(() => errorOf(pool.call({}, forever)));
    const waiting = pool.call({}, () => "served");
    await until(() => pool.inspect().running === 2);
    const start = performance.now();
    process.kill(pid as number, "SIGKILL");
    for (const error of await Promise.all(running)) {
      assert.is(error.code, "EXECUTOR_LOST");
      assert.match(error.message, new RegExp(executor));
      assert.instance(error, BonfireError);
    }
    assert.ok(performance.now() - start < 1_000, "at once");
    assert.is(await waiting, "served");
    assert.is(await fine, "fine");
  });
}

/** The executors that this process has started. */
async function agents(): Promise<number[]> {
  const pids = await descendants(process.pid);
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return pids.filter((_, index) => commands[index]?.includes(AGENT_PROGRAM));
}

test.run();

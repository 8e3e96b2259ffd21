/** F11: how long it takes until a call that its caller gives up runs no more, in both realms. */
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { connect, type PoolOptions, remote } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { untilGone } from "../../harness/gone.ts";
import { errorOf, until } from "../../harness/outcome.ts";
import { Program } from "../../harness/program.ts";

/** What the issue asks for. */
const ASYNC_MS = 100;
const SPIN_MS = 1_000;
/** What a machine that others use at the same time may add: as much as four starts of Node, 150 ms on an idle one. */
const SLACK_MS = 4 * startOfNode();

function startOfNode(): number {
  const start = performance.now();
  spawnSync(process.execPath, ["-e", "0"]);
  return performance.now() - start;
}

const fire = await connect();
let pools = 0;
const open = (options: PoolOptions) => fire.pool(`cancel-${++pools}`, { logs: "ignore", max: 1, ...options });
test.after(() => fire.close());

for (const realm of ["isolate", "process"] as const) {
  test(`F11: aborting a call that waits frees its slot within ${ASYNC_MS} ms (${realm})`, async () => {
    await using pool = await open({ realm });
    await pool.call(() => 1);
    const stop = new AbortController();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const beats: number[] = [];
    const beat = remote((now: number) => {
      beats.push(now);
      begin();
    });
    const call = errorOf(
      pool.call(
        { beat },
        async ({ beat }) => {
          for (;;) {
            await beat(Date.now());
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        },
        { signal: stop.signal },
      ),
    );
    await begun;
    const start = performance.now();
    stop.abort(new Error("enough"));
    assert.is((await call).message, "enough");
    assert.ok(performance.now() - start < 50, "the caller does not wait for it");
    await until(() => pool.inspect().running === 0);
    const took = performance.now() - start;
    console.log(`  ${realm}: aborted async work had ended after ${took.toFixed(0)} ms`);
    assert.ok(took < ASYNC_MS + SLACK_MS, `${took} ms`);
    assert.is(await pool.call(() => 2), 2);
  });

  test(`F11: a deadline ends code that spins within ${SPIN_MS} ms (${realm})`, async () => {
    await using pool = await open({ realm });
    await pool.call(() => 1);
    const start = performance.now();
    const error = await errorOf(
      pool.call(
        () => {
          for (;;);
        },
        { deadline: 300 },
      ),
    );
    assert.is(error.code, "CALL_TIMEOUT");
    await until(() => pool.inspect().running === 0);
    const took = performance.now() - start - 300;
    console.log(`  ${realm}: code that spun past its deadline had ended after ${took.toFixed(0)} ms`);
    assert.ok(took < SPIN_MS + SLACK_MS, `${took} ms`);
    assert.is(await pool.call(() => 2), 2);
  });

  test(`F11: aborting code that spins ends it within ${SPIN_MS} ms (${realm})`, async () => {
    await using pool = await open({ realm });
    await pool.call(() => 1);
    const stop = new AbortController();
    const call = errorOf(
      pool.call(
        {},
        () => {
          for (;;);
        },
        { signal: stop.signal },
      ),
    );
    await until(() => pool.inspect().running === 1);
    const start = performance.now();
    stop.abort();
    assert.is((await call).name, "AbortError");
    await until(() => pool.inspect().running === 0);
    const took = performance.now() - start;
    console.log(`  ${realm}: aborted code that spun had ended after ${took.toFixed(0)} ms`);
    assert.ok(took < SPIN_MS + SLACK_MS, `${took} ms`);
    assert.is(await pool.call(() => 2), 2);
  });
}

test("F11: what a call of a process realm has spawned ends with it", async () => {
  await using pool = await open({ realm: "process" });
  const stop = new AbortController();
  const pid = Promise.withResolvers<number>();
  const tell = remote((child: number) => pid.resolve(child));
  const call = errorOf(
    pool.call(
      { tell },
      async ({ tell }) => {
        const { spawn } = await import("node:child_process");
        await tell(spawn("sleep", ["600"]).pid as number);
        await new Promise(() => {});
      },
      { signal: stop.signal },
    ),
  );
  const child = await pid.promise;
  assert.match(await readFile(`/proc/${child}/cmdline`, "utf8"), /sleep/);
  stop.abort();
  await call;
  const took = await untilGone([child], ASYNC_MS + SLACK_MS);
  console.log(`  its child process was gone after ${took.toFixed(0)} ms`);
});

test("F11: a caller that is killed takes its calls with it, also those that spin", async () => {
  await using program = new Program("integration/programs/spinning-driver.ts");
  const pids = (await program.line(/cells (\d+) (\d+)/)).slice(1).map(Number);
  program.child.kill("SIGKILL");
  const took = await untilGone(pids, SPIN_MS + SLACK_MS);
  console.log(`  after its driver was killed, the code ran for ${took.toFixed(0)} ms more`);
});

test.run();

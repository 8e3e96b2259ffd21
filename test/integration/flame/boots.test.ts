import { BackendError, connect, type FleetEvent, type PoolOptions } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TestBackend } from "../../harness/executors.ts";

const fire = await connect();
let pools = 0;
const open = (options: PoolOptions) => fire.pool(`boots-${++pools}`, { logs: "ignore", ...options });
const failure = (promise: Promise<unknown>): Promise<Error & { code: string }> =>
  promise.then(
    (value) => assert.unreachable(`resolved with ${String(value)}`) as never,
    (error) => error,
  );

test.after(() => fire.close());

test("F8: growStart, growEnd and shrink see the counts; a boot that fails is told, and retried for the waiter", async () => {
  await using backend = new TestBackend();
  let failing = 2;
  backend.onLaunch = () => {
    if (failing-- > 0) throw new BackendError("capacity", "no machine is free");
  };
  await using pool = await open({ max: 1, backend, idleAfter: 50 });
  const events: FleetEvent[] = [];
  pool.on("growStart", (event) => events.push(event));
  pool.on("growEnd", (event) => events.push(event));
  pool.on("shrink", (event) => events.push(event));
  const gone = new Promise((resolve) => pool.once("shrink", resolve));
  assert.is(await pool.call(() => "served"), "served");
  await gone;
  assert.equal(
    events.map(({ kind, ready, booting }) => [kind, ready, booting]),
    [
      ["growStart", 0, 1],
      ["growEnd", 0, 0],
      ["growStart", 0, 1],
      ["growEnd", 0, 0],
      ["growStart", 0, 1],
      ["growEnd", 1, 0],
      ["shrink", 0, 0],
    ],
  );
  const [, failed, , , , booted, shrunk] = events;
  assert.match(String(failed?.kind === "growEnd" && failed.error?.message), /no machine is free/);
  assert.is(booted?.kind === "growEnd" ? booted.error : "none", undefined);
  assert.is(shrunk?.kind === "shrink" ? shrunk.reason : undefined, "idle");
});

test("F19: what a retry cannot mend reaches the waiting call at once, in the platform's words", async () => {
  for (const reason of ["auth", "image", "unsupported"] as const) {
    await using backend = new TestBackend();
    backend.onLaunch = () => Promise.reject(new BackendError(reason, `the platform says: ${reason}`));
    await using pool = await open({ max: 1, backend });
    const start = performance.now();
    const error = await failure(pool.call(() => 1));
    assert.is(error.code, "BOOT_FAILED");
    assert.match(error.message, new RegExp(`the platform says: ${reason}`));
    assert.is(backend.launched.length, 1);
    assert.ok(performance.now() - start < 5_000);
  }
});

test("F19: boots that go on failing are given up by bootTimeout, with every reason in the chain of causes", async () => {
  await using backend = new TestBackend();
  backend.onLaunch = () => {
    const odd = backend.launched.length % 2 === 1;
    throw odd
      ? new BackendError("capacity", "no machine is free")
      : new BackendError("quota", "ten is the limit");
  };
  await using pool = await open({ max: 1, backend, bootTimeout: "1500ms" });
  const error = await failure(pool.call(() => 1));
  assert.is(error.code, "BOOT_FAILED");
  const chain: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) chain.push(at.message);
  for (const words of [/no machine is free/, /ten is the limit/]) {
    assert.ok(
      chain.slice(1).some((message) => words.test(message)),
      chain.join(" <- "),
    );
  }
  assert.ok(backend.launched.length >= 3, `${backend.launched.length} launches`);
});

test("F19: while calls wait, the pool tells what its platform says, and when it tries again", async () => {
  await using backend = new TestBackend();
  backend.onLaunch = () => Promise.reject(new BackendError("capacity", "no machine is free in lhr"));
  await using pool = await open({ max: 1, backend, bootTimeout: "20s" });
  const told = new Promise<Error>((resolve) => pool.once("bootFailed", resolve));
  const stop = new AbortController();
  const call = failure(pool.call(() => 1, { signal: stop.signal }));
  assert.match((await told).message, /no machine is free in lhr/);
  const [explained] = (await pool.capacity()).failures;
  assert.is(explained?.sentence, "no machine is free in lhr");
  stop.abort();
  await call;
});

test("F19: an executor that never registers is ended, and the call says so", async () => {
  await using backend = new TestBackend();
  backend.silent = true;
  await using pool = await open({ max: 1, backend, bootTimeout: "1s" });
  const error = await failure(pool.call(() => 1));
  assert.is(error.code, "BOOT_FAILED");
  assert.ok([...backend.terminated.keys()].includes(backend.launched[0] as string));
});

test("a launch whose answer was lost boots one machine, not two", async () => {
  await using backend = new TestBackend();
  backend.afterLaunch = () => {
    throw new BackendError("transient", "the answer was lost", { mayExist: true });
  };
  await using pool = await open({ max: 1, backend });
  assert.is(await pool.call(() => 5), 5);
  assert.is(backend.launched.length, 1);
});

test("a launch whose answer was lost and that came to nothing is made again under the same id", async () => {
  await using backend = new TestBackend();
  let lost = false;
  backend.onLaunch = () => {
    if (lost) return;
    lost = true;
    throw new BackendError("transient", "the answer was lost", { mayExist: true });
  };
  await using pool = await open({ max: 1, backend });
  assert.is(await pool.call(() => 5), 5);
  assert.is(backend.launched.length, 2);
  assert.is(new Set(backend.launched).size, 1);
});

test.run();

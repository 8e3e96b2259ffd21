import { setTimeout as pause } from "node:timers/promises";
import { localBackend } from "@bonfire/backend-local";
import { type Backend, connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CutLink } from "../harness/cut-link.ts";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";

for (const realm of ["isolate", "process"] as const) {
  test(`a call whose end falls into an outage of NATS still resolves (${realm})`, async () => {
    await using server = await NatsServer.start();
    await using fire = await connect({ servers: [server.url] });
    await using pool = await fire.pool("outage", { max: 1, concurrency: 4, realm, logs: "ignore" });
    let begun = 0;
    pool.on("log", () => begun++);
    const text = (length: number) =>
      pool.call({ length }, async ({ length }) => {
        console.log("begun");
        await new Promise((resolve) => setTimeout(resolve, 500));
        return "x".repeat(length);
      });
    const [small, large] = [text(7), text(3_000_000)];
    await until(() => begun === 2);
    await server.kill();
    await pause(800);
    await server.restart();
    assert.equal([(await small).length, (await large).length], [7, 3_000_000]);
    assert.is(await pool.call(() => 2), 2);
  });
}

test("of what was written into a dying server replies are sent again and calls are told to be lost, none waits for its deadline", async () => {
  await using server = await NatsServer.start();
  await using fire = await connect({ servers: [server.url] });
  await using pool = await fire.pool("lossy", { max: 1, concurrency: 8, logs: "ignore" });
  await pool.call(() => 1);
  const outcome = (promise: Promise<unknown>) =>
    promise.then(
      () => "resolved",
      (error: { code: string }) => error.code,
    );
  let begun = 0;
  pool.on("log", () => begun++);
  const work = ({ ms }: { ms: number }) => {
    console.log("begun");
    return new Promise((resolve) => setTimeout(resolve, ms));
  };
  const answered = outcome(pool.call({ ms: 400 }, work));
  const live = outcome(
    pool.call({ ms: 400 }, async ({ ms }) => {
      console.log("begun");
      await new Promise((resolve) => setTimeout(resolve, ms));
      return new ReadableStream();
    }),
  );
  const long = outcome(pool.call({ ms: 6_000 }, work));
  // All are over there, so that only what is written from now on is lost.
  await until(() => begun === 3);
  server.freeze();
  const unheard = [1, 2, 3].map((n) => outcome(pool.call({ n }, ({ n }) => n)));
  await pause(800);
  await server.kill();
  await server.restart();
  const start = performance.now();
  assert.is(await answered, "resolved");
  // What was alive in it is not any more.
  assert.is(await live, "CALL_LOST");
  for (const call of unheard) assert.is(await call, "CALL_LOST");
  assert.ok(performance.now() - start < 4_000, "long before any deadline");
  assert.is(await long, "resolved");
  assert.is(await pool.call(() => 2), 2);
  assert.is(pool.inspect().running, 0);
});

test("a cell that nobody can reach for a moment keeps its slots and what runs there, and serves again", async () => {
  await using server = await NatsServer.start();
  await using link = await CutLink.before(server.port);
  const local = localBackend();
  const launch: Backend["launch"] = (request, signal) => {
    const nats = { ...request.bootstrap.nats, servers: [`nats://127.0.0.1:${link.port}`] };
    return local.launch({ ...request, bootstrap: { ...request.bootstrap, nats } }, signal);
  };
  await using backend: Backend = {
    name: "behind a link",
    launch,
    list: (filter) => local.list(filter),
    terminate: (id, options) => local.terminate(id, options),
    [Symbol.asyncDispose]: () => local[Symbol.asyncDispose](),
  };
  await using fire = await connect({ servers: [server.url] });
  const slots = 64;
  await using pool = await fire.pool("apart", {
    max: 1,
    concurrency: slots,
    realm: "process",
    logs: "ignore",
    backend,
  });
  const place = await pool.call({}, () => process.pid);
  let begun = false;
  pool.on("log", () => {
    begun = true;
  });
  const running = pool.call({}, () => {
    console.log("begun");
    return new Promise((resolve) => setTimeout(resolve, 3_000, "still here"));
  });
  await until(() => begun);
  const { executor } = pool.inspect().cells[0] as { executor: string };
  link.cut("drop");
  // Those that are sent before nats-server has seen the break are lost, and tried again.
  const crossed: Promise<number>[] = [];
  await until(() => {
    if (crossed.length < 30)
      crossed.push(pool.call({}, () => process.pid, { retries: 3, idempotent: true, deadline: "15s" }));
    return pool.inspect().waiting > 0;
  });
  assert.is(pool.inspect().cells[0]?.slots, slots);
  link.heal();
  for (const call of crossed) assert.is(await call, place);
  assert.is(await running, "still here");
  assert.is(pool.inspect().cells[0]?.executor, executor);
});

test("a call that meets nobody in a cell whose link is not back yet runs there when it is", async () => {
  await using server = await NatsServer.start();
  await using fire = await connect({ servers: [server.url] });
  await using pool = await fire.pool("away", { max: 1, concurrency: 2, realm: "process", logs: "ignore" });
  const pid = await pool.call(() => process.pid);
  const busy = pool.call(() => new Promise((resolve) => setTimeout(resolve, 2_500, "through")));
  await pool.call(() => 1);
  // The cell cannot reconnect, as its process stands still; its keeper says that it is there.
  process.kill(pid, "SIGSTOP");
  try {
    await server.kill();
    await server.restart();
    await until(() => fire.inspect().nats.up);
    const early = pool.call(() => process.pid);
    await until(() => pool.inspect().waiting === 1);
    process.kill(pid, "SIGCONT");
    assert.is(await early, pid);
    assert.is(await busy, "through");
  } finally {
    process.kill(pid, "SIGCONT");
  }
});

test.run();

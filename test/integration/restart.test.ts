import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";

for (const realm of ["isolate", "process"] as const) {
  test(`a call whose end falls into an outage of NATS still resolves (${realm})`, async () => {
    await using server = await NatsServer.start();
    await using fire = await connect({ servers: [server.url] });
    await using pool = await fire.pool("outage", { max: 1, concurrency: 4, realm, logs: "ignore" });
    await pool.call(() => 1);
    const small = pool.call(() => new Promise((resolve) => setTimeout(resolve, 500, "through")));
    const large = pool.call(
      () => new Promise<string>((resolve) => setTimeout(() => resolve("x".repeat(3_000_000)), 500)),
    );
    await pause(200);
    await server.kill();
    await pause(800);
    await server.restart();
    assert.is(await small, "through");
    assert.is((await large).length, 3_000_000);
    assert.is(await pool.call(() => 2), 2);
  });
}

test("calls and replies that were written into a dying server are told to be lost, none waits for its deadline", async () => {
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
  const long = outcome(pool.call({ ms: 6_000 }, work));
  // Both are over there, so that only what is written from now on is lost.
  await until(() => begun === 2);
  server.freeze();
  const unheard = [1, 2, 3].map((n) => outcome(pool.call({ n }, ({ n }) => n)));
  await pause(800);
  await server.kill();
  await server.restart();
  const start = performance.now();
  assert.is(await answered, "CALL_LOST");
  for (const call of unheard) assert.is(await call, "CALL_LOST");
  assert.ok(performance.now() - start < 4_000, "long before any deadline");
  assert.is(await long, "resolved");
  assert.is(await pool.call(() => 2), 2);
  assert.is(pool.inspect().running, 0);
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

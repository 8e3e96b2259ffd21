/** F20: executors on machines of their own, whose parent, the driver, was never there or is there no more. */
import { setTimeout as pause } from "node:timers/promises";
import { type Backend, connect, type LaunchRequest } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flock } from "../../harness/flock.ts";
import { freePort } from "../../harness/free-port.ts";
import { NatsServer } from "../../harness/nats.ts";
import { until } from "../../harness/outcome.ts";
import { Platform } from "../../harness/platform.ts";
import { PlatformBackend } from "../../harness/platform-backend.ts";
import { Program } from "../../harness/program.ts";

const ROUNDS = 3;
const BOOT_MS = 2_000;
/** The lease of presence, in which a driver may be reconnecting, and what a loaded machine adds. */
const LOST_MS = 6_000 + 6_000;

const server = await NatsServer.start();
const { url } = server;
test.after(() => server.kill());

/** What a supervisor asks for to launch an executor; the supervisor itself is gone afterwards. */
async function orderOf(bootTimeout: number): Promise<LaunchRequest> {
  await using fire = await connect({ servers: url });
  const ordered = Promise.withResolvers<LaunchRequest>();
  const backend: Backend = {
    name: "order-book",
    launch: (request) => {
      ordered.resolve(request);
      return new Promise(() => undefined);
    },
    list: async () => [],
    terminate: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  await using pool = await fire.pool("orders", { backend, bootTimeout, shutdownTimeout: 0 });
  pool.call({}, () => 1).catch(() => undefined);
  return await ordered.promise;
}

/** How the one machine of the platform has ended by itself, and after how many ms. */
async function endOf(platform: Platform, within: number): Promise<{ how: string | undefined; ms: number }> {
  await until(() => platform.running.length === 0, within);
  const [machine] = [...platform.ledger.values()];
  assert.is(machine?.condemnedAt, undefined, "nobody asked for its end");
  return { how: machine?.how, ms: (machine?.endedAt ?? 0) - (machine?.launchedAt ?? 0) };
}

test("F20: a lost parent: executors whose driver is killed at a random moment, also while they boot, end by themselves", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    await using platform = await Platform.start();
    const env = { NATS_URL: url, PLATFORM: platform.url, EXECUTORS: "2", POOL: `lost-${round}` };
    await using driver = new Program("presence/flock-driver.ts", { env });
    await until(() => platform.running.length > 0);
    await pause(1_500 * Math.random());
    driver.child.kill("SIGKILL");
    const start = performance.now();
    await until(() => platform.running.length === 0, LOST_MS);
    console.log(
      `  2 executors had ended ${Math.round(performance.now() - start)} ms after their driver was killed`,
    );
    assert.ok([...platform.ledger.values()].every(({ condemnedAt }) => condemnedAt === undefined));
  }
});

test("F20: a lost parent: an executor whose driver is gone before it has booted ends itself", async () => {
  await using platform = await Platform.start();
  await new PlatformBackend(platform.url).launch(await orderOf(30_000), new AbortController().signal);
  const { ms } = await endOf(platform, LOST_MS);
  console.log(`  it had ended after ${Math.round(ms)} ms`);
});

test("F20: a lost parent: an executor that cannot reach its driver within bootTimeout ends itself", async () => {
  await using platform = await Platform.start();
  const order = await orderOf(BOOT_MS);
  const nats = { ...order.bootstrap.nats, servers: [`nats://127.0.0.1:${await freePort()}`] };
  const unreachable = { ...order, bootstrap: { ...order.bootstrap, nats } };
  await new PlatformBackend(platform.url).launch(unreachable, new AbortController().signal);
  const { how, ms } = await endOf(platform, BOOT_MS + LOST_MS);
  assert.is(how, "1");
  assert.ok(ms >= BOOT_MS, `${ms} ms`);
});

test("F20: a lost parent: an executor whose driver is cut off for good after its boot ends itself, and takes its cells along", async () => {
  await using platform = await Platform.start();
  await using driver = await flock({ url, platform, executors: 1, env: { FFMPEG: "1", POOL: "frozen" } });
  driver.child.kill("SIGSTOP");
  await until(() => platform.running.length === 0, LOST_MS);
  const { how } = await endOf(platform, 1);
  assert.is(how, "0");
});

test.run();

/** A driver, its executors and nats-server on three networks, whose links lose packets. */
import { setTimeout as pause } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type FlockOptions, flock, machinesOf, served } from "../harness/flock.ts";
import { untilGone } from "../harness/gone.ts";
import { NatsServer } from "../harness/nats.ts";
import { insideNetworks, Network } from "../harness/networks.ts";
import { until } from "../harness/outcome.ts";
import { Platform } from "../harness/platform.ts";
import type { Program } from "../harness/program.ts";

const reason = await insideNetworks();
if (reason !== undefined) console.log(`skipped: ${reason}`);
const check = reason === undefined ? test : test.skip;

/** Of the driver and of the executors: they are made once, as their names are few. */
const [near, far] = reason === undefined ? [await Network.make(), await Network.make()] : [];

interface World extends AsyncDisposable {
  readonly near: Network;
  readonly far: Network;
  readonly platform: Platform;
  driver(env?: FlockOptions["env"]): Promise<Program>;
}

async function world(): Promise<World> {
  if (!near || !far) throw new Error(reason);
  const server = await NatsServer.start({ args: ["-a", "0.0.0.0"] });
  const platform = await Platform.start({ host: "0.0.0.0", via: far.via });
  // Executors reach the server by another address than the driver does: each fails at the other's and tries the next.
  const url = [near, far].map(({ hub }) => `nats://${hub}:${server.port}`).join(",");
  return {
    near,
    far,
    platform,
    driver: (env = {}) =>
      flock({
        url,
        platform,
        via: near.via,
        env: { PLATFORM: platform.url.replace("0.0.0.0", near.hub), ...env },
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all([near.mend(), far.mend()]);
      await platform[Symbol.asyncDispose]();
      await server.kill();
    },
  };
}

for (const side of ["near", "far"] as const) {
  const whose = side === "near" ? "driver" : "executors";
  check(`a network of the ${whose} that drops every packet for 3 s tears nothing down`, async () => {
    await using all = await world();
    await using driver = await all.driver();
    const machines = machinesOf(all.platform);
    await all[side].cut();
    await pause(3_000);
    await all[side].mend();
    await served(driver);
    // As long as whoever judged wrongly would need.
    await pause(3_000);
    await served(driver);
    assert.equal(machinesOf(all.platform), machines, driver.output);
  });
}

check(
  "a network that loses 0.3 s of each second for 10 s tears nothing down, and fails no call",
  async () => {
    await using all = await world();
    await using driver = await all.driver();
    const machines = machinesOf(all.platform);
    driver.say("traffic");
    for (let second = 0; second < 10; second++) {
      await all.far.cut();
      await pause(300);
      await all.far.mend();
      await pause(700);
    }
    driver.say("rest");
    const [, started, ended, failed] = await driver.line(/^rested (\d+) (\d+) (\d+)/);
    assert.ok(Number(started) > 50, started);
    assert.equal([ended, failed], [started, "0"]);
    assert.equal(machinesOf(all.platform), machines, driver.output);
  },
);

check("a driver that is cut off for good loses its executors within the lease", async () => {
  await using all = await world();
  await using driver = await all.driver();
  const pids = all.platform.running.map(({ pid }) => pid);
  const start = performance.now();
  await all.near.cut();
  await untilGone(pids, 9_000);
  const took = performance.now() - start;
  console.log(`executors of a driver that was cut off ended after ${Math.round(took)} ms`);
  assert.ok(took > 4_000, "it could have come back until then");
  driver.say("call");
  const [, code] = await driver.line(/^call failed (\S+)/);
  // Whether it had a slot when its link broke or waits for one.
  assert.ok(["LINK_DOWN", "CALL_TIMEOUT"].includes(code as string), code);
});

check("calls on executors that are cut off for good fail within the lease, and say why", async () => {
  await using all = await world();
  await using driver = await all.driver({ FFMPEG: "1" });
  const start = performance.now();
  await all.far.cut();
  const [, code] = await driver.line(/^encoding failed (\S+)/);
  console.log(
    `a call on an executor that was cut off failed after ${Math.round(performance.now() - start)} ms`,
  );
  assert.ok(["EXECUTOR_LOST", "ACTOR_LOST"].includes(code as string), code);
  assert.ok(performance.now() - start < 9_000);
});

check(
  "executors that are cut off from everything end themselves, when they have been for natsGrace",
  async () => {
    await using all = await world();
    await using driver = await all.driver({ FFMPEG: "1" });
    const pids = all.platform.running.map(({ pid }) => pid);
    const start = performance.now();
    await all.far.cut();
    driver.child.kill("SIGKILL");
    await untilGone(pids, 40_000);
    const took = performance.now() - start;
    console.log(`executors that were cut off ended themselves after ${Math.round(took)} ms`);
    assert.ok(took < 36_000);
    await until(() => all.platform.running.length === 0);
    assert.ok([...all.platform.ledger.values()].every(({ condemnedAt }) => condemnedAt === undefined));
  },
);

test.run();

import { setTimeout as pause } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flock, machinesOf, served } from "../harness/flock.ts";
import { NatsServer } from "../harness/nats.ts";
import { Platform } from "../harness/platform.ts";
import { RedisServer } from "../harness/redis.ts";

test("an outage of the Redis by which a supervisor is elected, longer than its lease, ends no executor", async () => {
  await using server = await NatsServer.start();
  await using redis = await RedisServer.start();
  await using platform = await Platform.start();
  await using driver = await flock({ url: server.url, platform, env: { REDIS: redis.url } });
  const machines = machinesOf(platform);
  await redis.kill();
  await pause(5_000);
  await redis.restart();
  await served(driver);
  // As long as the lease of an executor that nobody supervises any more.
  await pause(8_000);
  await served(driver);
  assert.equal(machinesOf(platform), machines, driver.output);
});

test.run();

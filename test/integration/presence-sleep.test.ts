/** A laptop that sleeps: every process of it stands still, and goes on as if no time had passed. */
import { setTimeout as pause } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flock, machinesOf, served } from "../harness/flock.ts";
import { descendants } from "../harness/gone.ts";
import { NatsServer } from "../harness/nats.ts";
import { Platform } from "../harness/platform.ts";

const LEASE_MS = 6_000;
/** nats-server drops whoever sleeps for longer than 3 s. */
const server = await NatsServer.start({ hints: true });
test.after(() => server.kill());

for (const [what, ms] of [
  ["less than the lease", LEASE_MS / 2],
  ["more than the lease", LEASE_MS * 1.5],
] as const) {
  for (const serverToo of [true, false]) {
    test(`a driver with all its executors sleeps for ${what}, nats-server ${serverToo ? "too" : "awake"}, and nothing ends`, async () => {
      await using platform = await Platform.start();
      await using driver = await flock({ url: server.url, platform });
      const machines = machinesOf(platform);
      const roots = [driver.pid, ...platform.running.map(({ pid }) => pid)];
      const below = await Promise.all(roots.map(descendants));
      const sleepers = [...roots, ...below.flat(), ...(serverToo ? [server.pid] : [])];
      for (const pid of sleepers) process.kill(pid, "SIGSTOP");
      await pause(ms);
      for (const pid of sleepers) process.kill(pid, "SIGCONT");
      await served(driver);
      // As long as whoever judged wrongly would need.
      await pause(LEASE_MS);
      await served(driver);
      assert.equal(machinesOf(platform), machines, driver.output);
    });
  }
}

test.run();

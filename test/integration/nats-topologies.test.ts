/** Drivers and executors that are not on one plain nats-server: on a leaf and its hub, or cut off by it for reading too slowly. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flock, machinesOf, served } from "../harness/flock.ts";
import { freePort } from "../harness/free-port.ts";
import { untilGone } from "../harness/gone.ts";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";
import { Platform } from "../harness/platform.ts";
import { Relay } from "../harness/relay.ts";

const directory = await mkdtemp(join(tmpdir(), "bonfire-nats-topologies-"));
test.after(() => rm(directory, { recursive: true }));

async function serverWith(name: string, settings: string): Promise<NatsServer> {
  const config = join(directory, `${name}.conf`);
  await writeFile(config, settings);
  return NatsServer.start({ args: ["-c", config] });
}

/** A hub for executors and a leaf for drivers, with a link between them that can be cut. */
async function leafAndHub() {
  await using started = new AsyncDisposableStack();
  const port = await freePort();
  const hub = started.use(
    await serverWith("hub", `leafnodes { host: "127.0.0.1", port: ${port}, no_advertise: true }`),
  );
  const link = started.use(await Relay.before(port));
  const remote = `remotes: [{ url: "nats-leaf://127.0.0.1:${link.port}" }]`;
  const leaf = started.use(await serverWith("leaf", `leafnodes { reconnect: 1, ${remote} }`));
  const platform = started.use(await Platform.start({ servers: [hub.url] }));
  const ending = started.move();
  return { leaf, link, platform, [Symbol.asyncDispose]: () => ending.disposeAsync() };
}

test("drivers on a leaf use executors on its hub, and a link between them that is silent for 3 s, or reset, harms nobody", async () => {
  await using at = await leafAndHub();
  await using driver = await flock({ url: at.leaf.url, platform: at.platform });
  const machines = machinesOf(at.platform);
  for (const ms of [3_000, 0]) {
    at.link.silence();
    await pause(ms);
    // Resets it: the leaf has another a second later, and until then says that nobody listens.
    at.link.heal();
    // As long as whoever judged wrongly would need.
    await pause(4_000);
    await served(driver);
    assert.equal(machinesOf(at.platform), machines, `${ms} ms\n${driver.output}`);
  }
});

test("executors on a hub end within the lease when the link to their driver's leaf is cut for good", async () => {
  await using at = await leafAndHub();
  await using driver = await flock({ url: at.leaf.url, platform: at.platform, env: { FFMPEG: "1" } });
  const pids = at.platform.running.map(({ pid }) => pid);
  const start = performance.now();
  at.link.silence();
  await Promise.all([driver.line(/^encoding failed (EXECUTOR|ACTOR)_LOST/), untilGone(pids, 9_000)]);
  console.log(`with a leaf's link cut, all ended after ${Math.round(performance.now() - start)} ms`);
});

test("a kill -9 of a driver on a leaf is noticed by executors on its hub", async () => {
  await using at = await leafAndHub();
  await using driver = await flock({ url: at.leaf.url, platform: at.platform });
  const pids = at.platform.running.map(({ pid }) => pid);
  driver.child.kill("SIGKILL");
  console.log(`over a leaf, ended after ${Math.round(await untilGone(pids, 4_000))} ms`);
});

test("a driver that nats-server drops as its main thread reads nothing for 10 s recovers, and nothing ends", async () => {
  const monitor = await freePort();
  await using server = await serverWith(
    "slow",
    `http: "127.0.0.1:${monitor}"\nwrite_deadline: "1s"\nmax_pending: 2MB`,
  );
  await using platform = await Platform.start();
  await using driver = await flock({ url: server.url, platform });
  const machines = machinesOf(platform);
  const dropped = async () => {
    const response = await fetch(`http://127.0.0.1:${monitor}/varz`);
    return ((await response.json()) as { slow_consumers: number }).slow_consumers;
  };
  driver.say("chatter 12000");
  await driver.line(/^chatting/);
  driver.say("block 10000");
  await until(async () => (await dropped()) > 0);
  await driver.line(/^unblocked/);
  await served(driver);
  assert.equal(machinesOf(platform), machines, driver.output);
});

test.run();

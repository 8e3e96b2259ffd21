/** Outages of NATS, and of the ways to it, that must end nothing. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flock, machinesOf, served } from "../harness/flock.ts";
import { freePort } from "../harness/free-port.ts";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";
import { Platform } from "../harness/platform.ts";
import { PlatformBackend } from "../harness/platform-backend.ts";
import { Relay } from "../harness/relay.ts";

test("a restart of nats-server ends nothing, even if it is away for longer than the lease", async () => {
  await using server = await NatsServer.start();
  await using platform = await Platform.start();
  await using driver = await flock({ url: server.url, platform });
  const machines = machinesOf(platform);
  for (const away of [0, 1_000, 8_000]) {
    await server.kill();
    await pause(away);
    await server.restart();
    await served(driver);
    const ends = Array.from(platform.ledger.values(), ({ launchId, how }) => `${launchId} ${how}`).join();
    assert.equal(machinesOf(platform), machines, `away for ${away} ms: ${ends} ${driver.output}`);
  }
});

test("an executor that boots while nats-server is away joins when it is back", async () => {
  await using server = await NatsServer.start();
  await using platform = await Platform.start();
  await using fire = await connect({ servers: server.url });
  await using pool = await fire.pool("early", { max: 1, backend: new PlatformBackend(platform.url) });
  await server.kill();
  const call = pool.call(() => 1);
  await until(() => platform.running.length === 1);
  await pause(1_500);
  await server.restart();
  assert.is(await call, 1);
  assert.is(platform.ledger.size, 1);
});

test("an executor that is asked for a cell in an outage keeps its machine, also if its link is back later than the driver's", async () => {
  await using server = await NatsServer.start();
  await using relay = await Relay.before(server.port);
  await using platform = await Platform.start({ servers: [`nats://127.0.0.1:${relay.port}`] });
  await using fire = await connect({ servers: server.url });
  const backend = new PlatformBackend(platform.url);
  await using pool = await fire.pool("asked", { min: 1, max: 1, backend });
  await server.kill();
  relay.refuse();
  const call = pool.call(() => 1);
  // Longer than an agent that nobody finds has to be found.
  await pause(6_000);
  await server.restart();
  await until(() => fire.inspect().nats.up);
  await pause(700);
  relay.heal();
  assert.is(await call, 1);
  assert.is(platform.ledger.size, 1);
});

test("a driver that NATS drops for 0.8 s, or that a network keeps apart for 3 s, keeps its executors", async () => {
  await using server = await NatsServer.start();
  await using relay = await Relay.before(server.port);
  await using platform = await Platform.start();
  await using direct = await flock({ url: server.url, platform, env: { POOL: "direct" } });
  await using driver = await flock({ url: `nats://127.0.0.1:${relay.port}`, platform });
  const machines = machinesOf(platform);
  const cuts = [
    ["refused", 800, () => relay.refuse()],
    ["silent", 3_000, () => relay.silence()],
  ] as const;
  for (const [name, ms, cut] of cuts) {
    cut();
    await pause(ms);
    relay.heal();
    // Long enough for whoever would judge wrongly.
    await pause(2_000);
    await Promise.all([served(driver), served(direct)]);
    assert.equal(machinesOf(platform), machines, `${name}\n${driver.output}\n${direct.output}`);
  }
});

test("a rolling restart of a cluster of three servers under load, by kill and by lame duck, ends nothing, and each call once", async () => {
  await using cluster = await Cluster.start();
  await using platform = await Platform.start();
  await using driver = await flock({ url: cluster.url, platform });
  const machines = machinesOf(platform);
  driver.say("traffic");
  for (const server of cluster.servers) {
    await server.kill();
    await pause(1_000);
    await server.restart();
    await served(driver);
    assert.equal(machinesOf(platform), machines, driver.output);
  }
  const [duck] = cluster.servers as [NatsServer];
  process.kill(duck.pid, "SIGUSR2");
  await until(async () => !(await isRunning(duck.pid)), 60_000);
  driver.say("rest");
  const [, started, ended, failed] = await driver.line(/^rested (\d+) (\d+) (\d+)/);
  console.log(`of ${started} calls during a rolling restart ${failed} failed`);
  assert.ok(Number(started) > 500, started);
  assert.is(ended, started);
  await served(driver);
  assert.equal(machinesOf(platform), machines);
});

async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // that there is none is the answer
  }
}

class Cluster implements AsyncDisposable {
  readonly servers: readonly NatsServer[];
  readonly #directory: string;

  private constructor(servers: readonly NatsServer[], directory: string) {
    this.servers = servers;
    this.#directory = directory;
  }

  get url(): string {
    return this.servers.map(({ url }) => url).join(",");
  }

  static async start(): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), "bonfire-nats-test-"));
    const config = join(directory, "lame-duck.conf");
    // The shortest that nats-server takes.
    await writeFile(config, 'lame_duck_duration: "30s"\nlame_duck_grace_period: "1s"\n');
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    const routes = ports.map((port) => `nats-route://127.0.0.1:${port}`).join(",");
    const servers = [];
    for (const port of ports) {
      const place = ["--cluster", `nats://127.0.0.1:${port}`, "--cluster_name", "test", "--routes", routes];
      servers.push(await NatsServer.start({ args: ["-c", config, ...place] }));
    }
    return new Cluster(servers, directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
    await rm(this.#directory, { recursive: true });
  }
}

test.run();

/** What a driver or an executor may go through without harm, and what ends when a driver really is gone. */
import { execFile, spawnSync } from "node:child_process";
import { open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flock, machinesOf, served } from "../harness/flock.ts";
import { commandsOf, descendants, untilGone } from "../harness/gone.ts";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";
import { Platform } from "../harness/platform.ts";
import { PlatformBackend } from "../harness/platform-backend.ts";

const LIMIT_MS = 20_000;
const BLOCKER = join(import.meta.dirname, "../harness/block-on-signal.ts");
const server = await NatsServer.start();
const { url } = server;

test.after(() => server.kill());

test("a driver and an executor whose main threads stand still for 30 s are not taken for gone, nor take others for it", async () => {
  await using platform = await Platform.start({ flags: ["--import", BLOCKER] });
  await using driver = await flock({ url, platform });
  const machines = machinesOf(platform);
  const [blocked] = platform.running;
  process.kill(blocked?.pid as number, "SIGUSR2");
  driver.say("block 30000");
  await until(() => driver.output.includes("unblocked"), 40_000);
  await served(driver);
  assert.equal(machinesOf(platform), machines);
});

test("a driver that is frozen for 3 s keeps its executors; one that is frozen for 9 s loses them, and gets others", async () => {
  await using platform = await Platform.start();
  await using driver = await flock({ url, platform });
  const machines = machinesOf(platform);
  driver.child.kill("SIGSTOP");
  await pause(3_000);
  driver.child.kill("SIGCONT");
  await served(driver);
  assert.equal(machinesOf(platform), machines);
  driver.child.kill("SIGSTOP");
  await until(() => platform.running.length === 0, 9_000);
  driver.child.kill("SIGCONT");
  await served(driver);
});

test("a driver that was taken for gone supervises no longer when it wakes: another does, and serves it too", async () => {
  await using platform = await Platform.start();
  await using first = await flock({ url, platform, executors: 1, env: { POOL: "passed-on" } });
  await using second = await flock({ url, platform, executors: 1, env: { POOL: "passed-on" } });
  const firstId = (await first.line(/^ready (\S+)/))[1];
  const machines = machinesOf(platform);
  first.child.kill("SIGSTOP");
  await second.line(new RegExp(`^gone ${firstId}`));
  await served(second);
  first.child.kill("SIGCONT");
  await first.line(/FENCED/);
  await Promise.all([served(first), served(second)]);
  // Nothing that it decided while it did not know better ended the executor, which is the other's by now.
  assert.equal(machinesOf(platform), machines);
});

test("what a driver runs on an executor that others use ends with it, and theirs goes on", async () => {
  await using platform = await Platform.start();
  await using host = await flock({ url, platform, executors: 1, env: { POOL: "shared" } });
  const [machine] = platform.running;
  const agent = machine?.pid as number;
  const before = await descendants(agent);
  await using guest = await flock({ url, platform, executors: 1, env: { POOL: "shared", FFMPEG: "1" } });
  const added = (await descendants(agent)).filter((pid) => !before.includes(pid));
  assert.ok(added.length >= 2, "a cell and ffmpeg");
  guest.child.kill("SIGKILL");
  console.log(`the guest's cell and program ended after ${Math.round(await untilGone(added, LIMIT_MS))} ms`);
  await served(host);
  assert.equal(machinesOf(platform), [machine?.launchId]);
});

test("an executor whose first cell was killed before anybody had it gives its driver another", async () => {
  await using platform = await Platform.start();
  await using fire = await connect({ servers: url });
  await using pool = await fire.pool("fresh", { min: 1, max: 1, backend: new PlatformBackend(platform.url) });
  const machines = machinesOf(platform);
  const cells = await descendants(platform.running[0]?.pid as number);
  assert.ok(cells.length > 0);
  for (const pid of cells) if ((await commandsOf([pid])).includes("node ")) process.kill(pid, "SIGKILL");
  await untilGone(cells, LIMIT_MS);
  assert.is(await pool.call(() => 1), 1);
  assert.equal(machinesOf(platform), machines);
});

const hasCompiler = spawnSync("cc", ["--version"]).error === undefined;
const withCompiler = hasCompiler ? test : test.skip;
withCompiler("a wall clock that jumps by a day, forward and back, is of no effect", async () => {
  await using clock = await ShiftedClock.make();
  await using platform = await Platform.start();
  const env = { LD_PRELOAD: clock.preload, SHIFT_FILE: clock.file };
  await using driver = await flock({ url, platform, env });
  const machines = machinesOf(platform);
  for (const seconds of [86_400, -86_400, 0]) {
    await clock.set(seconds);
    await pause(2_000);
    driver.say("time");
    const [, said] = await driver.line(
      new RegExp(`^time (${seconds > 0 ? "later" : seconds < 0 ? "earlier" : "now"})`),
    );
    assert.ok(said);
    await served(driver);
    assert.equal(machinesOf(platform), machines);
  }
});

test("a disk that is full where executors print is of no effect", async () => {
  const full = await open("/dev/full", "w");
  try {
    await using platform = await Platform.start({ output: full.fd });
    await using driver = await flock({ url, platform, executors: 1, env: { PRINTS: "1" } });
    const machines = machinesOf(platform);
    await served(driver);
    assert.equal(machinesOf(platform), machines);
  } finally {
    await full.close();
  }
});

/** What is preloaded to a process so that it shifts its wall clock. */
class ShiftedClock implements AsyncDisposable {
  readonly file = join(tmpdir(), `bonfire-clock-${process.pid}`);
  readonly preload = `${this.file}.so`;

  static async make(): Promise<ShiftedClock> {
    const clock = new ShiftedClock();
    await clock.set(0);
    const source = join(import.meta.dirname, "../presence/shift-clock.c");
    await promisify(execFile)("cc", ["-shared", "-fPIC", "-O1", "-o", clock.preload, source]);
    return clock;
  }

  /** From now on the clock is so many seconds ahead. */
  async set(seconds: number): Promise<void> {
    const bytes = new BigInt64Array([BigInt(seconds)]);
    // In place: the processes have the file mapped.
    await writeFile(this.file, bytes, { flag: seconds === 0 && !this.#made ? "w" : "r+" });
    this.#made = true;
  }

  #made = false;

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.file, { force: true });
    await rm(this.preload, { force: true });
  }
}

test.run();

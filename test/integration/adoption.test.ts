/** Executors of a shared pool outlive the driver that supervises it, while any other driver uses them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  BonfireError,
  connect,
  type Fire,
  type Grant,
  MemoryStore,
  type Pool,
  type PoolOptions,
} from "@bonfire/runtime";
import { adoptionMs, resolveTiming } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { machinesOf } from "../harness/flock.ts";
import { descendants, untilGone } from "../harness/gone.ts";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";
import { Platform } from "../harness/platform.ts";
import { PlatformBackend } from "../harness/platform-backend.ts";
import { Program } from "../harness/program.ts";

/** What is gone is noticed in this time, and what it leaves has ended. */
const BOUND_MS = 4_000;
/** A frozen driver is given up after 6 s. */
const FROZEN_MS = 12_000;
const server = await NatsServer.start({ jetstream: true });
const UNREACHED = new BonfireError("STORE_UNAVAILABLE", "the store is out of reach");
const folder = mkdtempSync(join(tmpdir(), "bonfire-adoption-"));
let gates = 0;

test.after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** A driver as a process of its own; it supervises if it is the first. */
async function owner(platform: Platform, options: PoolOptions = {}, store = false): Promise<Program> {
  const env = {
    ...{ NATS_URL: server.url, PLATFORM: platform.url, OPTIONS: JSON.stringify({ max: 1, ...options }) },
    ...(store && { STORE: "1" }),
  };
  const program = new Program("integration/programs/owner.ts", { env });
  await program.line(/^open/);
  return program;
}

/** Another driver, in this process. */
async function guest(platform: Platform, options: PoolOptions = {}, isElected = false) {
  const fire = await connect({ servers: server.url });
  const store = isElected ? { store: await fire.store() } : {};
  const backend = new PlatformBackend(platform.url);
  const pool = await fire.pool("shared", {
    ...{ max: 1, concurrency: 4, realm: "process", shutdownTimeout: "2s", logs: "ignore" },
    ...{ ...options, ...store, backend },
  });
  return { fire, pool, [Symbol.asyncDispose]: () => fire.close() };
}

/** A call that runs until it is let go, by a file, as nothing else lasts through a restart of NATS. Resolves when it has begun. */
async function running(pool: Pool): Promise<{ value: Promise<string>; end(): void }> {
  const begun = Promise.withResolvers<void>();
  const gate = join(folder, `gate-${++gates}`);
  pool.on("log", () => begun.resolve());
  const value = pool.call(
    { gate },
    async ({ gate }) => {
      const { existsSync } = await import("node:fs");
      console.log("begun");
      while (!existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 20));
      return "its value";
    },
    { deadline: "2m" },
  );
  await Promise.race([begun.promise, value]);
  return { value, end: () => writeFileSync(gate, "") };
}

const supervises = (fire: Fire) => fire.inspect().actors.some(({ type }) => type === "Supervisor");
/** Resolves when the driver supervises so many executors that are ready. */
const has = (pool: Pool, executors: number) =>
  until(() => {
    const known = pool.inspect().supervisor?.executors ?? [];
    return known.length === executors && known.every(({ phase }) => phase === "ready");
  });

/** Whether the pool has a supervisor that answers. */
const isAnswered = (pool: Pool) => Promise.race([pool.executors().then(() => true), pause(200, false)]);

/** A store that answers no leader and no candidate while it is cut. */
class CutStore extends MemoryStore {
  cut = false;
  protected override doAcquire(key: string, holder: string, ttl: number): Promise<Grant | undefined> {
    return this.cut ? Promise.reject(UNREACHED) : super.doAcquire(key, holder, ttl);
  }
  protected override doRenew(key: string, token: bigint, ttl: number): Promise<boolean> {
    return this.cut ? Promise.reject(UNREACHED) : super.doRenew(key, token, ttl);
  }
}

for (const store of [false, true]) {
  const how = store ? "a pool with a store" : "a pool without a store";
  test(`a call of another driver runs on when the driver that supervises ${how} is killed with -9`, async () => {
    await using platform = await Platform.start();
    await using first = await owner(platform, {}, store);
    await using second = await guest(platform, {}, store);
    const call = await running(second.pool);
    const machines = machinesOf(platform);
    first.child.kill("SIGKILL");
    const killed = performance.now();
    await until(() => supervises(second.fire));
    await has(second.pool, 1);
    console.log(`adopted ${Math.round(performance.now() - killed)} ms after kill -9`);
    call.end();
    assert.is(await call.value, "its value");
    assert.is(await second.pool.call(() => 2), 2);
    assert.equal(machinesOf(platform), machines);
    await second.pool.close();
    assert.equal(machinesOf(platform), []);
  });

  test(`a driver that supervises ${how} and is frozen beyond the lease loses its own calls, and the others' go on`, async () => {
    await using platform = await Platform.start();
    await using first = await owner(platform, {}, store);
    await using second = await guest(platform, {}, store);
    const call = await running(second.pool);
    const machines = machinesOf(platform);
    first.say("run 60000");
    await first.line(/run begins/);
    first.child.kill("SIGSTOP");
    await until(() => supervises(second.fire), FROZEN_MS);
    await has(second.pool, 1);
    first.child.kill("SIGCONT");
    await first.line(/FENCED/);
    await first.line(/run failed/);
    first.say("call");
    await first.line(/call gave 1/);
    call.end();
    assert.is(await call.value, "its value");
    assert.equal(machinesOf(platform), machines);
  });

  test(`a driver that closes hands on the executors that others use, at once, and ends the rest (${how})`, async () => {
    await using platform = await Platform.start();
    await using first = await owner(platform, { max: 2, concurrency: 1 }, store);
    await using second = await guest(platform, { max: 2, concurrency: 1 }, store);
    const call = await running(second.pool);
    const [used] = machinesOf(platform);
    first.say("call");
    await first.line(/call gave 1/);
    const [, unused] = platform.running;
    first.say("close");
    const told = performance.now();
    await has(second.pool, 1);
    console.log(`handed on ${Math.round(performance.now() - told)} ms after close was asked for`);
    await first.line(/close gave/);
    await untilGone([unused?.pid as number], BOUND_MS);
    call.end();
    assert.is(await call.value, "its value");
    assert.equal(machinesOf(platform), [used]);
    assert.is(platform.ledger.get(used as string)?.condemnedAt, undefined);
  });
}

test("executors that nobody else uses end at once, and one that is used ends with its last owner", async () => {
  await using platform = await Platform.start();
  await using first = await owner(platform, { min: 2, max: 2, concurrency: 1 });
  await using second = await owner(platform, { max: 2, concurrency: 1 });
  second.say("run 60000");
  await second.line(/run begins/);
  const pids = platform.running.map(({ pid }) => pid);
  first.child.kill("SIGKILL");
  const took = await Promise.any(pids.map((pid) => untilGone([pid], BOUND_MS)));
  // The second driver is their supervisor now, and refills `min`.
  await until(() => platform.ledger.size === 3);
  const left = await Promise.all(platform.running.map(async ({ pid }) => [pid, ...(await descendants(pid))]));
  second.child.kill("SIGKILL");
  const last = await untilGone(left.flat(), BOUND_MS);
  await until(() => platform.running.length === 0);
  console.log(
    `an unused one ended after ${Math.round(took)} ms, the last owner's after ${Math.round(last)} ms`,
  );
});

test("an executor passes from driver to driver, also when NATS restarts in between", async () => {
  await using platform = await Platform.start();
  await using programs = new AsyncDisposableStack();
  const open = async () => programs.use(await owner(platform));
  const owners = [await open(), await open(), await open()];
  await using last = await guest(platform);
  const call = await running(last.pool);
  const machines = machinesOf(platform);
  for (const program of owners) {
    program.say("call");
    await program.line(/call gave 1/);
  }
  for (const program of owners) {
    program.child.kill("SIGKILL");
    await program.exit;
    await server.kill();
    await server.restart();
    // Nobody but its successor can answer.
    await until(async () => {
      const known = await last.pool.executors().catch(() => []);
      return known.length === 1 && known[0]?.phase === "ready";
    });
  }
  assert.ok(supervises(last.fire));
  call.end();
  assert.is(await call.value, "its value");
  assert.equal(machinesOf(platform), machines);
});

test("there are never more than max after a takeover, though drivers learn of it one after the other", async () => {
  await using platform = await Platform.start();
  const options = { max: 2, concurrency: 1 };
  await using first = await owner(platform, options);
  await using second = await owner(platform, options);
  await using third = await guest(platform, options);
  second.say("run 60000");
  await second.line(/run begins/);
  const call = await running(third.pool);
  const machines = machinesOf(platform);
  assert.is(machines.length, 2);
  const waiting = third.pool.call(() => "served");
  second.say("call");
  first.child.kill("SIGKILL");
  await first.exit;
  await until(async () => {
    const known = await third.pool.executors().catch(() => []);
    return known.length === 2 && known.every(({ phase }) => phase === "ready");
  });
  call.end();
  assert.is(await call.value, "its value");
  assert.is(await waiting, "served");
  assert.is(await second.line(/call gave 1/).then(([line]) => line), "call gave 1");
  assert.equal(machinesOf(platform), machines);
  assert.is(platform.ledger.size, 2);
});

test("no call of a driver that stays fails while those that share its pool come and go, killed or closed", async () => {
  await using platform = await Platform.start();
  const options = { min: 1, max: 3, concurrency: 2, idleAfter: "2s" } as const;
  await using programs = new AsyncDisposableStack();
  const open = async () => programs.use(await owner(platform, options));
  const others = [await open(), await open()];
  await using stays = await guest(platform, options);
  let isOver = false;
  let served = 0;
  const lanes = Array.from({ length: 5 }, async () => {
    for (; !isOver; served++) await stays.pool.call(() => new Promise((resolve) => setTimeout(resolve, 200)));
  });
  const traffic = Promise.all(lanes);
  for (const end of ["kill", "close", "kill", "kill", "close"]) {
    for (const other of others) {
      other.say("run 1000");
      await other.line(/run begins/);
    }
    const first = others.shift() as Program;
    if (end === "kill") first.child.kill("SIGKILL");
    else first.say("close");
    const before = served;
    others.push(await open());
    await Promise.race([traffic, until(() => served > before + 5)]);
  }
  isOver = true;
  await traffic;
  for (const other of others) other.child.kill("SIGKILL");
  await stays.fire.close();
  await until(() => platform.running.length === 0, BOUND_MS);
});

test("the lifetime of an executor goes on counting under another supervisor", async () => {
  await using platform = await Platform.start();
  const options = { lifetime: "8s" } as const;
  await using first = await owner(platform, options);
  await using second = await guest(platform, options);
  await second.pool.call(() => 1);
  const [machine] = platform.running;
  await until(() => performance.now() - (machine as { launchedAt: number }).launchedAt > 4_000);
  first.say("close");
  await has(second.pool, 1);
  await until(() => machine?.endedAt !== undefined);
  const lived = (machine?.endedAt as number) - (machine?.launchedAt as number);
  // From when it was ready, a tenth of it by lot.
  assert.ok(lived < 10_500, `it lived for ${lived} ms`);
  assert.ok(lived > 7_000, `it lived for ${lived} ms`);
});

test("an executor for one call that is being used is given no second one by the next supervisor", async () => {
  await using platform = await Platform.start();
  const options = { max: 1, concurrency: 1, singleUse: true };
  await using first = await owner(platform, options);
  await using second = await guest(platform, options);
  const call = await running(second.pool);
  const [machine] = platform.running;
  first.child.kill("SIGKILL");
  await until(() => supervises(second.fire));
  await has(second.pool, 1);
  const next = second.pool.call(() => "on another");
  call.end();
  assert.is(await call.value, "its value");
  assert.is(await next, "on another");
  await untilGone([machine?.pid as number], BOUND_MS);
  assert.is(platform.ledger.size, 2);
});

test("a supervisor that cannot renew its lease, as nobody can, goes on, and so do all calls", async () => {
  await using platform = await Platform.start();
  const store = new CutStore();
  await using first = await guest(platform, { store });
  await using second = await guest(platform, { store });
  const calls = [await running(first.pool), await running(second.pool)];
  const machines = machinesOf(platform);
  store.cut = true;
  await store.whenFree("pool/shared");
  assert.ok(await isAnswered(second.pool));
  store.cut = false;
  for (const call of calls) {
    call.end();
    assert.is(await call.value, "its value");
  }
  assert.equal(machinesOf(platform), machines);
});

test("an executor for which no supervisor comes ends by itself, though a driver uses it", async () => {
  await using platform = await Platform.start();
  const store = new CutStore();
  await using first = await guest(platform, { store });
  await using second = await guest(platform, { store });
  const call = await running(second.pool);
  const lost = call.value.catch(({ code }: { code: string }) => code);
  const [machine] = platform.running;
  store.cut = true;
  await first.fire.close();
  const closed = performance.now();
  await untilGone([machine?.pid as number], adoptionMs(resolveTiming()) + 2 * BOUND_MS);
  console.log(`it ended ${Math.round(performance.now() - closed)} ms after its supervisor`);
  assert.is(await lost, "EXECUTOR_LOST");
  store.cut = false;
  assert.is(await second.pool.call(() => 1), 1);
});

test.run();

/** Executors of a shared pool outlive the driver that supervises it, while any other driver uses them. */
import { once } from "node:events";
import { connect, type Fire, type Pool, type PoolOptions } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { machinesOf } from "../harness/flock.ts";
import { untilGone } from "../harness/gone.ts";
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

test.after(() => server[Symbol.asyncDispose]());

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
async function guest(platform: Platform, options: PoolOptions = {}, hasStore = false) {
  const fire = await connect({ servers: server.url });
  const store = hasStore ? { store: await fire.store() } : {};
  const backend = new PlatformBackend(platform.url);
  const pool = await fire.pool("shared", {
    ...{ max: 1, concurrency: 4, shutdownTimeout: "2s", logs: "ignore" },
    ...{ ...options, ...store, backend },
  });
  return { fire, pool, [Symbol.asyncDispose]: () => fire.close() };
}

/** A call that runs until it is let go. Resolves when it has begun. */
async function running(pool: Pool): Promise<{ value: Promise<string>; end(): void }> {
  const begun = Promise.withResolvers<void>();
  const gate = new AbortController();
  const { signal } = gate;
  pool.on("log", () => begun.resolve());
  const value = pool.call(
    { signal },
    ({ signal }) =>
      new Promise<string>((resolve) => {
        signal.addEventListener("abort", () => resolve("its value"));
        console.log("begun");
      }),
    { deadline: "2m" },
  );
  await Promise.race([begun.promise, value]);
  return { value, end: () => gate.abort() };
}

const supervises = (fire: Fire) => fire.inspect().actors.some(({ type }) => type === "Supervisor");
/** Resolves when the driver supervises so many executors that are ready. */
const has = (pool: Pool, executors: number) =>
  until(() => {
    const known = pool.inspect().supervisor?.executors ?? [];
    return known.length === executors && known.every(({ phase }) => phase === "ready");
  });

for (const store of [false, true]) {
  const how = store ? "that a store elected" : "of a pool without a store";
  test(`a call of another driver runs on when the supervising driver ${how} is killed with -9`, async () => {
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
}

test.run();

/** F14: an actor on an executor, from its boot to its end, linked to whoever started it or not. */
import { setTimeout as pause } from "node:timers/promises";
import { Actor, type AnyRef, type Pool, type PoolOptions, type Reason, type Ref } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { counted } from "../../harness/counted.ts";
import { closeDrivers, driverOf } from "../../harness/drivers.ts";
import { agents, FULL, shrunk, signalIfThere } from "../../harness/executors.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import { Program } from "../../harness/program.ts";
import { Counter } from "../actors/actors.ts";

const ROUNDS = FULL ? 20 : 3;
/** How an actor ends whose executor is killed, as its spawner is told it before it has a ref, or after. */
const LOSSES = ["EXECUTOR_LOST", "ACTOR_LOST", "CELL_CRASHED", "NO_SUCH_ACTOR"];

const server = await PrivateServer.start();
const fire = await driverOf(server);
let pools = 0;
const open = (options: PoolOptions) => fire.pool(`spawn-${++pools}`, { logs: "ignore", max: 1, ...options });
const downOf = (who: AnyRef) => new Promise<Reason>((resolve) => fire.monitor(who, resolve));
test.after(async () => {
  await closeDrivers();
  await server.close();
});

function urlOf({ address: { servers, user, password } }: PrivateServer): string {
  return String(servers[0]).replace("//", `//${user}:${password}@`);
}

/** Starts actors on the pool, and is linked to each or only told of its end. */
class Starter extends Actor {
  static pool: Pool;
  readonly #told: string[] = [];

  async start(how: "linked" | "monitored"): Promise<Ref<Counter>> {
    const counter = await Starter.pool.spawn(Counter, [7]);
    if (how === "linked") this.link(counter);
    else this.monitor(counter);
    return counter;
  }

  fail(): void {
    this.stop(new RangeError("the starter's own"));
  }

  told(): string[] {
    return this.#told;
  }

  override onDown(_who: AnyRef, { kind }: Reason): void {
    this.#told.push(kind);
  }
}

for (const realm of ["isolate", "process"] as const) {
  test(`F14: a spawn boots an executor, gives a ref, and holds a slot and its executor until the actor ends (${realm})`, async () => {
    await using pool = await open({ realm, max: 2, idleAfter: 100 });
    const spawning = pool.spawn(Counter, [40]);
    assert.ok(["preparing", "waiting"].includes(pool.explain(spawning).state));
    const counter = await spawning;
    assert.is(await counter.add(2), 42);
    const [cell] = pool.inspect().cells;
    assert.equal([cell?.actors, cell?.busy, pool.inspect().running], [1, 1, 1]);
    assert.is(pool.explain(spawning).state, "live");
    // Its slot is the only one there: a call needs another executor, and that one idles out.
    const other = shrunk(pool);
    assert.is(await pool.call({}, () => 1), 1);
    const { executor, reason } = await other;
    assert.is(reason, "idle");
    assert.is.not(executor, cell?.executor);
    assert.is(await counter.add(1), 43);
    const own = shrunk(pool);
    await fire.stop(counter);
    assert.equal(await own.then(({ executor, reason }) => [executor, reason]), [cell?.executor, "idle"]);
    assert.is(pool.explain(spawning).state, "ended");
  });
}

test("F14: a linked actor goes down with the actor that spawned it, and takes that down with itself", async () => {
  await using pool = await open({ concurrency: 2 });
  Starter.pool = pool;
  const first = await fire.spawn(Starter, []);
  const counter = await first.start("linked");
  const down = downOf(counter);
  assert.is(await counter.add(1), 8);
  first.tell.fail();
  assert.is((await down).kind, "error");
  const second = await fire.spawn(Starter, []);
  const gone = downOf(second);
  await fire.kill(await second.start("linked"));
  assert.equal(await gone, { kind: "killed" });
  await until(() => pool.inspect().running === 0);
});

test("F14: an actor that is not linked outlives the actor that spawned it, which is told of its end otherwise", async () => {
  await using pool = await open({ concurrency: 2 });
  Starter.pool = pool;
  const first = await fire.spawn(Starter, []);
  const counter = await first.start("monitored");
  const gone = downOf(first);
  first.tell.fail();
  await gone;
  assert.is(await counter.add(1), 8);
  const second = await fire.spawn(Starter, []);
  await fire.kill(await second.start("monitored"));
  await until(async () => (await second.told()).length > 0);
  assert.equal(await second.told(), ["killed"]);
  await fire.stop(counter);
});

test("F14: an actor goes down with the driver that spawned it, killed at a random moment, and its executor serves others", async () => {
  await using pool = await fire.pool("spawner-process", {
    max: 1,
    concurrency: 2,
    logs: "ignore",
    realm: "process",
  });
  const place = await pool.call({}, () => process.ppid);
  const env = { NATS_URL: urlOf(server) };
  await using driver = new Program("integration/actors/programs/spawner.ts", { env, args: ["process"] });
  const [, address] = await driver.line(/^actor (\S+)$/);
  const counter = fire.ref<Counter>(address as string);
  const down = downOf(counter);
  assert.is(await counter.add(1), 1);
  await pause(500 * Math.random());
  driver.child.kill("SIGKILL");
  assert.ok(["lost", "normal"].includes((await down).kind));
  assert.is(await codeOf(counter.add(1)), "NO_SUCH_ACTOR");
  await until(async () =>
    Object.keys((await pool.executors())[0]?.leases ?? {}).every((id) => id === fire.id),
  );
  assert.is(await pool.call({}, () => process.ppid), place);
});

test("F14: when its executor is killed, a linked spawner is lost with it, and one that monitors is told", async () => {
  const before = new Set(await agents());
  await using pool = await open({ concurrency: 2 });
  Starter.pool = pool;
  const [linked, told] = [await fire.spawn(Starter, []), await fire.spawn(Starter, [])];
  const gone = downOf(linked);
  await Promise.all([linked.start("linked"), told.start("monitored")]);
  const [victim] = (await agents()).filter((pid) => !before.has(pid));
  process.kill(victim as number, "SIGKILL");
  assert.is((await gone).kind, "lost");
  await until(async () => (await told.told()).length > 0);
  assert.equal(await told.told(), ["lost"]);
});

test("F14: a spawn whose executor is killed at a random moment gives an actor elsewhere or one that is lost, or rejects, and no slot stays taken", async () => {
  await using pool = await open({ concurrency: 2 });
  const outcomes = { lost: 0, elsewhere: 0, rejected: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const before = new Set(await agents());
    const spawning = pool.spawn(Counter, [round]);
    const outcome = spawning.then(
      (counter) => counter,
      (error: { code: string }) => error.code,
    );
    const ours = async () => (await agents()).find((pid) => !before.has(pid));
    await until(async () => (await ours()) !== undefined);
    // It boots in some part of this, and the start of the actor follows.
    await pause(600 * Math.random());
    signalIfThere((await ours()) as number, "SIGKILL");
    const got = await outcome;
    if (typeof got === "string") {
      outcomes.rejected++;
      assert.ok(LOSSES.includes(got), got);
    } else {
      const answer = await got.add(1).catch((error: { code: string }) => error.code);
      if (answer === round + 1) outcomes.elsewhere++;
      else outcomes.lost++;
      assert.ok(answer === round + 1 || LOSSES.includes(String(answer)), String(answer));
      // A cell outlives its executor by a moment, in which it may still answer.
      await fire
        .stop(got)
        .catch((error: { code: string }) => assert.ok(LOSSES.includes(error.code), error.code));
    }
    await until(() => pool.inspect().running === 0);
    // The next round begins with none.
    const [executor] = await pool.executors();
    if (executor) await pool.drain(executor.id);
  }
  counted("spawns whose executor is killed", outcomes);
  assert.is(await (await pool.spawn(Counter, [1])).add(1), 2);
});

test("F14: a spawn to a pool that is full waits its turn, says so, and starts when an actor has ended", async () => {
  await using pool = await open({});
  const first = await pool.spawn(Counter, [1]);
  const second = pool.spawn(Counter, [2]);
  await until(() => pool.explain(second).state === "waiting");
  const { waitsFor, holders, text } = pool.explain(second);
  assert.is(waitsFor, "slot");
  assert.match(String(holders?.[0]?.at), /Counter|actors.ts/);
  assert.match(text, /^The actor at .* 0 calls are before it, and the slots are taken by /);
  await fire.stop(first);
  assert.is(await (await second).add(1), 3);
  assert.is(await codeOf(pool.spawn(Counter, [3], { deadline: 50 })), "CALL_TIMEOUT");
});

test.run();

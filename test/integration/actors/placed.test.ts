import { readFile } from "node:fs/promises";
import { child, type Fire, type Pool, type PoolOptions, type Reason, type Ref } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../../harness/drivers.ts";
import { descendants } from "../../harness/gone.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import { Program } from "../../harness/program.ts";
import { Counter, Source } from "./actors.ts";
import { Ledger, Plain } from "./kept.ts";
import { Listener, Parent, Spinner, Worker } from "./shipped-actors.ts";

const server = await PrivateServer.start();
const fire: Fire = await driverOf(server);
const other: Fire = await driverOf(server);
const REALMS = ["isolate", "process"] as const;
type Realm = (typeof REALMS)[number];
const TTL = 1_000;
let names = 0;
const newName = () => `ledger-${++names}`;

const SHARED: PoolOptions = { min: 1, max: 1, concurrency: 20, idleAfter: "1h" };
const pools: Record<Realm, Pool> = {
  isolate: await fire.pool("isolate", { ...SHARED, realm: "isolate" }),
  process: await fire.pool("process", { ...SHARED, realm: "process" }),
};

test.after(async () => {
  await closeDrivers();
  await server.close();
});

async function each(run: (pool: Pool, realm: Realm) => Promise<void>): Promise<void> {
  for (const realm of REALMS) await run(pools[realm], realm);
}

async function eachOwn(
  options: PoolOptions,
  run: (pool: Pool, realm: Realm) => Promise<void>,
): Promise<void> {
  for (const realm of REALMS) {
    await using pool = await fire.pool(newName(), { ...options, realm });
    await run(pool, realm);
  }
}

/** The processes of this kind that run below this one. */
async function pidsOf(program: "agent.js" | "cell.js"): Promise<number[]> {
  const pids = await descendants(process.pid);
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return pids.filter(
    (_, index) => commands[index]?.includes(`program/${program}`) && !commands[index]?.startsWith("sh"),
  );
}

/** Sends a signal to the executors, or the cells, that were not there before. */
async function signal(
  what: "agent.js" | "cell.js",
  before: readonly number[],
  name: "SIGTERM" | "SIGKILL",
): Promise<void> {
  const found = (await pidsOf(what)).filter((pid) => !before.includes(pid));
  assert.ok(found.length > 0);
  for (const pid of found) process.kill(pid, name);
}

function downOf(ref: { readonly address: string }): Promise<Reason> {
  return new Promise((resolve) => other.monitor(ref, resolve));
}

function busy(pool: Pool): number {
  return pool.inspect().cells.reduce((sum, cell) => sum + cell.busy, 0);
}

/** Resolves when one with the state of another has taken its place. */
function restored(ledger: Ref<Ledger>): Promise<void> {
  return until(async () => (await ledger.state().catch(() => undefined))?.restored === true);
}

async function keeper(realm: Realm, what: "spawn" | "host", name: string): Promise<Program> {
  const { servers, user, password } = server.address;
  const url = (servers[0] as string).replace("//", `//${user}:${password}@`);
  return new Program("integration/actors/programs/keeper.ts", {
    env: { NATS_URL: url },
    args: [realm, what, name],
  });
}

guarantee("`pool.spawn` with `register` gives the actor a name, which its driver keeps for it.", () =>
  each(async (pool) => {
    const name = newName();
    const ledger = await pool.spawn(Ledger, [], { register: name });
    assert.is((await other.whereis<Ledger>(name))?.address, ledger.address);
    assert.is(await other.named<Ledger>(name).add("one"), 1);
    assert.is(await codeOf(pool.spawn(Plain, [], { register: name })), "NAME_TAKEN");
    assert.is(await codeOf(other.spawn(Plain, [], { register: name })), "NAME_TAKEN");
    const { token } = await ledger.state();
    const waiting = pool.spawn(Ledger, [], { register: name, wait: "20s" });
    await fire.stop(ledger);
    const next = await waiting;
    assert.ok((await next.state()).token > token);
    await fire.stop(next);
  }),
);

guarantee("Its name is free at once when it has ended, for whatever reason, or did not start.", () =>
  each(async (pool) => {
    const name = newName();
    for (const end of [fire.stop, fire.kill]) {
      const ledger = await pool.spawn(Ledger, [], { register: name });
      await end.call(fire, ledger);
      assert.is(await other.whereis(name), undefined);
    }
    assert.is(await codeOf(pool.spawn(Ledger, ["fails"], { register: name })), "RangeError");
    assert.is(await other.whereis(name), undefined);
    const ledger = await pool.spawn(Ledger, [], { register: name });
    ledger.tell.crash();
    await until(async () => (await other.whereis(name)) === undefined);
  }),
);

guarantee("It ends with NAME_LOST when its driver was frozen for longer than the `ttl`.", async () => {
  for (const realm of REALMS) {
    const name = newName();
    await using program = await keeper(realm, "spawn", name);
    const [, address] = await program.line(/^ledger (\S+)$/);
    const ledger = other.ref<Ledger>(address as string);
    const down = downOf(ledger);
    await ledger.add("one");
    program.child.kill("SIGSTOP");
    const reason = await down;
    program.child.kill("SIGCONT");
    assert.is((reason as { error: { code: string } }).error.code, "NAME_LOST");
  }
});

guarantee("What waits behind a turn that took longer than the `ttl` is not handled.", () =>
  each(async (pool) => {
    const spinner = await pool.spawn(Spinner, [], { register: newName(), ttl: 1_500 });
    const down = downOf(spinner);
    // Behind the wish to be told, on the same connection.
    await other.ref<Spinner>(spinner.address).spin(0);
    const codes = await Promise.all([spinner.spin(3_000), spinner.spin(0)].map((ask) => codeOf(ask)));
    const reason = await down;
    assert.is((reason as { error?: { code: string } }).error?.code, "NAME_LOST", JSON.stringify(reason));
    for (const code of codes) assert.ok(["NAME_LOST", "NO_SUCH_ACTOR"].includes(code), code);
  }),
);

guarantee(
  "Named and virtual refs work in an actor on an executor, as arguments and in its state.",
  async () => {
    await using hosting = await other.host(Ledger, {});
    await each(async (pool) => {
      const name = newName();
      const plain = await pool.spawn(Plain, []);
      assert.is(await codeOf(plain.use(other.named<Ledger>(name), 1)), "NO_SUCH_NAME");
      const books = await pool.spawn(Ledger, [], { register: name });
      assert.is(await plain.use(other.named<Ledger>(name), 1), 1);
      assert.is(await plain.use(other.actor(Ledger, name), 1), 1);
      await books.add(other.actor(Ledger, name));
      await fire.stop(books);
      const again = await pool.spawn(Ledger, [], { register: name });
      const [, kept] = (await again.entries()) as [unknown, typeof books];
      assert.is(await plain.use(kept, 2), 2);
      await Promise.all([fire.stop(again), fire.stop(plain)]);
    });
    await hosting.stop();
  },
);

guarantee("Its state is saved by its driver when it stops, and every `saveEvery` messages.", () =>
  each(async (pool) => {
    const state = newName();
    const first = await pool.spawn(Ledger, [], { state, saveEvery: 2 });
    for (const entry of [1, 2, 3]) await first.add(entry);
    await fire.kill(first);
    const second = await pool.spawn(Ledger, [], { state, saveEvery: 2 });
    assert.equal(await second.entries(), [1, 2]);
    await fire.stop(second);
    const third = await fire.spawn(Ledger, [], { state });
    assert.equal(await third.entries(), [1, 2]);
    await third.add(3);
    await fire.stop(third);
    const fourth = await pool.spawn(Ledger, [], { state });
    assert.equal(await fourth.entries(), [1, 2, 3]);
    assert.is((await fourth.state()).restored, true);
    await fire.stop(fourth);
  }),
);

guarantee(
  "`pool.close()` and the end of an executor that is told to stop save the states of its actors.",
  async () => {
    for (const realm of REALMS) {
      const [closed, told] = [newName(), newName()];
      const before = await pidsOf("agent.js");
      const pool = await fire.pool(newName(), { realm, max: 1, concurrency: 2 });
      const ledger = await pool.spawn(Ledger, [], { state: told });
      const down = downOf(ledger);
      await ledger.add(1);
      await signal("agent.js", before, "SIGTERM");
      assert.equal(await down, { kind: "normal" });
      await (await pool.spawn(Ledger, [], { state: closed })).add(2);
      await pool.close();
      assert.equal(await (await fire.spawn(Ledger, [], { state: told })).entries(), [1]);
      assert.equal(await (await fire.spawn(Ledger, [], { state: closed })).entries(), [2]);
    }
  },
);

guarantee(
  "A supervised one comes back with all of its state when its executor is told to stop.",
  async () => {
    for (const realm of REALMS) {
      const before = await pidsOf("agent.js");
      await using pool = await fire.pool(newName(), { realm, min: 1, max: 2 });
      const { children, stop } = await fire.supervise(
        {},
        { ledger: child(Ledger, [], { pool, state: newName() }) },
      );
      for (const entry of [1, 2, 3]) await children.ledger.add(entry);
      await signal("agent.js", before, "SIGTERM");
      await restored(children.ledger);
      assert.equal(await children.ledger.entries(), [1, 2, 3]);
      await stop();
    }
  },
);

guarantee(
  "A supervised one whose cell or executor is killed with -9 comes back with what was saved last, when its `ttl` is up.",
  async () => {
    for (const realm of REALMS) {
      for (const what of ["cell.js", "agent.js"] as const) {
        const before = await pidsOf(what);
        await using pool = await fire.pool(newName(), { realm, max: 2 });
        const options = { pool, register: newName(), ttl: TTL, saveEvery: 2 };
        const { children, stop } = await fire.supervise({}, { ledger: child(Ledger, [], options) });
        for (const entry of [1, 2, 3]) await children.ledger.add(entry);
        await signal(what, before, "SIGKILL");
        await restored(children.ledger);
        const kept = await children.ledger.entries();
        // A cell that outlives its executor for a moment may save once more.
        assert.equal(kept.slice(0, 2), [1, 2]);
        assert.is(await other.named<Ledger>(options.register).add(4), kept.length + 1);
        await stop();
      }
    }
  },
);

guarantee(
  "When its driver is killed with -9 its name is free when the `ttl` is up, and the next one has what was saved last.",
  async () => {
    for (const realm of REALMS) {
      const name = newName();
      await using program = await keeper(realm, "spawn", name);
      await program.line(/^ledger/);
      for (const entry of [1, 2, 3]) await other.named<Ledger>(name).add(entry);
      const killedAt = performance.now();
      program.child.kill("SIGKILL");
      const next = await pools[realm].spawn(Ledger, [], { register: name, wait: "20s" });
      assert.ok(performance.now() - killedAt > 0.5 * TTL);
      assert.equal(await next.entries(), [1, 2]);
      await fire.stop(next);
    }
  },
);

guarantee("What it starts itself cannot have a name or a state: STORE_UNAVAILABLE says so.", () =>
  each(async (pool) => {
    const parent = await pool.spawn(Parent, []);
    assert.is(await codeOf(parent.child(newName())), "STORE_UNAVAILABLE");
    await fire.stop(parent);
  }),
);

guarantee(
  "A `signal` that is aborted, or a `deadline` that is over, after it has started does not end it.",
  () =>
    each(async (pool) => {
      const controller = new AbortController();
      const counter = await pool.spawn(Counter, [1], { signal: controller.signal, deadline: "2s" });
      const startedAt = performance.now();
      controller.abort();
      await until(() => performance.now() - startedAt > 2_100);
      assert.is(await counter.peek(), 1);
      await fire.stop(counter);
    }),
);

guarantee("A message of 5 MB to an actor on an executor arrives whole, and so does an answer.", () =>
  each(async (pool) => {
    const counter = await pool.spawn(Counter, [0]);
    const bytes = new Uint8Array(5 * 2 ** 20).map((_, at) => at * 7);
    for (let n = 0; n < 3; n++) assert.equal(await counter.echo(bytes), bytes);
    await fire.stop(counter);
  }),
);

guarantee(
  "`fire.host` with a `pool` starts virtual actors on its executors, of which each takes a slot.",
  () =>
    eachOwn({ max: 1, concurrency: 10 }, async (pool) => {
      const hosting = await fire.host(Ledger, { pool });
      const [one, two] = [newName(), newName()];
      assert.is(await other.actor(Ledger, one).add(1), 1);
      assert.is(await fire.actor(Ledger, one).add(2), 2);
      assert.is((await other.actor(Ledger, two).state()).label, two);
      assert.is(busy(pool), 2);
      await hosting.stop();
      await until(() => busy(pool) === 0);
      assert.is(await codeOf(other.actor(Ledger, one).add(3)), "NOT_HOSTED");
    }),
);

guarantee(
  "An idle one gives its slot back, and the pool goes down to `min`; the next message starts it with its state.",
  () =>
    eachOwn({ min: 0, max: 1, concurrency: 10, idleAfter: 100 }, async (pool) => {
      const hosting = await fire.host(Ledger, { pool, idleAfter: 200 });
      const ledger = other.actor(Ledger, newName());
      await ledger.add(1);
      await until(() => pool.inspect().executors.ready === 0);
      assert.is(await ledger.add(2), 2);
      await hosting.stop();
    }),
);

guarantee(
  "One whose executor is killed with -9 is started on another one by the next message, when its `ttl` is up.",
  async () => {
    for (const realm of REALMS) {
      const before = await pidsOf("agent.js");
      await using pool = await fire.pool(newName(), { realm, max: 2 });
      const hosting = await fire.host(Ledger, { pool, ttl: TTL, saveEvery: 1 });
      const ledger = other.actor(Ledger, newName());
      await ledger.add(1);
      await signal("agent.js", before, "SIGKILL");
      await restored(ledger);
      assert.equal(await ledger.entries(), [1]);
      await hosting.stop();
    }
  },
);

guarantee(
  "Those of a hosting process that is killed with -9 are started by another one that hosts the class.",
  async () => {
    for (const realm of REALMS) {
      await using program = await keeper(realm, "host", newName());
      await program.line(/^ready$/);
      const ledger = other.actor(Ledger, newName());
      await ledger.add(1);
      await using hosting = await fire.host(Ledger, { pool: pools[realm], ttl: TTL });
      program.child.kill("SIGKILL");
      await until(async () => (await ledger.add(2).catch(() => 0)) > 1);
      assert.is((await ledger.entries())[0], 1);
      await hosting.stop();
    }
  },
);

guarantee(
  "When its pool is closed, its state is saved, and its class is not hosted there any more.",
  async () => {
    for (const realm of REALMS) {
      const pool = await fire.pool(newName(), { realm, max: 1 });
      await fire.host(Ledger, { pool });
      const ledger = other.actor(Ledger, newName());
      await ledger.add(1);
      await pool.close();
      assert.is(await codeOf(ledger.add(2)), "NOT_HOSTED");
      await using hosting = await other.host(Ledger);
      assert.equal(await ledger.entries(), [1]);
      await hosting.stop();
    }
  },
);

guarantee(
  "`fire.host` refuses a class that cannot travel to the executors of its `pool`, and what is no pool.",
  async () => {
    const open = (async function* () {})();
    class Stuck extends Ledger {
      held = open;
    }
    assert.is(await codeOf(fire.host(Stuck, { pool: pools.isolate })), "CAPTURE_REFUSED");
    assert.is(await codeOf(fire.host(Ledger, { pool: {} as Pool })), "INVALID_OPTION");
  },
);

guarantee("A closure can give back refs that it has taken along, or that it was given by actors.", () =>
  each(async (pool) => {
    const counter = await fire.spawn(Counter, [1]);
    const [same, { deep }, named] = await pool.call(
      { counter, named: other.named<Counter>("x") },
      async (given) => {
        await given.counter.add(1);
        return [given.counter, { deep: new Map([["it", given.counter]]) }, given.named] as const;
      },
    );
    assert.is(await same.add(1), 3);
    assert.is(same.address, counter.address);
    assert.is(named.address, "@names/x");
    assert.is(await deep.get("it")?.add(1), 4);
    const far = await pool.spawn(Worker, [await fire.spawn(Listener, [])]);
    const child = await pool.call({ far }, ({ far }) => far.child());
    assert.is(child.address.split("/")[0], far.address.split("/")[0]);
    assert.ok((await child.ticks()) >= 0);
    await Promise.all([fire.stop(counter), fire.stop(far)]);
  }),
);

guarantee(
  "In a closure, the stream method of an actor is iterated as anywhere; leaving the loop ends it.",
  () =>
    each(async (pool) => {
      const source = await fire.spawn(Source, []);
      const sum = await pool.call({ source }, async ({ source }) => {
        let sum = 0;
        for await (const n of source.stream(1_000)) {
          sum += n;
          if (n === 10) break;
        }
        return sum;
      });
      assert.is(sum, 55);
      await until(async () => (await source.state()).ended === 1);
      await fire.stop(source);
    }),
);

test.run();

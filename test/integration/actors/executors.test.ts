import { readFile } from "node:fs/promises";
import {
  child,
  connect,
  type Fire,
  type Pool,
  type PoolOptions,
  type Reason,
  type Ref,
} from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../../harness/drivers.ts";
import { descendants } from "../../harness/gone.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { NatsServer } from "../../harness/nats.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import { Program } from "../../harness/program.ts";
import { Counter, Source, Witness } from "./actors.ts";
import { Bomb, Listener, Prober, Stillborn, Worker, Writer } from "./shipped-actors.ts";

/** Tells of disconnects, as a server of one's own can. */
const server = await PrivateServer.start();
const fire: Fire = await driverOf(server);
/** These tests share two cores with others. */
const LOAD = Number(process.env.BONFIRE_TEST_SLOWNESS ?? 1);
const REALMS = ["isolate", "process"] as const;
type Realm = (typeof REALMS)[number];

const SHARED: PoolOptions = { min: 1, max: 1, concurrency: 20, idleAfter: "1h" };
const pools: Record<Realm, Pool> = {
  isolate: await fire.pool("isolate", { ...SHARED, realm: "isolate" }),
  process: await fire.pool("process", { ...SHARED, realm: "process" }),
};
let opened = 0;

test.after(async () => {
  await closeDrivers();
  await server.close();
});

/** In the pool of each realm. */
async function each(run: (pool: Pool, realm: Realm) => Promise<void>): Promise<void> {
  for (const realm of REALMS) await run(pools[realm], realm);
}

/** In a new pool of each realm, which is closed afterwards. */
async function eachOwn(
  options: PoolOptions,
  run: (pool: Pool, realm: Realm) => Promise<void>,
): Promise<void> {
  for (const realm of REALMS) {
    await using pool = await fire.pool(`own-${++opened}`, { max: 1, ...options, realm });
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

function downOf(ref: Ref<never> | { readonly address: string }, by = fire): Promise<Reason> {
  return new Promise((resolve) => by.monitor(ref, resolve));
}

function busy(pool: Pool): number {
  return pool.inspect().cells.reduce((sum, cell) => sum + cell.busy, 0);
}

guarantee(
  "`pool.spawn` starts an actor in a cell of an executor, where it is asked, told and iterated as anywhere.",
  () =>
    each(async (pool) => {
      const counter = await pool.spawn(Counter, [10]);
      assert.match(counter.address, /^a-/);
      counter.tell.add(1);
      assert.is(await counter.add(2), 13);
      assert.equal(await counter.echo(new Map([[1n, new Date(5)]])), new Map([[1n, new Date(5)]]));
      const numbers: number[] = [];
      for await (const n of counter.numbers(100)) numbers.push(n);
      assert.is(numbers.length, 100);
      const source = await pool.spawn(Source, []);
      for await (const n of source.stream(1_000)) if (n === 3) break;
      await until(async () => (await source.state()).ended === 1);
      assert.is(await codeOf(counter.with({ deadline: 30 }).hang()), "ASK_TIMEOUT");
      await Promise.all([fire.kill(counter), fire.stop(source)]);
    }),
);

guarantee(
  "What its constructor or `onStart` throws rejects `pool.spawn`, names the user's file and line, and frees the slot.",
  () =>
    each(async (pool) => {
      const before = busy(pool);
      for (const how of ["constructor", "onStart"] as const) {
        const error: Error = await pool.spawn(Stillborn, [how]).then(
          () => assert.unreachable(),
          (thrown) => thrown,
        );
        assert.instance(error, RangeError);
        assert.match(error.stack as string, /executors\.test\.ts:\d+/);
      }
      await until(() => busy(pool) === before);
    }),
);

guarantee(
  "What its methods throw names the user's file and line in the process that spawned it.",
  async () => {
    for (const loader of [true, false]) {
      await using program = new Program("integration/actors/programs/shipped.ts", { loader });
      for (const realm of REALMS) {
        const [line] = await program.line(new RegExp(`^${realm} RangeError.*`));
        assert.match(line, /at Stepper\.fail \(file:.*\/shipped\.ts:15:15\)/);
      }
      assert.is((await program.exit).code, 0);
    }
  },
);

guarantee("A class that stands in a function travels with what it captures.", async () => {
  for (const loader of [true, false]) {
    await using program = new Program("integration/actors/programs/shipped.ts", { loader });
    for (const realm of REALMS) await program.line(new RegExp(`^${realm} 10$`));
    assert.is((await program.exit).code, 0);
  }
});

guarantee("A ref to it works in other processes, and in actors on other executors.", async () => {
  const other = await driverOf(server);
  await each(async (pool, realm) => {
    const counter = await pool.spawn(Counter, [1]);
    assert.is(await other.ref<Counter>(counter.address).add(1), 2);
    const far = await pools[realm === "isolate" ? "process" : "isolate"].spawn(Counter, [0]);
    assert.is(await far.addTo(counter, 5), 7);
    await Promise.all([fire.stop(counter), fire.stop(far)]);
  });
});

guarantee("It may hold refs, which work from there, also those that it is started with.", () =>
  each(async (pool) => {
    const listener = await fire.spawn(Listener, []);
    const worker = await pool.spawn(Worker, [listener]);
    assert.is(await worker.relay("one"), 1);
    assert.equal(await listener.heard(), ["one"]);
    assert.is(((await worker.hold([listener])) as number) + 0, 1);
    await fire.stop(worker);
  }),
);

guarantee("Timers, children and `this.sender` work there; children run beside it and end with it.", () =>
  each(async (pool) => {
    const worker = await pool.spawn(Worker, [await fire.spawn(Listener, [])]);
    await until(async () => (await worker.ticks()) > 2);
    assert.is(await worker.asker(), fire.id);
    const child = await worker.child();
    assert.is(child.address.split("/")[0], worker.address.split("/")[0]);
    const down = downOf(child);
    assert.ok((await child.ticks()) >= 0);
    await fire.stop(worker);
    assert.equal(await down, { kind: "normal" });
  }),
);

guarantee("A monitor is told `normal`, `error` with the error, or `killed`.", () =>
  each(async (pool) => {
    const end = async (how: (counter: Ref<Counter>) => unknown): Promise<Reason> => {
      const counter = await pool.spawn(Counter, [0]);
      const down = downOf(counter);
      await counter.peek();
      how(counter);
      return down;
    };
    assert.equal(await end((counter) => counter.tell.end()), { kind: "normal" });
    assert.equal(await end((counter) => fire.kill(counter)), { kind: "killed" });
    const failed = await end((counter) => counter.tell.crash("broken"));
    assert.is(failed.kind, "error");
    assert.is((failed as { error: Error }).error.message, "broken");
  }),
);

guarantee("A link ends it with another, and another with it.", () =>
  each(async (pool) => {
    const here = await fire.spawn(Witness, []);
    const there = await pool.spawn(Counter, [0]);
    const hereDown = downOf(here);
    await here.tie(there);
    await there.peek();
    there.tell.crash();
    assert.is((await hereDown).kind, "error");

    const counter = await fire.spawn(Counter, [0]);
    const worker = await pool.spawn(Worker, [await fire.spawn(Listener, [])]);
    const workerDown = downOf(worker);
    await worker.tie(counter);
    await until(() =>
      fire.inspect().actors.some(({ address, monitors }) => address === counter.address && monitors > 0),
    );
    counter.tell.crash();
    assert.is((await workerDown).kind, "error");
  }),
);

guarantee("`fire.stop` and `fire.kill` end it from any process.", async () => {
  const other = await driverOf(server);
  await each(async (pool) => {
    for (const [how, kind] of [
      ["stop", "normal"],
      ["kill", "killed"],
    ] as const) {
      const counter = await pool.spawn(Counter, [0]);
      const down = downOf(counter);
      if (how === "kill") counter.tell.hang();
      await counter.peek();
      await other[how](other.ref<Counter>(counter.address));
      assert.is((await down).kind, kind);
      assert.is(await codeOf(counter.peek()), "NO_SUCH_ACTOR");
    }
  });
});

guarantee("`maxMailbox` and `mailboxPolicy` hold there.", () =>
  each(async (pool) => {
    const counter = await pool.spawn(Counter, [0], { maxMailbox: 1, mailboxPolicy: "drop-oldest" });
    const hanging = codeOf(counter.with({ deadline: "30s" }).wait());
    const dropped = counter.add(1);
    const kept = codeOf(counter.with({ deadline: "300ms" }).add(2));
    assert.is(await codeOf(dropped), "MAILBOX_FULL");
    assert.is(await kept, "ASK_TIMEOUT");
    await fire.kill(counter);
    assert.is(await hanging, "ACTOR_KILLED");
  }),
);

guarantee("It takes a slot until it ends, and keeps its executor from idling out.", () =>
  eachOwn({ min: 0, idleAfter: 100 }, async (pool) => {
    const counter = await pool.spawn(Counter, [0]);
    const waiting = pool.call({ a: 1 }, ({ a }) => a);
    const early = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 500, "waits"))]);
    assert.is(early, "waits");
    assert.is(pool.inspect().executors.ready, 1);
    assert.is(await counter.add(1), 1);
    await fire.stop(counter);
    assert.is(await waiting, 1);
    await until(() => pool.inspect().executors.ready === 0);
  }),
);

guarantee("`pool.inspect()` shows how many actors each cell has.", () =>
  eachOwn({ concurrency: 3 }, async (pool) => {
    const actors = () => pool.inspect().cells.map((cell) => cell.actors);
    const one = await pool.spawn(Counter, [0]);
    await pool.spawn(Counter, [0]);
    assert.equal(actors(), [2]);
    await fire.stop(one);
    await until(() => actors()[0] === 1);
    assert.is(fire.inspect().pools.find(({ name }) => name === pool.name)?.cells[0]?.actors, 1);
  }),
);

guarantee(
  "When its cell is killed with -9, monitors are told `lost`, how the cell ended, within 2 s; asks fail with ACTOR_LOST.",
  async () => {
    for (const realm of REALMS) {
      const before = new Set(await pidsOf("cell.js"));
      await using pool = await fire.pool(`cell-${realm}`, { realm, max: 1 });
      const counter = await pool.spawn(Counter, [0]);
      const asked = counter.with({ deadline: "60s" }).hang();
      asked.catch(() => "awaited below");
      const down = downOf(counter);
      await counter.peek();
      const start = performance.now();
      for (const pid of await pidsOf("cell.js")) if (!before.has(pid)) process.kill(pid, "SIGKILL");
      const reason = await down;
      assert.ok(performance.now() - start < 2_000 * LOAD);
      assert.is(reason.kind, "lost");
      assert.match((reason as { detail: string }).detail, /its cell has ended: .*SIGKILL/);
      assert.is(await codeOf(asked), "ACTOR_LOST");
      assert.is(await codeOf(counter.peek()), "NO_SUCH_ACTOR");
    }
  },
);

guarantee(
  "When its executor is killed with -9, monitors are told `lost` within 2 s, where nats-server tells of disconnects.",
  async () => {
    for (const realm of REALMS) {
      const before = new Set(await pidsOf("agent.js"));
      await using pool = await fire.pool(`agent-${realm}`, { realm, max: 1 });
      const counter = await pool.spawn(Counter, [0]);
      const down = downOf(counter);
      await counter.peek();
      const agents = (await pidsOf("agent.js")).filter((pid) => !before.has(pid));
      assert.is(agents.length, 1);
      const start = performance.now();
      process.kill(agents[0] as number, "SIGKILL");
      assert.is((await down).kind, "lost");
      const took = performance.now() - start;
      assert.ok(took < 2_000 * LOAD, `took ${took} ms`);
    }
  },
);

guarantee(
  "One that exceeds the memory of its isolate is lost alone: monitors are told so, and other actors of the cell live on.",
  async () => {
    await using pool = await fire.pool("memory", { max: 1, concurrency: 2, memory: 64 });
    const counter = await pool.spawn(Counter, [7]);
    const bomb = await pool.spawn(Bomb, []);
    const down = downOf(bomb);
    const asked = codeOf(bomb.with({ deadline: "60s" }).fill());
    const reason = await down;
    assert.is(reason.kind, "lost");
    assert.match((reason as { detail: string }).detail, /memory limit of 64 MB/);
    assert.is(await asked, "ACTOR_LOST");
    assert.is(await counter.peek(), 7);
    await until(() => busy(pool) === 1);
  },
);

guarantee(
  "One that runs synchronous code in an isolate for 10 s, or for as long as it is asked with a longer deadline, is lost alone.",
  async () => {
    // One is told, and so has V8's 10 s; the other is asked, and has as long as its asker.
    const spin = async (name: string, begin: (bomb: Ref<Bomb>) => unknown): Promise<string> => {
      await using pool = await fire.pool(name, { max: 1, concurrency: 2 });
      const counter = await pool.spawn(Counter, [7]);
      const bomb = await pool.spawn(Bomb, []);
      const down = downOf(bomb);
      begin(bomb);
      const reason = await down;
      assert.is(reason.kind, "lost");
      // While it spun, the server gave up the connection of its cell, which is coming back.
      await until(async () => (await counter.peek().catch(() => 0)) === 7);
      return (reason as { detail: string }).detail;
    };
    const [told, asked] = await Promise.all([
      spin("told", (bomb) => bomb.tell.spin()),
      spin("asked", (bomb) =>
        bomb
          .with({ deadline: "12s" })
          .spin()
          .catch(() => "lost or late"),
      ),
    ]);
    assert.match(told, /ran synchronous code for 10 s/);
    assert.match(asked, /ran synchronous code for 12 s/);
  },
);

guarantee("`pool.close()` stops its actors in order, and `onStop` runs.", async () => {
  for (const realm of REALMS) {
    const listener = await fire.spawn(Listener, []);
    const pool = await fire.pool(`closed-${realm}`, { realm, max: 1 });
    const worker = await pool.spawn(Worker, [listener]);
    const down = downOf(worker);
    await worker.ticks();
    await pool.close();
    assert.equal(await down, { kind: "normal" });
    await until(async () => (await listener.heard()).includes("stopped normal"));
  }
});

guarantee("An executor that is told to stop stops its actors in order, and `onStop` runs.", async () => {
  for (const realm of REALMS) {
    const listener = await fire.spawn(Listener, []);
    const before = new Set(await pidsOf("agent.js"));
    await using pool = await fire.pool(`drained-${realm}`, { realm, max: 1 });
    const worker = await pool.spawn(Worker, [listener]);
    const down = downOf(worker);
    await worker.ticks();
    for (const pid of await pidsOf("agent.js")) if (!before.has(pid)) process.kill(pid, "SIGTERM");
    assert.equal(await down, { kind: "normal" });
    await until(async () => (await listener.heard()).includes("stopped normal"));
  }
});

guarantee("It ends when the process that spawned it is killed with -9.", async () => {
  const { servers, user, password } = server.address;
  const url = (servers[0] as string).replace("//", `//${user}:${password}@`);
  for (const realm of REALMS) {
    await using program = new Program("integration/actors/programs/spawner.ts", {
      env: { NATS_URL: url },
      args: [realm],
    });
    const [, address] = await program.line(/^actor (\S+)$/);
    const counter = fire.ref<Counter>(address as string);
    const down = downOf(counter);
    assert.is(await counter.add(1), 1);
    program.child.kill("SIGKILL");
    assert.ok(["lost", "normal"].includes((await down).kind));
    await until(async () => (await codeOf(counter.add(1))) === "NO_SUCH_ACTOR");
  }
});

guarantee(
  "A `deadline` that is over before it has started rejects `pool.spawn` with CALL_TIMEOUT; there is no actor, and the slot is free.",
  () =>
    each(async (pool) => {
      const before = busy(pool);
      assert.is(await codeOf(pool.spawn(Stillborn, ["never"], { deadline: 200 })), "CALL_TIMEOUT");
      await until(() => busy(pool) === before);
    }),
);

guarantee(
  "A `signal` that is aborted before it has started rejects `pool.spawn` with the signal's reason.",
  () =>
    each(async (pool) => {
      const before = busy(pool);
      const controller = new AbortController();
      const spawning = pool.spawn(Stillborn, ["never"], { signal: controller.signal });
      await until(() => busy(pool) > before);
      controller.abort(new RangeError("enough"));
      assert.is(await codeOf(spawning), "RangeError");
      await until(() => busy(pool) === before);
    }),
);

guarantee(
  "`pool.spawn` refuses unknown options, bad values, what is no actor class and arguments that cannot travel, at the call.",
  () =>
    each(async (pool) => {
      const refused = (code: string, spawn: () => unknown) =>
        assert.throws(spawn, (error: { code?: string }) => error.code === code, code);
      refused("UNKNOWN_OPTION", () => pool.spawn(Counter, [], { maxMailBox: 1 } as never));
      refused("INVALID_OPTION", () => pool.spawn(Counter, [], { maxMailbox: 0 }));
      refused("INVALID_OPTION", () => pool.spawn(Counter, [], { deadline: -1 }));
      refused("INVALID_ACTOR", () => pool.spawn(class {} as never, [] as never));
      refused("INVALID_CALL", () => pool.spawn(Counter, 5 as never));
      refused("INVALID_CALL", () => pool.spawn("Counter" as never, [] as never));
      refused("VALUE_REFUSED", () => pool.spawn(Counter, [Promise.resolve(1)] as never));
      const generator = (async function* () {})();
      refused("VALUE_REFUSED", () => pool.spawn(Counter, [generator] as never));
      const open = generator;
      class Holder extends Counter {
        held(): unknown {
          return open;
        }
      }
      refused("CAPTURE_REFUSED", () => pool.spawn(Holder, []));
    }),
);

guarantee("It survives a restart of nats-server, and so do its monitors and its slot.", async () => {
  const nats = await NatsServer.start();
  const here = await connect({ servers: nats.url });
  for (const realm of REALMS) {
    await using pool = await here.pool(`restart-${realm}`, { realm, max: 1 });
    const counter = await pool.spawn(Counter, [5]);
    const reasons: Reason[] = [];
    here.monitor(counter, (reason) => reasons.push(reason));
    await counter.peek();
    await nats.kill();
    await until(() => !here.inspect().nats.up);
    await nats.restart();
    await until(async () => (await counter.peek().catch(() => 0)) === 5);
    assert.equal(reasons, []);
    assert.is(busy(pool), 1);
    await until(async () => (await codeOf(here.kill(counter)).catch(() => "done")) === "done");
    await until(() => reasons.length > 0 && busy(pool) === 0);
    assert.equal(reasons, [{ kind: "killed" }]);
  }
  await here.close();
  await nats.kill();
});

guarantee(
  "A supervised one whose executor is killed with -9 answers again within 3 s, if another executor is ready.",
  async () => {
    for (const realm of REALMS) {
      const before = new Set(await pidsOf("agent.js"));
      await using pool = await fire.pool(`supervised-${realm}`, { realm, max: 2, idleAfter: "1h" });
      const { children, stop } = await fire.supervise({}, { hits: child(Counter, [0], { pool }) });
      const { hits } = children;
      assert.is(await hits.add(1), 1);
      const [first] = (await pidsOf("agent.js")).filter((pid) => !before.has(pid));
      // The other slot is taken, so that this one boots.
      assert.is(await pool.call({ a: 1 }, ({ a }) => a), 1);
      const start = performance.now();
      process.kill(first as number, "SIGKILL");
      await until(async () => (await codeOf(hits.peek()).catch(() => "answers")) !== "answers");
      assert.is(await hits.with({ epoch: "any" }).add(1), 1);
      const took = performance.now() - start;
      assert.ok(took < 3_000 * LOAD, `took ${took} ms`);
      await stop();
    }
  },
);

guarantee("It has what the pool grants: with files, a directory of its own.", async () => {
  await using pool = await fire.pool("granted", { max: 1, concurrency: 2, grants: { files: true } });
  const [one, other] = [await pool.spawn(Writer, []), await pool.spawn(Writer, [])];
  assert.is.not(await one.write(), await other.write());
  await using without = await fire.pool("ungranted", { max: 1 });
  const writing = without.spawn(Writer, []).then((writer) => writer.write());
  assert.is(await codeOf(writing), "GRANT_MISSING");
});

guarantee("It cannot speak to the runtime's own actors.", () =>
  each(async (pool) => {
    const prober = await pool.spawn(Prober, []);
    const { executor } = pool.inspect().cells[0] as { executor: string };
    assert.is(await prober.ask(fire.ref(`${executor}/agent`) as never), "NO_SUCH_ACTOR");
    await fire.stop(prober);
  }),
);

test.run();

import { Socket } from "node:net";
import { type Fire, hasCode, remote } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../harness/drivers.ts";
import { agents, signalIfThere } from "../harness/executors.ts";
import { descendants } from "../harness/gone.ts";
import { until } from "../harness/outcome.ts";

const server = await PrivateServer.start();
const driver = () => driverOf(server);
const drivers = async (): Promise<[Fire, Fire]> => [await driver(), await driver()];
const supervisors = (...fires: Fire[]) =>
  fires.flatMap((fire) => fire.inspect().actors).filter(({ type }) => type === "Supervisor").length;
const quiet = { logs: "ignore" } as const;

test.after.each(closeDrivers);
test.after(() => server.close());

test("the second driver joins the pool of the first, on the same executor, in a cell of its own", async () => {
  const [a, b] = await drivers();
  const first = await a.pool("joined", { max: 1, concurrency: 2, realm: "process", ...quiet });
  const second = await b.pool("joined", quiet);
  const [here, there] = await Promise.all([
    first.call(() => [process.pid, process.ppid]),
    second.call(() => [process.pid, process.ppid]),
  ]);
  assert.is(here[1], there[1]);
  assert.is.not(here[0], there[0]);
  assert.is(supervisors(a, b), 1);
  await b.close();
  await a.close();
});

test("two drivers that open a pool at the same moment end up with one supervisor", async () => {
  const [a, b] = await drivers();
  const [first, second] = await Promise.all([
    a.pool("race", { max: 1, ...quiet }),
    b.pool("race", { max: 1, ...quiet }),
  ]);
  assert.equal(await Promise.all([first.call(() => 1), second.call(() => 2)]), [1, 2]);
  // The one that yields drains its executors first.
  const deadline = performance.now() + 5_000;
  while (supervisors(a, b) !== 1 && performance.now() < deadline)
    await new Promise((done) => setImmediate(done));
  assert.is(supervisors(a, b), 1);
  assert.is(first.inspect().executors.ready, 1);
  await b.close();
  await a.close();
});

test("an executor that cannot start a cell for one driver gets no more calls, and those of another there may finish", async () => {
  const [a, b] = await drivers();
  const bootTimeout = 5_000;
  const options = { max: 1, concurrency: 2, realm: "process", bootTimeout } as const;
  const first = await a.pool("crowded", { ...options, ...quiet });
  const second = await b.pool("crowded", quiet);
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const wait = remote(() => gate);
  const running = first.call({ wait }, async ({ wait }) => wait().then(() => process.ppid));
  // One that has served for long is no boot that has failed for long.
  await until(async () => ((await first.executors())[0]?.ageMs ?? 0) > bootTimeout);
  const [agent] = await agents();
  const own = new Set(await descendants(agent as number));
  const served = second.call(() => process.ppid);
  // Its own cell comes to life as a child of the same executor.
  const cell = async () => (await descendants(agent as number)).filter((pid) => !own.has(pid));
  await until(async () => (await cell()).length > 0);
  for (const pid of await cell()) signalIfThere(pid, "SIGKILL");
  assert.is.not(await served, agent);
  open();
  assert.is(await running, agent);
  await b.close();
  await a.close();
});

test("a pool that is closed and opened again runs the code that it is given, not what its cell had before", async () => {
  const [a, b] = await drivers();
  await a.pool("again", { max: 1, concurrency: 2, ...quiet });
  const before = await b.pool("again", quiet);
  assert.is(await before.call(() => "before"), "before");
  await before.close();
  const after = await b.pool("again", quiet);
  assert.is(await after.call(() => "after"), "after");
  await b.close();
  await a.close();
});

test("the policy is that of whoever opened the pool first, also its min", async () => {
  const [a, b] = await drivers();
  await a.pool("policy", { max: 1, ...quiet });
  const second = await b.pool("policy", { min: 1, max: 5, ...quiet });
  assert.is(await second.call(() => 1), 1);
  await b.close();
  await a.close();
});

test("a driver that keeps every slot busy does not starve another, even where there is one slot", async () => {
  const [a, b] = await drivers();
  const greedy = await a.pool("fair", { max: 1, concurrency: 1, ...quiet });
  const modest = await b.pool("fair", quiet);
  let over = false;
  const loops = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (!over) await greedy.call(() => new Promise((resolve) => setTimeout(resolve, 10)));
    }),
  );
  await greedy.call(() => 1);
  for (let i = 0; i < 5; i++) assert.is(await modest.call({ i }, ({ i }) => i, { deadline: "5s" }), i);
  over = true;
  await loops;
  await b.close();
  await a.close();
});

test("when the driver that opened the pool closes, the other one takes over", async () => {
  const [a, b] = await drivers();
  await a.pool("heir", { max: 1, concurrency: 2, ...quiet });
  const second = await b.pool("heir", { max: 1, ...quiet });
  assert.is(await second.call(() => 1), 1);
  await a.close();
  assert.is(await second.call(() => 2), 2);
  assert.is(supervisors(b), 1);
  await b.close();
});

test("a platform's error that could not travel still reaches the opening as its sentence", async () => {
  const fire = await driver();
  const backend = {
    name: "broken",
    launch: () => Promise.reject(Object.assign(new Error("no such region"), { request: new Socket() })),
    list: async () => [],
    terminate: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  const error = await fire.pool("broken", { min: 1, max: 1, backend }).catch((thrown) => thrown);
  assert.ok(hasCode(error, "BOOT_FAILED"));
  assert.match(error.message, /no such region/);
  await fire.close();
});

test("a driver whose log listener throws goes on hearing from its executors", async () => {
  const fire = await driver();
  const pool = await fire.pool("listener", { max: 1, ...quiet });
  const thrown = new Promise<unknown>((resolve) => process.once("uncaughtException", resolve));
  pool.once("log", () => {
    throw new Error("the listener's own fault");
  });
  await pool.call(() => console.log("line"));
  assert.is(((await thrown) as Error).message, "the listener's own fault");
  assert.is(await pool.call(() => "still there"), "still there");
  await fire.close();
});

test.run();

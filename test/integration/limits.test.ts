import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { driverOf } from "../harness/drivers.ts";
import { descendants, untilGone } from "../harness/gone.ts";
import { leftovers } from "../harness/leftovers.ts";

const server = await PrivateServer.start();
const driver = () => driverOf(server);
const bomber = await driver();
const neighbour = await driver();
const bombs = await bomber.pool("shared", { max: 1, concurrency: 4, memory: 64, logs: "ignore" });
const calls = await neighbour.pool("shared", { logs: "ignore" });

test.after(async () => {
  await neighbour.close();
  await bomber.close();
  await server.close();
});

/** Runs a bomb while the second driver calls on the same executor, and returns how the bomb ended. */
async function explode(bomb: () => unknown, deadline: number): Promise<Error & { code: string }> {
  await calls.call(() => 1);
  await bombs.call(() => 1);
  const [mine, theirs] = [bombs.inspect().cells[0], calls.inspect().cells[0]];
  assert.is(mine?.executor, theirs?.executor, "both drivers have a cell on the same executor");
  assert.is.not(mine?.node, theirs?.node);
  let over = false;
  let served = 0;
  const neighbours = (async () => {
    while (!over) served += await calls.call({ n: 1 }, ({ n }) => n);
  })();
  const error = await bombs.call(bomb, { deadline }).then(
    (value) => assert.unreachable(`the bomb returned ${String(value)}`) as never,
    (thrown) => thrown,
  );
  over = true;
  await neighbours; // rejects if any of its calls failed
  assert.ok(served > 0);
  return error;
}

/** The driver of a bomb that went off is served again. */
async function servedAgain(): Promise<void> {
  assert.is(await bombs.call(() => "served"), "served");
}

test("while (true) {} fails its own call with its deadline named; another driver's calls go on", async () => {
  const error = await explode(() => {
    while (true) {}
  }, 1_000);
  assert.is(error.code, "CALL_TIMEOUT");
  assert.match(
    error.message,
    /limits\.test\.ts:\d+:\d+ exceeded its deadline of 1 s while it ran synchronous code/,
  );
  await servedAgain();
});

test("a growing array fails its own call with the limit named", async () => {
  const error = await explode(() => {
    const list: unknown[] = [];
    while (true) list.push({ a: list.length, b: [list.length] });
  }, 30_000);
  assert.is(error.code, "MEMORY_LIMIT");
  assert.match(error.message, /64 MB/);
  await servedAgain();
});

test("a growing array of typed arrays fails its own call with the limit named", async () => {
  const error = await explode(() => {
    const list: Uint8Array[] = [];
    while (true) list.push(new Uint8Array(1_000_000).fill(1));
  }, 30_000);
  assert.is(error.code, "MEMORY_LIMIT");
  assert.match(error.message, /64 MB/);
  await servedAgain();
});

test("a wasm memory bomb fails its own call with the limit named", async () => {
  const error = await explode(() => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536 });
    const list: WebAssembly.Memory[] = [];
    while (true) {
      memory.grow(16);
      new Uint8Array(memory.buffer).fill(1);
      list.push(memory);
    }
  }, 30_000);
  assert.is(error.code, "MEMORY_LIMIT", error.message);
  await servedAgain();
});

test("native code that no timeout reaches is ended by the agent", async () => {
  const error = await explode(() => {
    let x = 3n;
    while (true) x *= x;
  }, 1_500);
  assert.ok(
    ["CALL_TIMEOUT", "MEMORY_LIMIT", "CELL_CRASHED"].includes(error.code),
    `${error.code} ${error.message}`,
  );
  await servedAgain();
});

test("a promise loop fails its own call", async () => {
  const error = await explode(async () => {
    while (true) await Promise.resolve();
  }, 1_000);
  assert.is(error.code, "CALL_TIMEOUT", error.message);
  await servedAgain();
});

/** The cells below this process, without the shells that guard them. */
async function cells(): Promise<number[]> {
  const own = new Set(await descendants(process.pid));
  const ours = await leftovers();
  return ours.flatMap(({ pid, command }) =>
    own.has(pid) && command.endsWith("cell.js") && !command.startsWith("sh ") ? [pid] : [],
  );
}

test("a bomb with an hour to go ends when its driver closes; another driver's calls go on", async () => {
  await calls.call(() => 1);
  const before = new Set(await cells());
  const third = await driver();
  const pool = await third.pool("shared", { logs: "ignore", shutdownTimeout: "200ms" });
  await pool.call(() => 1);
  const [cell, ...others] = (await cells()).filter((pid) => !before.has(pid));
  assert.ok(cell !== undefined && others.length === 0);
  const bomb = pool.call(
    () => {
      while (true) {}
    },
    { deadline: "1h" },
  );
  const failed = bomb.then(
    () => "returned",
    (error) => error.code,
  );
  await third.close();
  assert.is(await failed, "POOL_CLOSED");
  await untilGone([cell], 5_000);
  assert.is(await calls.call(() => "served"), "served");
});

test.run();

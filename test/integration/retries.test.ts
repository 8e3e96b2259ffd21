import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type PoolOptions } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { untilGone } from "../harness/gone.ts";
import { errorOf, until } from "../harness/outcome.ts";

const fire = await connect();
const folder = await mkdtemp(join(tmpdir(), "bonfire-retries-"));
let pools = 0;
const open = (options: PoolOptions = {}) =>
  fire.pool(`retries-${++pools}`, { logs: "ignore", realm: "process", max: 2, ...options });
const ledger = () => join(folder, `ledger-${pools}`);
const lines = async (file: string) =>
  (await readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");

test.after(async () => {
  await fire.close();
  await rm(folder, { recursive: true });
});

/** Writes that it has begun and ended; the first `deaths` times its executor is killed meanwhile. */
const work = async ({ file, deaths }: { file: string; deaths: number }) => {
  const fs = await import("node:fs/promises");
  await fs.appendFile(file, `begin ${process.pid}\n`);
  const begun = (await fs.readFile(file, "utf8")).match(/begin/g)?.length ?? 0;
  if (begun <= deaths) {
    // The executor goes, and with it, a little later, this cell: what it still writes shows how long it lives.
    const beat = setInterval(() => void fs.appendFile(file, `alive ${process.pid}\n`), 5);
    process.kill(process.ppid, "SIGKILL");
    await new Promise(() => beat);
  }
  await fs.appendFile(file, `end ${process.pid}\n`);
  return begun;
};

test("a call is tried at most once, unless it says that it may run again", async () => {
  await using pool = await open();
  const file = ledger();
  const error = await errorOf(pool.call({ file, deaths: 1 }, work));
  assert.is(error.code, "EXECUTOR_LOST");
  assert.is((await lines(file)).filter((line) => line.startsWith("begin")).length, 1);
});

test("an idempotent call whose executor is killed runs again, after the copy before has ended", async () => {
  await using pool = await open();
  const file = ledger();
  assert.is(await pool.call({ file, deaths: 2 }, work, { retries: 2, idempotent: true }), 3);
  // Once a copy has begun nothing of an earlier one is written any more.
  await assertInTurn(file, 3);
});

/** Whatever is written of one process is written before the next one begins. */
async function assertInTurn(file: string, processes: number): Promise<void> {
  const written = (await lines(file)).map((line) => line.split(" ")[1] as string);
  const order = [...new Set(written)];
  assert.is(order.length, processes);
  assert.equal(
    written,
    order.flatMap((one) => written.filter((other) => other === one)),
  );
}

const firstOf = async (file: string) => Number((await lines(file))[0]?.split(" ")[1]);

test("a cell that goes on for a while as it ends is not taken for ended", async () => {
  await using pool = await open({ min: 2, concurrency: 1 });
  const file = ledger();
  const work = async ({ file }: { file: string }) => {
    const { appendFileSync, readFileSync } = await import("node:fs");
    const { execFileSync } = await import("node:child_process");
    const write = (what: string) => appendFileSync(file, `${what} ${process.pid}\n`);
    const isFirst = !readFileSync(file, "utf8").includes("begin");
    write("begin");
    if (!isFirst) return process.pid;
    const spin = (ms: number) => {
      for (const end = Date.now() + ms; Date.now() < end; ) write("alive");
    };
    // The guard is late, and the cell slow: the driver asks it to end the call while it closes.
    execFileSync("pkill", ["-STOP", "-g", String(process.pid), "-x", "sh"]);
    process.once("disconnect", () => spin(400));
    process.once("exit", () => spin(1_000));
    process.kill(process.ppid, "SIGKILL");
    return new Promise<number>(() => {});
  };
  await appendFile(file, "");
  await pool.call({ file }, work, { retries: 1, idempotent: true });
  const first = await firstOf(file);
  await untilGone([first], 10_000);
  process.kill(-first, "SIGCONT");
  await assertInTurn(file, 2);
});

test("a cell whose agent is frozen ends by itself before its call runs again", async () => {
  await using pool = await open({ min: 2, concurrency: 1, shutdownTimeout: 4_000 });
  const file = ledger();
  await appendFile(file, "");
  const work = async ({ file }: { file: string }) => {
    const { appendFileSync, readFileSync } = await import("node:fs");
    const write = (what: string) => appendFileSync(file, `${what} ${process.pid}\n`);
    const isFirst = !readFileSync(file, "utf8").includes("begin");
    write("begin");
    if (!isFirst) return process.pid;
    setInterval(write, 5, "alive");
    process.kill(process.ppid, "SIGSTOP");
    return new Promise<number>(() => {});
  };
  await pool.call({ file }, work, { retries: 1, idempotent: true });
  await untilGone([await firstOf(file)], 10_000);
  await assertInTurn(file, 2);
});

test("after the last try the error has what each of them failed with", async () => {
  await using pool = await open();
  const error = await errorOf(
    pool.call({ file: ledger(), deaths: 9 }, work, { retries: 2, idempotent: true }),
  );
  assert.is(error.code, "RETRIES_EXHAUSTED");
  assert.match(error.message, /failed 3 times/);
  const { errors } = error.cause as AggregateError;
  assert.equal(
    errors.map(({ code }) => code),
    ["EXECUTOR_LOST", "EXECUTOR_LOST", "EXECUTOR_LOST"],
  );
});

test("what the code throws is tried again only if retryOn says so", async () => {
  await using pool = await open();
  const file = ledger();
  const flaky = async ({ file }: { file: string }) => {
    const fs = await import("node:fs/promises");
    await fs.appendFile(file, "try\n");
    const tries = (await fs.readFile(file, "utf8")).split("\n").length - 1;
    if (tries < 3) throw new RangeError(`try ${tries}`);
    return tries;
  };
  const options = { retries: 5, idempotent: true };
  assert.is((await errorOf(pool.call({ file }, flaky, options))).message, "try 1");
  const seen: string[] = [];
  const retryOn = (error: unknown) => seen.push((error as Error).message) > 0 && error instanceof RangeError;
  assert.is(await pool.call({ file }, flaky, { ...options, retryOn }), 3);
  assert.equal(seen, ["try 2"]);
});

test("the deadline covers all tries, and the signal ends them", async () => {
  await using pool = await open();
  const fails = () => {
    throw new Error("no");
  };
  const options = { retries: 1_000, idempotent: true, retryOn: () => true };
  const late = await errorOf(pool.call({}, fails, { ...options, deadline: 1_000 }));
  assert.is(late.code, "CALL_TIMEOUT");
  const stop = new AbortController();
  const aborted = errorOf(
    pool.call({}, fails, {
      ...options,
      signal: stop.signal,
      retryOn: () => {
        setImmediate(() => stop.abort(new Error("enough")));
        return true;
      },
    }),
  );
  assert.is((await aborted).message, "enough");
});

test("retries without idempotent, with a stream, or of a stream are refused at the call", async () => {
  await using pool = await open();
  const options = { retries: 1, idempotent: true };
  const refused = (make: () => unknown, pattern: RegExp) => assert.throws(make, pattern);
  refused(() => pool.call(() => 1, { retries: 1 }), /"idempotent: true"/);
  refused(() => pool.call(() => 1, { ...options, retries: -1 }), /"retries"/);
  refused(() => pool.call(() => 1, { ...options, retryOn: 5 as never }), /"retryOn"/);
  refused(() => pool.stream(async function* () {}, options), /"retries" is not for streams/);
  const source = new ReadableStream();
  refused(() => pool.call({ source }, ({ source }) => source.locked, options), /ReadableStream/);
});

test("a map whose items may run again goes on after its executors were killed", async () => {
  await using pool = await open({ concurrency: 4 });
  const file = ledger();
  await appendFile(file, "");
  const items = Array.from({ length: 60 }, (_, n) => n);
  const results = pool.map(
    items,
    async (n) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return { n, executor: process.ppid };
    },
    { retries: 5, idempotent: true, concurrency: 8 },
  );
  const got: number[] = [];
  for await (const { n, executor } of results) {
    got.push(n);
    if (n === 10 || n === 30) process.kill(executor, "SIGKILL");
  }
  assert.equal(got, items);
  await until(() => pool.inspect().running === 0);
});

test.run();

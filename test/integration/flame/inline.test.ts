/** F22: the same program with everything in the caller's process. */
import { readFile } from "node:fs/promises";
import { connect, type PoolOptions, remote } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { descendants } from "../../harness/gone.ts";
import { errorOf, until } from "../../harness/outcome.ts";

const fire = await connect();
let pools = 0;
const open = (realm: PoolOptions["realm"]) =>
  fire.pool(`inline-${++pools}`, { realm: realm as "inline", logs: "ignore", max: 2, concurrency: 2 });
test.after(() => fire.close());

class Point {
  readonly x: number;

  constructor(x: number) {
    this.x = x;
  }

  twice(): Point {
    return new Point(2 * this.x);
  }
}

for (const realm of ["inline", "process"] as const) {
  test(`F22: one program gives the same in realm ${realm}`, async () => {
    await using pool = await open(realm);
    const seen: number[] = [];
    const tell = remote((n: number) => void seen.push(n));
    const list = [1, 2];
    const sum = pool.call(async () => {
      await tell(7);
      return list.reduce((a, b) => a + b);
    });
    list.push(100);
    assert.is(await sum, 3, "what is captured is copied");
    assert.equal(seen, [7]);
    const point = new Point(4);
    const back = await pool.call(() => point.twice());
    assert.instance(back, Point);
    assert.is(back.x, 8);
    assert.is((await errorOf(pool.call(() => Promise.reject(new RangeError("no"))))).message, "no");
    assert.equal(await Array.fromAsync(pool.map([1, 2, 3], (n) => n * n)), [1, 4, 9]);
    const streamed = pool.stream(async function* () {
      yield* [1, 2];
    });
    assert.equal(await Array.fromAsync(streamed), [1, 2]);
    const failed = new Promise((resolve) => pool.on("error", resolve));
    pool.cast(() => {
      throw new TypeError("cast");
    });
    assert.is(((await failed) as Error).message, "cast");
    assert.is(
      (await errorOf(pool.call(() => new Promise(() => {}), { deadline: 300 }))).code,
      "CALL_TIMEOUT",
    );
    await until(() => pool.inspect().running === 0);
    assert.is(await pool.call(() => "goes on"), "goes on");
  });
}

test("F22: inline code runs in this process, starts no other, and leaves its directory alone", async () => {
  const before = (await commands()).length;
  await using pool = await open("inline");
  const cwd = process.cwd();
  assert.is(await pool.call(() => process.pid), process.pid);
  assert.is(await pool.call(() => process.cwd()), cwd);
  assert.is((await commands()).length, before);
});

test("F22: realm inline refuses a backend of one's own", async () => {
  const backend = {} as never;
  const error = await errorOf(fire.pool("both", { realm: "inline", backend }));
  assert.match(error.message, /leave "backend" out/);
});

/** The Node programs below this process. */
async function commands(): Promise<string[]> {
  const pids = await descendants(process.pid);
  const all = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return all.filter((command) => command.includes("node"));
}

test.run();

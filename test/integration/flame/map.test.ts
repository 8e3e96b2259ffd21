/** A map over 100,000 items: memory stays flat on both sides, and it goes on over failures and dead executors. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { connect, type MapProgress, type PoolOptions } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
const ITEMS = 100_000;
/** What either side may grow by from the first 10,000 items to the last; 100,000 items of 200 bytes kept would be 20 MB. */
const MOST_GROWTH = 8_000_000;

const fire = await connect();
let pools = 0;
const open = (options: PoolOptions) => fire.pool(`map-${++pools}`, { logs: "ignore", ...options });
test.after(() => fire.close());

test(`a map of ${ITEMS} items takes no more memory at its end than at its beginning, here or there`, async () => {
  await using pool = await open({ max: 1, concurrency: 32, realm: "process" });
  function* items() {
    for (let n = 0; n < ITEMS; n++) yield { n, text: "x".repeat(200) };
  }
  const there = () =>
    pool.call({}, async () => {
      const { setFlagsFromString } = await import("node:v8");
      const { runInNewContext } = await import("node:vm");
      setFlagsFromString("--expose-gc");
      (runInNewContext("gc") as () => void)();
      return process.memoryUsage().heapUsed;
    });
  const here = () => {
    gc();
    return process.memoryUsage().heapUsed;
  };
  let last: MapProgress | undefined;
  const results = pool.map(items(), ({ n, text }) => ({ n, size: text.length }), {
    concurrency: 32,
    onError: "skip",
    onProgress: (progress) => {
      last = progress;
    },
  });
  let read = 0;
  let before: [here: number, there: number] = [0, 0];
  const start = performance.now();
  for await (const { n, size } of results) {
    assert.ok(n === read && size === 200);
    if (++read === 10_000) before = [here(), await there()];
  }
  const took = performance.now() - start;
  const growth = [here() - before[0], (await there()) - before[1]] as const;
  console.log(
    `  ${ITEMS} items in ${(took / 1_000).toFixed(1)} s; grown by ${growth.map((bytes) => (bytes / 1e6).toFixed(1)).join(" MB here and ")} MB there`,
  );
  assert.is(read, ITEMS);
  for (const bytes of growth) assert.ok(bytes < MOST_GROWTH, `${bytes} bytes`);
  const { done, failed, running } = last as MapProgress;
  assert.equal([done, failed, running], [ITEMS, 0, 0]);
});

test("a map goes on over what fails, as onError says", async () => {
  await using pool = await open({ max: 1, concurrency: 4 });
  const odd = (n: number) => {
    if (n % 3 === 0) throw new RangeError(`not ${n}`);
    return n;
  };
  const told: unknown[] = [];
  const onError = (error: unknown, item: unknown, index: number) =>
    told.push([(error as Error).message, item, index]);
  assert.equal(await Array.fromAsync(pool.map([1, 2, 3, 4], odd, { onError })), [1, 2, 4]);
  assert.equal(told, [["not 3", 3, 2]]);
});

test.run();

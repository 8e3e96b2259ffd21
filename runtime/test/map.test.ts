import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MapOptions } from "../src/pool/call-options.ts";
import { mapItems } from "../src/pool/map.ts";

const map = <T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  run: (item: T) => Promise<R>,
  options: MapOptions = {},
) => mapItems({ items, run, options, concurrency: 3 });
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("results come in the order of the items, though they finish in another", async () => {
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const results = map([0, 1, 2], async (item) => {
    await gates[item]?.promise;
    return item;
  });
  const all = Array.fromAsync(results);
  for (const gate of gates.reverse()) gate.resolve();
  assert.equal(await all, [0, 1, 2]);
});

test("with order completion the first to finish comes first", async () => {
  const slow = Promise.withResolvers<void>();
  const results = map([0, 1], (item) => (item === 0 ? slow.promise.then(() => 0) : Promise.resolve(1)), {
    order: "completion",
  });
  assert.is((await results.next()).value, 1);
  slow.resolve();
  assert.is((await results.next()).value, 0);
});

test("no more items are taken than the concurrency, until the reader reads", async () => {
  let taken = 0;
  function* items() {
    while (true) yield taken++;
  }
  const results = map(items(), async (item) => item);
  await results.next();
  await turn();
  assert.is(taken, 3);
  await results.next();
  assert.is(taken, 4);
  await results.return();
});

test("the first failure ends the iteration and what is under way", async () => {
  const ended: number[] = [];
  const results = mapItems({
    items: [0, 1, 2],
    concurrency: 3,
    options: {},
    run: (item, _index, signal) =>
      item === 0
        ? Promise.reject(new Error("no"))
        : new Promise((_, reject) =>
            signal.addEventListener("abort", () => {
              ended.push(item);
              reject(signal.reason);
            }),
          ),
  });
  try {
    await results.next();
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, "no");
  }
  assert.equal(ended, [1, 2]);
});

test("with onError skip the failed are left out and counted", async () => {
  const progress: unknown[] = [];
  const results = map([1, 2, 3], async (item) => (item === 2 ? Promise.reject(new Error("no")) : item), {
    onError: "skip",
    onProgress: (state) => progress.push(state),
  });
  assert.equal(await Array.fromAsync(results), [1, 3]);
  assert.equal(progress.at(-1), { done: 2, failed: 1, total: 3 });
});

test("leaving the loop early closes the source", async () => {
  let closed = false;
  function* items() {
    try {
      while (true) yield 1;
    } finally {
      closed = true;
    }
  }
  for await (const _ of map(items(), async (item) => item)) break;
  assert.ok(closed);
});

test("unknown options and values are refused before anything runs", () => {
  assert.throws(() => map([1], async () => 1, { ordered: true } as never), /"ordered"/);
  assert.throws(() => map([1], async () => 1, { order: "random" as never }), /"order"/);
  assert.throws(() => map([1], async () => 1, { concurrency: 0 }), /"concurrency"/);
});

test.run();

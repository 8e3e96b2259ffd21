import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BonfireError } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MapOptions, MapProgress } from "../src/pool/call-options.ts";
import { mapItems } from "../src/pool/map.ts";

const map = <T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  run: (item: T) => Promise<R>,
  options: MapOptions = {},
) => mapItems({ items, run, options, concurrency: 3 });
const turn = () => new Promise((resolve) => setImmediate(resolve));
const never = new Promise<never>(() => {});

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
const heapUsed = () => {
  gc();
  gc();
  return process.memoryUsage().heapUsed;
};

const rejection = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("It was expected to reject");
};

/** What reaches nobody while `work` runs, and in the turn after it. */
const unhandled = async (work: () => Promise<void>): Promise<unknown[]> => {
  const errors: unknown[] = [];
  const note = (error: unknown) => errors.push(error);
  process.on("unhandledRejection", note);
  await work();
  await turn();
  process.off("unhandledRejection", note);
  return errors;
};

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
  const progress: MapProgress[] = [];
  const results = map([1, 2, 3], async (item) => (item === 2 ? Promise.reject(new Error("no")) : item), {
    onError: "skip",
    onProgress: (state) => progress.push(state),
  });
  assert.equal(await Array.fromAsync(results), [1, 3]);
  const { rate, ...counts } = progress.at(-1) as MapProgress;
  assert.equal(counts, { done: 2, failed: 1, running: 0, total: 3, eta: 0 });
  assert.ok(rate > 0);
});

test("an onError function is told of each failure with its item, and ends the iteration if it throws", async () => {
  const told: unknown[] = [];
  const fails = async (item: string) => (item === "b" || item === "d" ? Promise.reject(item) : item);
  const lenient = map(["a", "b", "c"], fails, { onError: (...what) => told.push(what) });
  assert.equal(await Array.fromAsync(lenient), ["a", "c"]);
  assert.equal(told, [["b", "b", 1]]);
  const onError = (error: unknown) => {
    if (error === "d") throw new Error("that is too much");
  };
  const strict = Array.fromAsync(map(["a", "b", "c", "d", "e"], fails, { onError }));
  assert.match((await rejection(strict)) as Error, /too much/);
});

test("progress tells what is under way, how fast it goes and when it will be done", async () => {
  const progress: MapProgress[] = [];
  const gates = [1, 2, 3].map(() => Promise.withResolvers<number>());
  const results = map([0, 1, 2], (item) => (gates[item] as PromiseWithResolvers<number>).promise, {
    concurrency: 3,
    onProgress: (state) => progress.push(state),
  });
  const all = Array.fromAsync(results);
  for (const gate of gates) {
    await turn();
    gate.resolve(0);
  }
  await all;
  assert.equal(
    progress.map(({ done, running }) => [done, running]),
    [
      [1, 2],
      [2, 1],
      [3, 0],
    ],
  );
  for (const { done, rate, eta } of progress)
    assert.ok(Math.abs(((3 - done) / rate) * 1_000 - (eta as number)) < 1e-6);
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

test("an aborted signal ends the iteration with its reason, also when failures are skipped", async () => {
  for (const onError of ["throw", "skip"] as const) {
    const controller = new AbortController();
    const ended: number[] = [];
    const results = mapItems({
      items: [0, 1, 2],
      concurrency: 3,
      options: { onError, signal: controller.signal },
      run: (item, _index, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            ended.push(item);
            reject(signal.reason);
          }),
        ),
    });
    const next = results.next();
    await turn();
    const reason = new Error("enough");
    controller.abort(reason);
    assert.is(await rejection(next), reason);
    assert.equal(ended, [0, 1, 2]);
    assert.is(getEventListeners(controller.signal, "abort").length, 0);
    assert.equal(await results.next(), { done: true, value: undefined });
  }
});

test("an aborted signal ends the wait for results that do not heed it", async () => {
  for (const order of ["input", "completion"] as const) {
    const controller = new AbortController();
    const next = map([0, 1, 2], () => never, { order, signal: controller.signal }).next();
    await turn();
    controller.abort();
    assert.is(await rejection(next), controller.signal.reason);
  }
});

test("an aborted signal ends the wait for an item, and the source is told", async () => {
  const controller = new AbortController();
  let told = 0;
  const source: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: () => never,
      return: async () => {
        told++;
        return { done: true, value: undefined };
      },
    }),
  };
  const next = map(source, async (item) => item, { signal: controller.signal }).next();
  await turn();
  controller.abort();
  assert.is(await rejection(next), controller.signal.reason);
  assert.is(told, 1);
});

test("a generator that waits in the middle of an item does not hold up an abort, nor do its late errors escape", async () => {
  const controller = new AbortController();
  const gate = Promise.withResolvers<void>();
  let closed = false;
  async function* items() {
    try {
      yield 1;
      await gate.promise;
    } finally {
      closed = true;
    }
  }
  const escaped = await unhandled(async () => {
    const next = map(items(), async (item) => item, { signal: controller.signal }).next();
    await turn();
    controller.abort();
    assert.is(await rejection(next), controller.signal.reason);
    assert.not(closed);
    gate.reject(new Error("too late"));
  });
  assert.ok(closed);
  assert.equal(escaped, []);
});

test("a signal that was aborted before takes no item; one aborted between two reads ends the second", async () => {
  let taken = 0;
  function* items() {
    while (true) yield taken++;
  }
  const run = async (item: number) => item;
  const early = AbortSignal.abort(new Error("early"));
  assert.is(await rejection(map(items(), run, { signal: early }).next()), early.reason);
  assert.is(taken, 0);

  const controller = new AbortController();
  const results = map([1, 2, 3], run, { signal: controller.signal });
  assert.is((await results.next()).value, 1);
  await turn();
  controller.abort();
  assert.is(await rejection(results.next()), controller.signal.reason);
});

test("the signal keeps one listener while items come and go, and none afterwards", async () => {
  const { signal } = new AbortController();
  let most = 0;
  async function* items() {
    for (let i = 0; i < 1_000; i++) {
      most = Math.max(most, getEventListeners(signal, "abort").length);
      yield i;
    }
  }
  assert.is((await Array.fromAsync(map(items(), async (item) => item, { signal }))).length, 1_000);
  assert.is(most, 1);
  assert.is(getEventListeners(signal, "abort").length, 0);
  for await (const _ of map([1, 2], async (item) => item, { signal })) break;
  assert.is(getEventListeners(signal, "abort").length, 0);
});

test("what ended the iteration is heard, not what the source says to being closed", async () => {
  function* items() {
    try {
      while (true) yield 1;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: such a source is what is tested
      throw new Error("cannot close");
    }
  }
  const failing = map(items(), () => Promise.reject(new Error("no")));
  assert.is(((await rejection(failing.next())) as Error).message, "no");
  const left = map(items(), async (item) => item);
  await left.next();
  assert.is(((await rejection(left.return())) as Error).message, "cannot close");
});

test("a source that fails or comes to its end is not closed again", async () => {
  let closed = 0;
  const source = (last: () => IteratorResult<number>): Iterable<number> => ({
    [Symbol.iterator]: () => ({
      next: last,
      return: () => {
        closed++;
        return { done: true, value: undefined };
      },
    }),
  });
  const failing = source(() => {
    throw new Error("no more");
  });
  assert.is(((await rejection(map(failing, async () => 1).next())) as Error).message, "no more");
  assert.equal(
    await Array.fromAsync(
      map(
        source(() => ({ done: true, value: 0 })),
        async () => 1,
      ),
    ),
    [],
  );
  assert.is(closed, 0);
});

test("an item that cannot travel is the failure of that item", async () => {
  const refuseTwo = (item: number): Promise<number> => {
    if (item === 2) throw new BonfireError("VALUE_REFUSED", "argument 0 is a net.Socket");
    return Promise.resolve(item);
  };
  for (const order of ["input", "completion"] as const) {
    const progress: MapProgress[] = [];
    const skipping = map([1, 2, 3], refuseTwo, {
      order,
      onError: "skip",
      onProgress: (state) => progress.push(state),
    });
    assert.equal(await Array.fromAsync(skipping), [1, 3]);
    const { done, failed } = progress.at(-1) as MapProgress;
    assert.equal([done, failed], [2, 1]);
  }
  const throwing = map([1, 2, 3], refuseTwo);
  assert.is((await throwing.next()).value, 1);
  assert.is(((await rejection(throwing.next())) as BonfireError).code, "VALUE_REFUSED");
});

test("a closed pool ends the iteration, as skipping would go on over every item", async () => {
  function* items() {
    while (true) yield 1;
  }
  const closed = (): Promise<number> => {
    throw new BonfireError("POOL_CLOSED", "Pool is closed");
  };
  const error = await rejection(map(items(), closed, { onError: "skip" }).next());
  assert.is((error as BonfireError).code, "POOL_CLOSED");
});

test("an onProgress that throws rejects the iteration once and is not called again", async () => {
  for (const order of ["input", "completion"] as const) {
    for (const onError of ["throw", "skip"] as const) {
      let calls = 0;
      const escaped = await unhandled(async () => {
        const results = map([1, 2, 3], async (item) => item, {
          order,
          onError,
          onProgress: () => {
            calls++;
            throw new Error("no bar to draw on");
          },
        });
        assert.is(((await rejection(results.next())) as Error).message, "no bar to draw on");
        assert.equal(await results.next(), { done: true, value: undefined });
      });
      assert.is(calls, 1);
      assert.equal(escaped, []);
    }
  }
});

test("an onProgress that throws at the very last item rejects the iteration, too", async () => {
  for (const failing of [false, true]) {
    const results = map([1], (item) => (failing ? Promise.reject(new Error("no")) : Promise.resolve(item)), {
      onError: "skip",
      onProgress: () => {
        throw new Error("no bar to draw on");
      },
    });
    assert.is(((await rejection(results.next())) as Error).message, "no bar to draw on");
  }
});

test("progress is told when items settle, and not of items that were ended", async () => {
  const progress: unknown[] = [];
  const slow = Promise.withResolvers<number>();
  const results = map([1, 2, 3], (item) => (item === 1 ? slow.promise : Promise.resolve(item)), {
    onProgress: ({ done }) => progress.push(done),
  });
  const first = results.next();
  await turn();
  assert.equal(progress, [1, 2], "though the first result is still awaited");
  slow.resolve(1);
  await first;
  assert.equal(progress, [1, 2, 3]);

  const controller = new AbortController();
  const told: unknown[] = [];
  const ending = mapItems({
    items: [1, 2],
    concurrency: 2,
    options: { onError: "skip", signal: controller.signal, onProgress: (state) => told.push(state) },
    run: (_item, _index, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  }).next();
  await turn();
  controller.abort();
  await rejection(ending);
  await turn();
  assert.equal(told, []);
});

test("beside one that does not end, 20,000 others take linear time and leave nothing behind", async () => {
  const pass = async (count: number) => {
    const slow = Promise.withResolvers<number>();
    const results = map(
      Array.from({ length: count + 1 }, (_, index) => index),
      (item) => (item === 0 ? slow.promise : Promise.resolve(item)),
      { order: "completion", concurrency: 200 },
    );
    await results.next();
    const before = heapUsed();
    const start = performance.now();
    for (let read = 1; read < count; read++) await results.next();
    const ms = performance.now() - start;
    const growth = heapUsed() - before;
    slow.resolve(0);
    assert.is((await results.next()).value, 0);
    assert.ok((await results.next()).done);
    return { ms, growth };
  };
  await pass(2_000);
  const few = await pass(5_000);
  const many = await pass(20_000);
  assert.ok(many.ms < 12 * few.ms, `${few.ms.toFixed(0)} ms and ${many.ms.toFixed(0)} ms`);
  assert.ok(many.growth < 500_000, `${many.growth} bytes`);
});

test("100,000 items hold no more memory than a few", async () => {
  for (const order of ["input", "completion"] as const) {
    function* items() {
      for (let i = 0; i < 100_000; i++) yield { i };
    }
    const { signal } = new AbortController();
    const results = map(items(), async (item) => ({ of: item }), { order, signal, concurrency: 50 });
    for (let read = 0; read < 1_000; read++) await results.next();
    const before = heapUsed();
    let read = 1_000;
    while (read < 99_000) {
      await results.next();
      read++;
    }
    const growth = heapUsed() - before;
    for await (const _ of results) read++;
    assert.is(read, 100_000);
    assert.ok(growth < 500_000, `${growth} bytes with order ${order}`);
  }
});

test("strings are iterables of characters, as anywhere", async () => {
  assert.equal(await Array.fromAsync(map("abc", async (letter) => letter.toUpperCase())), ["A", "B", "C"]);
});

test("unknown options and values are refused before anything runs", () => {
  assert.throws(() => map([1], async () => 1, { ordered: true } as never), /"ordered"/);
  assert.throws(() => map([1], async () => 1, { order: "random" as never }), /"order"/);
  assert.throws(() => map([1], async () => 1, { concurrency: 0 }), /"concurrency"/);
  assert.throws(() => map([1], async () => 1, { deadline: "soon" as never, onError: "skip" }), /"deadline"/);
});

test.run();

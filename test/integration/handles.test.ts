/** Everything alive that can travel, in both realms. Long, as each realm's pool is shared by all of its tests. */
import { EventEmitter, on } from "node:events";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Actor, type BonfireError, connect, type Pool, remote } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../harness/nats.ts";
import { Program } from "../harness/program.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const LIMIT_MS = 10_000;
const fire = await connect();
test.after(() => fire.close());

const failure = (promise: Promise<unknown>): Promise<BonfireError> =>
  promise.then(
    (value) => assert.unreachable(`resolved with ${String(value)}`) as never,
    (error) => error,
  );

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`after ${LIMIT_MS} ms it still did not hold: ${what}`);
    await pause(5);
  }
}

/** Nothing alive is left, and every slot is free. */
const isQuiet = (pool: Pool) =>
  until(() => pool.inspect().live === 0 && pool.inspect().running === 0, "nothing is alive");

function streamOf<T>(source: Iterable<T> | AsyncIterable<T>): ReadableStream<T> {
  const iterator = (async function* () {
    yield* source;
  })();
  return new ReadableStream<T>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

class Counter extends Actor {
  #value: number;
  constructor(value: number) {
    super();
    this.#value = value;
  }
  add(n: number): number {
    this.#value += n;
    return this.#value;
  }
  fail(): never {
    throw new RangeError("too many");
  }
}

class TooMuch extends RangeError {
  readonly code = "E_TOO_MUCH";
}

for (const realm of ["isolate", "process"] as const) {
  const open = (name: string, options = {}) =>
    fire.pool(`${name}-${realm}`, { max: 1, realm, logs: "ignore", ...options });
  const pool = await open("handles", { concurrency: 8 });

  // Remote functions

  test(`${realm}: a remote function runs in the driver, as a capture, an argument and in a collection`, async () => {
    const seen: unknown[] = [];
    const tell = remote((what: unknown) => {
      seen.push(what);
      return { pid: process.pid, count: seen.length };
    });
    const kept = new Map([["tell", tell]]);
    const isHere = await pool.call(async () => {
      const { pid } = await tell("captured");
      await kept.get("tell")?.(new Date(0));
      return { pid, isSame: kept.get("tell") === tell };
    });
    assert.equal(isHere, { pid: process.pid, isSame: true });
    await pool.call({ list: [tell] }, async ({ list }) => (await list[0]?.(new Uint8Array([1, 2])))?.count);
    assert.equal(seen, ["captured", new Date(0), new Uint8Array([1, 2])]);
    assert.is((await tell("here, too")).pid, process.pid);
  });

  test(`${realm}: a remote function's error keeps its class, code, cause and stack, there and back`, async () => {
    const refuse = remote((n: number) => {
      throw new TooMuch(`${n} is too much`, { cause: new TypeError("why") });
    });
    const seen = await pool.call(async () => {
      try {
        return await refuse(9);
      } catch (error) {
        const { name, message, code, cause, stack } = error as TooMuch;
        return { name, message, code, why: String(cause), isRange: error instanceof RangeError, stack };
      }
    });
    const { stack, ...rest } = seen as { stack: string };
    const expected = { name: "RangeError", message: "9 is too much", code: "E_TOO_MUCH" };
    assert.equal(rest, { ...expected, why: "TypeError: why", isRange: true });
    assert.match(stack, /handles\.test\.ts/);
    const error = await failure(pool.call(async () => refuse(10)));
    assert.is(error.message, "10 is too much");
    assert.is(error.code, "E_TOO_MUCH");
    assert.match(String(error.stack), /handles\.test\.ts/);
    assert.not.match(String(error.stack), /packages\/wire|runtime\/(?:src|dist)/);
  });

  test(`${realm}: a remote function that nobody awaited rejects with HANDLE_ENDED after the call`, async () => {
    const started = Promise.withResolvers<void>();
    const never = remote(() => {
      started.resolve();
      return new Promise<void>(() => undefined);
    });
    await pool.call(async () => {
      const left = globalThis as { late?: Promise<string> };
      left.late = never().then(
        () => "done",
        (error) => error.code,
      );
      await Promise.resolve();
    });
    await started.promise;
    if (realm === "isolate") {
      assert.is(await pool.call(() => (globalThis as { late?: Promise<string> }).late), "HANDLE_ENDED");
    }
    await isQuiet(pool);
  });

  test(`${realm}: arguments and results of a remote function may be large, and functions among results travel`, async () => {
    const echo = remote((bytes: Uint8Array) => bytes);
    const size = 3_000_000;
    const isWhole = await pool.call(async () => {
      const back = await echo(new Uint8Array(size).fill(7));
      return back.length === size && back.every((byte) => byte === 7);
    });
    assert.ok(isWhole);
    const factor = 3;
    const getFunction = remote(() => ({ times: (n: number) => n * factor }));
    assert.is(await pool.call(async () => (await getFunction()).times(14)), 42);
  });

  // Signals

  test(`${realm}: an abort in the driver reaches the closure, with its reason`, async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const ready = Promise.withResolvers<void>();
    const isReady = remote(() => ready.resolve());
    const outcome = pool.call(async () => {
      const reason = new Promise<unknown>((resolve) => {
        signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
      });
      await isReady();
      const { message, name } = (await reason) as Error;
      let thrown = "";
      try {
        signal.throwIfAborted();
      } catch (error) {
        thrown = (error as Error).message;
      }
      return { message, name, thrown, isSignal: signal instanceof AbortSignal };
    });
    await ready.promise;
    controller.abort(new TypeError("enough"));
    assert.equal(await outcome, { message: "enough", name: "TypeError", thrown: "enough", isSignal: true });
    assert.is(await pool.call({ signal }, ({ signal }) => (signal.reason as Error).message), "enough");
  });

  test(`${realm}: an abort that happens while the call waits for a slot is not lost`, async () => {
    await using narrow = await open("narrow");
    const gate = Promise.withResolvers<void>();
    const wait = remote(() => gate.promise);
    const first = narrow.call(async () => wait());
    const controller = new AbortController();
    const { signal } = controller;
    const second = narrow.call(async () => {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return signal.reason as unknown;
    });
    await until(() => narrow.inspect().running === 1, "the first runs");
    controller.abort("while waiting");
    gate.resolve();
    await first;
    assert.is(await second, "while waiting");
  });

  // Streams into the closure

  test(`${realm}: a ReadableStream, a generator and an event iterator are read in the closure`, async () => {
    const stream = streamOf([1, "two", { three: 3n }]);
    const numbers = (async function* () {
      yield 4;
      yield new Map([[5, 6]]);
    })();
    const emitter = new EventEmitter();
    const closing = new AbortController();
    const events = on(emitter, "tick", { signal: closing.signal });
    const first = remote(() => void emitter.emit("tick", "tock"));
    const got = await pool.call(async () => {
      const all: unknown[] = [];
      for await (const chunk of stream) all.push(chunk);
      for await (const chunk of numbers) all.push(chunk);
      const emitted = first();
      for await (const [value] of events) {
        all.push(value);
        break;
      }
      await emitted;
      return all;
    });
    assert.equal(got, [1, "two", { three: 3n }, 4, new Map([[5, 6]]), "tock"]);
  });

  test(`${realm}: what the closure writes arrives in the driver, and a transform serves as its two ends`, async () => {
    const got: unknown[] = [];
    let isClosed = false;
    const sink = new WritableStream({
      write: (chunk) => void got.push(chunk),
      close: () => {
        isClosed = true;
      },
    });
    const double = new TransformStream<number, number>({
      transform: (n, controller) => controller.enqueue(n * 2),
    });
    const doubled = await pool.call(async () => {
      const writer = sink.getWriter();
      for (let n = 0; n < 100; n++) await writer.write(n);
      await writer.close();
      const input = double.writable.getWriter();
      const written = input.write(21).then(() => input.close());
      const all: number[] = [];
      for await (const n of double.readable) all.push(n);
      await written;
      return all;
    });
    assert.is(got.length, 100);
    assert.ok(isClosed);
    assert.equal(doubled, [42]);
  });

  test(`${realm}: a stream that the closure has not closed is aborted when the call ends`, async () => {
    const { readable, writable } = new TransformStream<number, number>();
    const reading = Array.fromAsync(readable);
    await pool.call(async () => {
      await writable.getWriter().write(1);
    });
    assert.is((await failure(reading)).code, "HANDLE_ENDED");
  });

  test(`${realm}: leaving a loop in the closure runs the driver's finally; an error there arrives in the loop`, async () => {
    const log: string[] = [];
    const endless = (async function* () {
      try {
        for (let n = 0; ; n++) yield n;
      } finally {
        log.push("finally");
      }
    })();
    const broken = (async function* () {
      yield 1;
      throw new TooMuch("dry");
    })();
    const said = await pool.call(async () => {
      for await (const n of endless) if (n === 5) break;
      try {
        for await (const _ of broken);
      } catch (error) {
        return `${(error as TooMuch).code} ${(error as Error).message}`;
      }
      return "no error";
    });
    assert.equal(log, ["finally"]);
    assert.is(said, "E_TOO_MUCH dry");
  });

  // Streams out of the closure

  test(`${realm}: pool.stream yields what the generator yields, in order, and ends`, async () => {
    const upTo = 500;
    const numbers = pool.stream(async function* () {
      for (let n = 0; n < upTo; n++) yield { n, at: new Date(n) };
    });
    let expected = 0;
    for await (const { n, at } of numbers) {
      assert.is(n, expected);
      assert.is(at.getTime(), expected++);
    }
    assert.is(expected, upTo);
    await isQuiet(pool);
  });

  test(`${realm}: pool.stream takes sync generators, iterables, streams, and named captures`, async () => {
    const from = 3;
    const sync = pool.stream(function* () {
      yield from;
      yield from + 1;
    });
    assert.equal(await Array.fromAsync(sync), [3, 4]);
    assert.equal(await Array.fromAsync(pool.stream(() => new Set(["a", "b"]))), ["a", "b"]);
    assert.equal(await Array.fromAsync(pool.stream(async () => streamOf([1]))), [1]);
    const named = pool.stream({ n: 2 }, async function* ({ n }) {
      yield n * 2;
    });
    assert.equal(await Array.fromAsync(named), [4]);
    const none = pool.stream(() => 7 as unknown as Iterable<number>);
    assert.is((await failure(none.next())).code, "NOT_ITERABLE");
  });

  test(`${realm}: a generator waits for its reader, and leaving the loop runs its finally before going on`, async () => {
    const log: string[] = [];
    let made = 0;
    const note = remote((what: string) => void log.push(what));
    const count = remote((n: number) => {
      made = n;
    });
    const endless = pool.stream(async function* () {
      try {
        for (let n = 0; ; n++) {
          await count(n);
          yield n;
        }
      } finally {
        await note("finally");
      }
    });
    const { value } = await endless.next();
    assert.is(value, 0);
    await until(() => made >= 30, "it runs ahead by the window");
    await pool.call(() => 1);
    assert.ok(made <= 34, `${made} made for one read`);
    for await (const n of endless) if (n === 3) break;
    assert.equal(log, ["finally"]);
    await isQuiet(pool);
  });

  test(`${realm}: an error of the generator arrives after its items, with a stack of the closure and of the reader`, async () => {
    const got: number[] = [];
    const error = await failure(
      (async () => {
        for await (const n of pool.stream(async function* () {
          yield 1;
          throw new TypeError("broken");
        }))
          got.push(n);
      })(),
    );
    assert.equal(got, [1]);
    assert.instance(error, TypeError);
    const [closure = "", reader = ""] = String(error.stack).split("called from the driver");
    assert.match(closure, /handles\.test\.ts:\d+/);
    assert.match(reader, /handles\.test\.ts:\d+/);
  });

  test(`${realm}: streams, generators and iterables come back as results, alone, together and inside of each other`, async () => {
    const { bytes, rows, list } = await pool.call(() => ({
      bytes: new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new Uint8Array(5_000_000).fill(1));
          controller.enqueue(new Uint8Array(3));
          controller.close();
        },
      }),
      rows: (async function* () {
        yield (async function* () {
          yield "inner";
        })();
      })(),
      list: {
        async *[Symbol.asyncIterator]() {
          yield 1;
        },
      },
    }));
    const sizes: number[] = [];
    for await (const chunk of bytes) sizes.push(chunk.length);
    assert.equal(sizes, [5_000_000, 3]);
    for await (const row of rows) assert.equal(await Array.fromAsync(row), ["inner"]);
    assert.equal(await Array.fromAsync(list), [1]);
    await isQuiet(pool);
  });

  test(`${realm}: a stream goes through the closure and out again, also after the call has its answer`, async () => {
    const input = streamOf(
      (async function* () {
        for (let n = 0; n < 200; n++) yield n;
      })(),
    );
    const output = await pool.call(() =>
      input.pipeThrough(new TransformStream<number, number>({ transform: (n, out) => out.enqueue(n * n) })),
    );
    const got = await Array.fromAsync(output);
    assert.is(got.length, 200);
    assert.is(got[199], 199 * 199);
    await isQuiet(pool);
  });

  test(`${realm}: a WritableStream of the closure can be written from the driver`, async () => {
    let kept = 0;
    const keep = remote((n: number) => {
      kept += n;
    });
    const sink = await pool.call(() => new WritableStream<number>({ write: (n) => keep(n) }));
    const writer = sink.getWriter();
    for (let n = 1; n <= 100; n++) await writer.write(n);
    await writer.close();
    assert.is(kept, 5050);
    await isQuiet(pool);
  });

  test(`${realm}: a ref to an actor asks and tells from the closure, and fails as the actor does`, async () => {
    const counter = await fire.spawn(Counter, [40]);
    const asked = await pool.call(async () => {
      counter.tell.add(1);
      const sum = await counter.add(1);
      const failed = await counter.fail().catch((error: Error & { code: string }) => error);
      return { sum, name: String(counter), failed };
    });
    assert.is(asked.sum, 42);
    assert.is(asked.name, String(counter));
    assert.instance(asked.failed, RangeError);
    assert.is(asked.failed.message, "too many");
    // What cannot be told is a log line; in the process realm it goes to the executor's own standard error.
    if (realm === "isolate") {
      const lines: string[] = [];
      const listen = ({ text }: { text: string }) => void lines.push(text);
      pool.on("log", listen);
      await pool.call(async () => {
        counter.tell.add((() => 1) as never);
        await counter.add(0);
      });
      await until(
        () => lines.some((line) => /was not told "add": .*function/.test(line)),
        "the refusal is logged",
      );
      pool.off("log", listen);
    }
    assert.is(await pool.call({ counter }, async ({ counter }) => (await counter).add(1)), 43);
    assert.is(await (await pool.call(() => counter)).add(1), 44);
    await fire.stop(counter);
    const gone = await failure(pool.call(() => counter.add(1)));
    assert.is(gone.code, "NO_SUCH_ACTOR");
    await isQuiet(pool);
  });

  test(`${realm}: an unread stream stalls neither other calls nor other streams, and takes little memory`, async () => {
    const endless = () =>
      pool.call(
        () =>
          new ReadableStream<Uint8Array>({
            pull: (controller) => controller.enqueue(new Uint8Array(60_000)),
          }),
      );
    const slow = (await endless()).getReader();
    await slow.read();
    gc();
    const before = process.memoryUsage().arrayBuffers;
    const fast = (await endless()).getReader();
    let total = 0;
    while (total < 50_000_000) total += (await fast.read()).value?.length ?? 0;
    for (let n = 0; n < 100; n++) assert.is(await pool.call({ n }, ({ n }) => n), n);
    gc();
    const taken = process.memoryUsage().arrayBuffers - before;
    assert.ok(taken < 40_000_000, `${taken} bytes are taken`);
    await slow.cancel();
    await fast.cancel();
    await isQuiet(pool);
  });

  test(`${realm}: the slot of a stream is taken until it ends, and its executor does not idle out`, async () => {
    await using narrow = await open("slots", { idleAfter: "200ms" });
    const numbers = narrow.stream(async function* () {
      for (let n = 0; ; n++) yield n;
    });
    await numbers.next();
    const waiting = narrow.call(() => "next");
    await pause(1_500); // longer than idleAfter, and than unused slots are kept
    assert.equal([narrow.inspect().running, narrow.inspect().waiting], [1, 1]);
    assert.is((await numbers.next()).value, 1);
    await numbers.return();
    assert.is(await waiting, "next");
  });

  // Ends

  test(`${realm}: the deadline covers all of a stream, whether its code waits or its reader`, async () => {
    await pool.call(() => 1);
    const slow = pool.stream(
      async function* () {
        yield 1;
        await new Promise(() => undefined);
      },
      { deadline: 1_000 },
    );
    assert.is((await slow.next()).value, 1);
    const error = await failure(slow.next());
    assert.is(error.code, "CALL_TIMEOUT");
    assert.match(error.message, /deadline of 1 s/);
    await isQuiet(pool);
  });

  test(`${realm}: a stream's signal ends it with the reason`, async () => {
    const controller = new AbortController();
    const numbers = pool.stream(
      async function* () {
        yield 1;
        await new Promise(() => undefined);
      },
      { signal: controller.signal },
    );
    await numbers.next();
    const pending = failure(numbers.next());
    const reason = new RangeError("no longer");
    controller.abort(reason);
    assert.is(await pending, reason);
    await isQuiet(pool);
  });

  test(`${realm}: the end of a cell is EXECUTOR_LOST for whoever reads, and aborts what it was reading`, async () => {
    await using narrow = await open("lost", { min: 0, realm: "process" });
    let cancelled: unknown;
    const source = new ReadableStream({
      pull: (controller) => controller.enqueue(1),
      cancel: (reason) => {
        cancelled = reason;
      },
    });
    const numbers = narrow.stream(async function* () {
      for await (const chunk of source) {
        yield chunk;
        break;
      }
      const other = await import("node:process");
      yield other.pid;
      await new Promise(() => undefined);
    });
    await numbers.next();
    const { value: pid } = await numbers.next();
    const pending = failure(numbers.next());
    process.kill(pid as number, "SIGKILL");
    assert.is((await pending).code, "EXECUTOR_LOST");
    assert.is(cancelled, undefined, "it had been left before");
    assert.is(narrow.inspect().live, 0);
  });

  test(`${realm}: closing the pool ends what came back and is not read`, async () => {
    const narrow = await open("closed");
    const stream = await narrow.call(() => streamOf([1, 2, 3]));
    const start = performance.now();
    await narrow.close();
    assert.ok(performance.now() - start < 3_000);
    assert.is((await failure(stream.getReader().read())).code, "POOL_CLOSED");
  });

  test(`${realm}: a stream that is left before it has started lets go of what it captured`, async () => {
    let cancelled = false;
    const source = new ReadableStream({
      cancel: () => {
        cancelled = true;
      },
    });
    const unread = pool.stream(async function* () {
      yield* source;
    });
    assert.ok(source.locked, "it belongs to the stream from the call on");
    await unread.return();
    assert.ok(cancelled);
    assert.is(pool.inspect().running, 0);
  });

  test(`${realm}: hundreds of calls with live values leave nothing behind`, async () => {
    const tell = remote((n: number) => n);
    const { signal } = new AbortController();
    await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const numbers = (async function* () {
          yield i;
        })();
        const back = await pool.call(async function* () {
          signal.throwIfAborted();
          for await (const n of numbers) yield await tell(n);
        });
        if (i % 3 === 0) await back.return(undefined);
        else assert.equal(await Array.fromAsync(back), [i]);
      }),
    );
    await isQuiet(pool);
  });

  // Blobs

  test(`${realm}: Blobs and Files travel by value both ways`, async () => {
    const blob = new Blob(["some ", new Uint8Array([0x74, 0x65, 0x78, 0x74])], { type: "text/plain" });
    const file = new File(["x".repeat(2_000_000)], "x.txt", { type: "text/x", lastModified: 42 });
    const back = await pool.call({ blob, file, again: blob }, async ({ blob, file, again }) => ({
      text: await blob.text(),
      type: blob.type,
      isSame: blob === again,
      isFile: file instanceof File && file instanceof Blob,
      copy: new File([file.slice(0, 10)], file.name, { lastModified: file.lastModified }),
      blob,
    }));
    assert.equal([back.text, back.type, back.isSame, back.isFile], ["some text", "text/plain", true, true]);
    assert.is(back.copy.name, "x.txt");
    assert.is(back.copy.lastModified, 42);
    assert.is(await back.copy.text(), "xxxxxxxxxx");
    assert.is(await back.blob.text(), "some text");
    const pieces = pool.stream(async function* () {
      yield blob;
    });
    for await (const piece of pieces) assert.is(await piece.text(), "some text");
  });

  // Refusals

  test(`${realm}: what cannot travel alive is refused, with what to do instead`, async () => {
    const controller = new AbortController();
    assert.throws(
      () => pool.call(() => controller.abort()),
      /"controller" at .* is an AbortController: pass its signal/,
    );
    const node = Readable.from([1]);
    assert.throws(() => pool.call(() => node.read()), /stream\.Readable: pass Readable\.toWeb\(stream\)/);
    const locked = new ReadableStream();
    locked.getReader();
    assert.throws(() => pool.call(() => locked.cancel()), /ReadableStream that is locked/);
    const one = streamOf([1]);
    assert.throws(
      () => pool.map([1, 2], async (n) => [n, await one.cancel()]),
      /ReadableStream at .*many calls/,
    );
    const notYet = await failure(pool.call(() => new AbortController().signal));
    assert.match(notYet.message, /AbortSignal, which ends with its call/);
    assert.is(await pool.call(() => 1), 1);
  });

  test(`${realm}: signals and remote functions serve every call of a map`, async () => {
    const { signal } = new AbortController();
    const triple = remote((n: number) => n * 3);
    const results = pool.map([1, 2, 3, 4], async (n) => {
      signal.throwIfAborted();
      return triple(n);
    });
    assert.equal(await Array.fromAsync(results), [3, 6, 9, 12]);
    await isQuiet(pool);
  });
}

for (const realm of ["isolate", "process"] as const) {
  test(`${realm}: when the link to NATS breaks, streams and remote functions fail with LINK_DOWN, and calls go on`, async () => {
    await using server = await NatsServer.start();
    await using driver = await connect({ servers: [server.url] });
    await using pool = await driver.pool("links", { max: 1, concurrency: 4, realm, logs: "ignore" });
    const numbers = pool.stream(async function* () {
      yield 1;
      await new Promise(() => undefined);
    });
    await numbers.next();
    const pending = failure(numbers.next());
    const called = Promise.withResolvers<void>();
    const never = remote(() => {
      called.resolve();
      return new Promise<void>(() => undefined);
    });
    const call = pool.call(() => never().catch((error) => error.code as string));
    await called.promise;
    await server.kill();
    await server.restart();
    assert.is((await pending).code, "LINK_DOWN");
    assert.is(await call, "LINK_DOWN");
    await isQuiet(pool);
    assert.equal(await Array.fromAsync(pool.stream(() => [1, 2])), [1, 2]);
  });
}

test("a generator that spins or eats memory ends with the limit that it met, and its pool goes on", async () => {
  await using pool = await fire.pool("spinning", { max: 1, memory: 64, logs: "ignore" });
  const spinning = pool.stream(
    function* () {
      yield 1;
      for (;;);
    },
    { deadline: 700 },
  );
  // The second is asked for ahead of its reader.
  const spun = await failure(Array.fromAsync(spinning));
  assert.is(spun.code, "CALL_TIMEOUT");
  const eating = pool.stream(function* () {
    yield 1;
    const all: unknown[] = [];
    for (;;) all.push(new Array(1_000).fill({}));
  });
  assert.is((await failure(Array.fromAsync(eating))).code, "MEMORY_LIMIT");
  assert.equal(await Array.fromAsync(pool.stream(() => [1])), [1]);
});

test("a signal ends what granted programs run", async () => {
  await using granted = await fire.pool("granted", {
    max: 1,
    grants: { programs: ["sleep"] },
    logs: "ignore",
  });
  const controller = new AbortController();
  const { signal } = controller;
  const running = Promise.withResolvers<void>();
  const started = remote(() => running.resolve());
  const ended = granted.call(async () => {
    const { spawn } = await import("node:child_process");
    const child = spawn("sleep", ["60"], { signal });
    const error = new Promise<string>((resolve) => child.on("error", ({ name }) => resolve(name)));
    await started();
    return error;
  });
  await running.promise;
  controller.abort();
  assert.is(await ended, "AbortError");
});

test("with files granted, a stream keeps its directory until it has ended", async () => {
  await using granted = await fire.pool("files", { max: 1, grants: { files: true }, logs: "ignore" });
  const lines = granted.stream(async function* () {
    const { writeFile, readFile } = await import("node:fs/promises");
    await writeFile("kept.txt", "still here");
    yield "written";
    yield await readFile("kept.txt", "utf8");
  });
  assert.equal(await Array.fromAsync(lines), ["written", "still here"]);
  assert.equal(
    await granted.call(async () => (await import("node:fs/promises")).readdir(".")),
    [],
    "the next call finds a fresh one",
  );
});

test("with the loader everything goes as without it", async () => {
  await using program = new Program("integration/programs/live.ts", { loader: true });
  const { code } = await program.exit;
  assert.is(code, 0, program.output);
  assert.match(program.output, /stream 0,1,4,9/);
  assert.match(program.output, /progress 50,100/);
  assert.match(program.output, /failed at .*live\.ts:\d+/);
});

test.run();

import {
  BonfireError,
  decode,
  Exports,
  encode,
  handleEnded,
  hasCode,
  markRemote,
  PacketKind,
  packet,
  Session,
} from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";

/** Two ends whose packets cross as messages do: in order, and never within the call that sends them. */
function connected() {
  const broken: unknown[] = [];
  let bytes = 0;
  let idle = 0;
  const make = (first: 1 | 2, other: () => Session): Session => {
    const exports = new Exports(first);
    return new Session(exports, first, {
      send: (sent) => {
        bytes += sent.length;
        queueMicrotask(() => other().receive(sent));
      },
      encode: (value, hooks) => encode(value, { handle: hooks.export }),
      decode: (received, hooks) => decode(received, { handle: hooks.import }),
      idle: () => idle++,
      broken: (error) => broken.push(error),
    });
  };
  const left: Session = make(1, () => right);
  const right: Session = make(2, () => left);
  return {
    left,
    right,
    broken,
    sent: () => bytes,
    idle: () => idle,
    /** What `value` of the left end is at the right one. */
    give<T>(value: T): T {
      return decode(encode(value, { handle: left.hooks.export }), { handle: right.hooks.import }) as T;
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const remote = <F extends object>(fn: F): F => {
  markRemote(fn);
  return fn;
};

async function* counting(to: number, log: string[] = []) {
  try {
    for (let n = 0; n < to; n++) {
      log.push(`made ${n}`);
      yield n;
    }
  } finally {
    log.push("finally");
  }
}

test("a remote function runs at its owner, with values and errors both ways", async () => {
  const { give } = connected();
  const ask = give(
    remote((a: number, b: Map<string, number>) => {
      if (a < 0)
        throw Object.assign(new RangeError("too small"), { code: "E_SMALL", cause: new Error("why") });
      return a + (b.get("x") ?? 0);
    }),
  );
  assert.is(await ask(1, new Map([["x", 2]])), 3);
  try {
    await ask(-1, new Map());
    assert.unreachable();
  } catch (error) {
    assert.instance(error, RangeError);
    assert.is((error as Error).message, "too small");
    assert.is((error as { code?: string }).code, "E_SMALL");
    assert.is(((error as Error).cause as Error).message, "why");
  }
});

test("the same handle is the same thing in one message and in later ones", () => {
  const { give } = connected();
  const fn = remote(() => 1);
  const { a, b } = give({ a: fn, b: [fn] });
  assert.is(a, b[0]);
  assert.is(give(fn), a);
});

test("an abort reaches the other end with its reason, before or after the signal has travelled", async () => {
  const { give } = connected();
  const controller = new AbortController();
  const signal = give(controller.signal);
  assert.instance(signal, AbortSignal);
  assert.not(signal.aborted);
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  controller.abort(new TypeError("enough"));
  await aborted;
  assert.instance(signal.reason, TypeError);
  assert.throws(
    () => give(AbortSignal.abort("no")).throwIfAborted(),
    (reason: unknown) => reason === "no",
  );
});

test("a generator runs no further ahead of its reader than the window", async () => {
  const { give } = connected();
  const log: string[] = [];
  const numbers = give(counting(1_000, log));
  await turn();
  assert.is(log.length, 0, "nothing is made before somebody reads");
  assert.is((await numbers.next()).value, 0);
  await turn();
  const ahead = log.length;
  assert.ok(ahead <= 34, `${ahead} made`);
  await turn();
  assert.is(log.length, ahead);
  const rest = await Array.fromAsync(numbers);
  assert.is(rest.length, 999);
  assert.is(log.at(-1), "finally");
});

test("leaving a loop runs the source's finally before the loop is over, and its error arrives", async () => {
  const { give } = connected();
  const log: string[] = [];
  for await (const n of give(counting(1_000, log))) if (n === 3) break;
  assert.is(log.at(-1), "finally");
  const failing = give(
    (async function* () {
      try {
        for (;;) yield 1;
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: that is the case
        throw new Error("clean-up failed");
      }
    })(),
  );
  await failing.next();
  await failing
    .return(undefined)
    .then(assert.unreachable, (error) => assert.is(error.message, "clean-up failed"));
});

test("a stream's error arrives after the chunks before it, once", async () => {
  const { give } = connected();
  const broken = give(
    (async function* () {
      yield 1;
      throw new RangeError("dry");
    })(),
  );
  assert.is((await broken.next()).value, 1);
  await broken.next().then(assert.unreachable, (error) => assert.instance(error, RangeError));
  assert.equal(await broken.next(), { done: true, value: undefined });
});

test("chunks far larger than a packet arrive whole, among small ones, within the window", async () => {
  const { give } = connected();
  const sizes = [10, 5_000_000, 0, 65_536, 65_537, 3_000_000];
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const size of sizes) controller.enqueue(new Uint8Array(size).fill(size % 251));
      controller.close();
    },
  });
  const got = await Array.fromAsync(give(stream) as unknown as AsyncIterable<Uint8Array>);
  assert.equal(
    got.map(({ length }) => length),
    sizes,
  );
  for (const chunk of got) assert.ok(chunk.every((byte) => byte === chunk.length % 251));
});

test("an unread stream sends no more than its window, and stalls no other", async () => {
  const { give, sent } = connected();
  const chunk = new Uint8Array(50_000);
  const endless = () =>
    new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(chunk) }, { highWaterMark: 0 });
  const slow = give(endless()).getReader();
  await slow.read();
  for (let i = 0; i < 50; i++) await turn();
  const before = sent();
  assert.ok(before < 1_300_000, `${before} bytes`);
  const other = give(endless()).getReader();
  for (let i = 0; i < 100; i++) await other.read();
  assert.ok(sent() - before > 5_000_000);
});

test("cancelling a stream reaches its source with the reason", async () => {
  const { give } = connected();
  let cancelled: unknown;
  const source = new ReadableStream({
    pull: (controller) => controller.enqueue(1),
    cancel(reason) {
      cancelled = reason;
    },
  });
  const reader = give(source).getReader();
  await reader.read();
  await reader.cancel(new TypeError("bored"));
  assert.instance(cancelled, TypeError);
});

test("what is written arrives in order; a slow sink slows the writer down; closing waits for it", async () => {
  const { give } = connected();
  const got: number[] = [];
  const gate = Promise.withResolvers<void>();
  let closed = false;
  const writer = give(
    new WritableStream<number>({
      async write(chunk) {
        await gate.promise;
        got.push(chunk);
      },
      close() {
        closed = true;
      },
    }),
  ).getWriter();
  let written = 0;
  const writing = (async () => {
    for (let n = 0; n < 200; n++) {
      await writer.write(n);
      written++;
    }
    await writer.close();
  })();
  for (let i = 0; i < 50; i++) await turn();
  assert.ok(written >= 30 && written <= 34, `${written} written while none was taken`);
  gate.resolve();
  await writing;
  assert.is(got.length, 200);
  assert.equal(
    got,
    [...got].sort((a, b) => a - b),
  );
  assert.ok(closed);
});

test("a sink that fails breaks its writer with its error; aborting reaches the sink with the reason", async () => {
  const { give } = connected();
  const failing = give(
    new WritableStream({
      write() {
        throw new RangeError("full");
      },
    }),
  ).getWriter();
  await failing.write(1);
  await failing.closed.then(assert.unreachable, (error) => assert.instance(error, RangeError));
  let reason: unknown;
  const aborted = give(
    new WritableStream({
      abort(why) {
        reason = why;
      },
    }),
  );
  await aborted.abort(new TypeError("stop"));
  assert.instance(reason, TypeError);
});

test("a chunk that cannot travel breaks its stream at both ends, and says where it is", async () => {
  const { give } = connected();
  const log: string[] = [];
  const stream = give(
    (async function* () {
      try {
        yield { good: 1 };
        yield { deep: [() => 1] };
      } finally {
        log.push("finally");
      }
    })(),
  );
  await stream.next();
  await stream.next().then(assert.unreachable, (error) => {
    assert.is(error.code, "VALUE_REFUSED");
    assert.match(error.message, /"chunk\.deep\[0\]"/);
  });
  await turn();
  assert.equal(log, ["finally"]);
});

test("streams travel within chunks and arguments, and a transform as its two ends", async () => {
  const { give } = connected();
  const nested = give(
    (async function* () {
      yield counting(3);
      yield counting(2);
    })(),
  );
  const all: number[] = [];
  for await (const one of nested) for await (const n of one) all.push(n);
  assert.equal(all, [0, 1, 2, 0, 1]);
  const sum = give(
    remote(async (numbers: AsyncIterable<number>) => {
      let total = 0;
      for await (const n of numbers) total += n;
      return total;
    }),
  );
  assert.is(await sum(counting(5)), 10);
  const { readable, writable } = give(
    new TransformStream<number, number>({ transform: (n, controller) => controller.enqueue(n * 2) }),
  );
  const writer = writable.getWriter();
  void writer.write(21).then(() => writer.close());
  assert.equal(await Array.fromAsync(readable as unknown as AsyncIterable<number>), [42]);
});

test("when a session closes everybody who waits gets the error, and nothing is kept", async () => {
  const { left, right, give } = connected();
  const never = give(remote(() => new Promise(() => undefined)));
  const stuck = give(
    (async function* () {
      await new Promise(() => undefined);
      yield 1;
    })(),
  );
  const { readable, writable } = give(new TransformStream());
  const signal = give(new AbortController().signal);
  const waiting = [never(), stuck.next(), readable.getReader().read(), writable.getWriter().closed];
  await turn();
  const lost = new BonfireError("EXECUTOR_LOST", "gone");
  left.close(lost);
  right.close(lost);
  for (const outcome of await Promise.allSettled(waiting)) {
    assert.is(outcome.status, "rejected");
    assert.ok(hasCode((outcome as PromiseRejectedResult).reason, "EXECUTOR_LOST"));
  }
  assert.ok(hasCode(signal.reason, "EXECUTOR_LOST"));
  assert.equal(
    [left.inspect(), right.inspect()],
    [
      { owned: 0, used: 0 },
      { owned: 0, used: 0 },
    ],
  );
  await never().then(assert.unreachable, (error) => assert.is(error.code, "EXECUTOR_LOST"));
});

test("streams that have ended are forgotten, and an answered session then says that it is idle", async () => {
  const { left, right, give, idle } = connected();
  const streams = Array.from({ length: 20 }, () => give(counting(3)));
  assert.ok(left.answered());
  for (const one of streams.slice(0, 10)) await Array.fromAsync(one);
  for (const one of streams.slice(10, 19)) await one.return(undefined);
  await turn();
  assert.is(idle(), 0);
  assert.equal([left.inspect().owned, right.inspect().used], [1, 1]);
  await streams[19]!.return(undefined);
  await turn();
  assert.is(idle(), 1);
  assert.equal([left.inspect().owned, right.inspect().used], [0, 0]);
});

test("a sender that ignores its credit, and packets that cannot be read, break the session, not the process", async () => {
  const { right, give, broken } = connected();
  const stream = give(counting(3));
  right.receive(packet(PacketKind.data, 1, encode([0, 1])));
  assert.ok(hasCode(broken[0], "PROTOCOL"));
  await stream.next().then(assert.unreachable, (error) => assert.is(error.code, "PROTOCOL"));
  for (const bytes of [
    new Uint8Array(2),
    packet(PacketKind.data, 0, new Uint8Array([0xff])),
    packet(9, 77, new Uint8Array(3)),
  ]) {
    const { right, broken } = connected();
    right.receive(bytes);
    assert.ok(bytes.length === 8 ? broken.length === 0 : broken.length === 1);
  }
});

test("a locked stream is refused", () => {
  const { give } = connected();
  const stream = new ReadableStream();
  stream.getReader();
  assert.throws(() => give({ stream }), /"value\.stream" as it is a ReadableStream that is locked/);
  assert.throws(() => give(new AbortController()), /pass its signal/);
});

test("a handle whose session has ended says so", async () => {
  const { right, give } = connected();
  const fn = give(remote(() => 1));
  right.close(handleEnded());
  await fn().then(assert.unreachable, (error) => assert.is(error.code, "HANDLE_ENDED"));
});

test.run();

/** What the public signatures infer, checked by the compiler alone: this file is never run. */
import {
  type BonfireError,
  type CallOptions,
  connect,
  type Duration,
  type Fire,
  type LogLine,
  type MapProgress,
  type Pool,
  remote,
} from "@bonfire/runtime";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if the value's type is exactly `Expected`: `expectType<number>()(value)`. */
declare function expectType<Expected>(): <Actual>(
  value: Actual,
  ...same: Equal<Actual, Expected> extends true ? [] : [expected: Expected]
) => void;

declare const pool: Pool;
declare const chance: boolean;
declare const count: number;

export async function connecting(): Promise<void> {
  await using fire = await connect({ servers: ["nats://localhost:4222"] });
  expectType<Fire>()(fire);
  await using opened = await fire.pool("types", { idleAfter: "30s", grants: { programs: ["ffmpeg"] } });
  expectType<Pool>()(opened);
  // @ts-expect-error a misspelt option
  await fire.pool("types", { idelAfter: "30s" });
  // @ts-expect-error there is no such grant
  await fire.pool("types", { grants: { program: ["ffmpeg"] } });
}

export function calls(): void {
  expectType<Promise<number>>()(pool.call(() => 1));
  expectType<Promise<number>>()(pool.call(async () => 1));
  expectType<Promise<void>>()(pool.call(() => {}));
  expectType<Promise<void>>()(pool.call(async () => {}));
  expectType<Promise<never>>()(
    pool.call(() => {
      throw new Error("no");
    }),
  );
  expectType<Promise<string | number>>()(pool.call(() => (chance ? count : String(count))));
  expectType<Promise<string | number>>()(pool.call(() => (chance ? count : Promise.resolve("s"))));
  // Of several literals the compiler keeps each, as it does for a promise's then.
  expectType<Promise<string | 1>>()(pool.call(() => (chance ? 1 : Promise.resolve("s"))));
  pool.call(() => (chance ? 1 : Promise.resolve("s"))) satisfies Promise<string | number>;
  expectType<Promise<string | undefined>>()(
    pool.call(() => {
      if (chance) return Promise.resolve("s");
      return undefined;
    }),
  );
  expectType<Promise<Uint8Array<ArrayBuffer>[]>>()(pool.call(async () => [new Uint8Array(1)]));
  expectType<Promise<{ a: number }>>()(pool.call(() => Promise.resolve(Promise.resolve({ a: 1 }))));
  expectType<Promise<number>>()(pool.call(() => 1, { deadline: "5m", signal: AbortSignal.timeout(1) }));
  // @ts-expect-error a misspelt option
  pool.call(() => 1, { dedline: "5m" });
  // @ts-expect-error nothing gives a closure arguments but map and named captures
  pool.call((value: number) => value);
  // @ts-expect-error the value is no string
  pool.call(() => 1) satisfies Promise<string>;
}

export function namedCaptures(): void {
  expectType<Promise<number>>()(pool.call({ a: 1, b: "s" }, ({ a, b }) => a + b.length));
  expectType<Promise<number>>()(pool.call({ a: 1 }, async ({ a }) => a, { deadline: 250 }));
  expectType<Promise<string | number>>()(pool.call({ a: 1 }, ({ a }) => (a > 0 ? a : Promise.resolve("s"))));
  pool.call({ a: 1 }, (captures) => expectType<{ a: number }>()(captures));
  // @ts-expect-error that was not captured
  pool.call({ a: 1 }, ({ b }) => b);
}

export function casts(): void {
  expectType<void>()(pool.cast(() => 1));
  expectType<void>()(pool.cast(async () => {}));
  expectType<void>()(pool.cast(() => (chance ? 1 : Promise.resolve("s"))));
  expectType<void>()(pool.cast({ a: 1 }, ({ a }) => (a > 0 ? a : Promise.resolve("s"))));
}

type Results<R> = AsyncGenerator<R, void, void>;

export function maps(numbers: AsyncIterable<number>): void {
  expectType<Results<number>>()(pool.map([1, 2], (item) => item));
  expectType<Results<string>>()(pool.map(new Set([1]), async (item, index) => `${item + index}`));
  expectType<Results<number>>()(pool.map(numbers, (item) => item));
  expectType<Results<string>>()(pool.map("abc", (letter) => letter));
  expectType<Results<string | number>>()(
    pool.map([1, 2], (item) => (item > 1 ? item : Promise.resolve("s"))),
  );
  pool.map(new Map([["a", 1]]), ([key, value], index) => {
    expectType<string>()(key);
    expectType<number>()(value);
    expectType<number>()(index);
  });
  pool.map([1], (item) => item, {
    concurrency: 2,
    order: "completion",
    onError: "skip",
    deadline: "30s",
    onProgress: (progress) => {
      expectType<MapProgress>()(progress);
      expectType<number | undefined>()(progress.total);
    },
  });
  // @ts-expect-error orders are "input" and "completion"
  pool.map([1], (item) => item, { order: "random" });
  // @ts-expect-error a number cannot be iterated
  pool.map(1, (item) => item);
}

export function streams(): void {
  expectType<Results<number>>()(
    pool.stream(async function* () {
      yield 1 as number;
    }),
  );
  expectType<Results<string>>()(
    pool.stream(
      function* () {
        yield Promise.resolve("s");
      },
      { deadline: "1s" },
    ),
  );
  expectType<Results<number>>()(pool.stream({ list: [1] }, ({ list }) => list));
  expectType<Results<Uint8Array>>()(pool.stream(async () => ({}) as ReadableStream<Uint8Array>));
  // @ts-expect-error a number cannot be iterated
  pool.stream(() => 1);
}

export function remotes(): void {
  const test = remote((a: number, b?: string) => a > 1 || !!b);
  expectType<Promise<boolean>>()(test(1, "b"));
  expectType<Promise<number>>()(remote(async (text: string) => text.length)("text"));
  // @ts-expect-error it takes what the original takes
  test("1");
  expectType<Promise<AsyncGenerator<number>>>()(
    pool.call(async function* (): AsyncGenerator<number> {
      yield 1;
    }),
  );
}

export function events(): void {
  pool.on("log", (line) => expectType<LogLine>()(line));
  pool.on("error", (error) => expectType<unknown>()(error));
  pool.on("bootFailed", (error) => expectType<BonfireError>()(error));
  pool.on("fleet", ({ ready, booting }) => {
    expectType<number>()(ready);
    expectType<number>()(booting);
  });
}

export function durations(): void {
  const each: Duration[] = [250, "250ms", "1.5s", "5m", "2h"];
  // @ts-expect-error a unit is needed
  each.push("30");
  // @ts-expect-error days are no unit
  each.push("1d");
  const options: CallOptions = {};
  // @ts-expect-error leave an option out rather than setting it to undefined
  options.deadline = undefined;
}

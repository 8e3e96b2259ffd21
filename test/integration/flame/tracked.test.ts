/** F15: what a call gives back may hold things alive on its executor, and keeps the call's one slot until all are let go. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { connect, held, type PoolOptions, remote } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { shrunk } from "../../harness/executors.ts";
import { errorOf, until } from "../../harness/outcome.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
const fire = await connect();
let pools = 0;
const open = (realm: "isolate" | "process", options: PoolOptions = {}) =>
  fire.pool(`tracked-${++pools}`, { logs: "ignore", max: 1, realm, ...options });
test.after(() => fire.close());

for (const realm of ["isolate", "process"] as const) {
  test(`F15: handles in objects, arrays and Maps hold one slot, until all of them have ended (${realm})`, async () => {
    await using pool = await open(realm, { max: 2, concurrency: 2, idleAfter: "200ms" });
    const value = await pool.call({}, () => {
      async function* count() {
        for (let n = 0; ; n++) yield n;
      }
      return {
        deep: [{ numbers: count() }],
        map: new Map([["stream", new ReadableStream({ pull: (controller) => controller.enqueue("x") })]]),
        sink: new WritableStream(),
      };
    });
    assert.is(pool.inspect().running, 1);
    const holder = pool.inspect().cells[0]?.executor;
    const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
    const wait = remote(() => gate);
    const beside = pool.call({ wait }, ({ wait }) => wait());
    assert.is(pool.inspect().waiting, 0, "the other slot is free");
    // With both slots taken another executor boots, which idles out.
    const idled = shrunk(pool);
    await pool.call({}, () => 1);
    letGo();
    await beside;
    const { reason, executor } = await idled;
    assert.is(reason, "idle");
    assert.is.not(executor, holder, "the one that holds the value does not");
    assert.equal(await value.deep[0]?.numbers.next(), { done: false, value: 0 });
    await value.deep[0]?.numbers.return(undefined);
    await value.map.get("stream")?.cancel();
    assert.is(pool.inspect().running, 1, "the sink still holds it");
    await value.sink.close();
    await until(() => pool.inspect().running === 0);
    assert.is(pool.inspect().live, 0);
  });

  test(`F15: disposing the held value ends everything in it, and frees the slot (${realm})`, async () => {
    await using pool = await open(realm);
    const numbers = await (async () => {
      await using value = held(
        await pool.call({}, () => {
          async function* count() {
            for (let n = 0; ; n++) yield n;
          }
          return { a: count(), b: [count()] };
        }),
      );
      assert.equal(await value.a.next(), { done: false, value: 0 });
      assert.is(pool.inspect().running, 1);
      return value.b[0] as AsyncGenerator<number>;
    })();
    assert.is(pool.inspect().running, 0);
    assert.is((await errorOf(numbers.next())).code, "HANDLE_ENDED");
    assert.is(await pool.call({}, () => 2), 2);
  });

  test(`F15: what the caller can no longer reach is let go (${realm})`, async () => {
    await using pool = await open(realm);
    const one = async () => {
      const value = await pool.call({}, () => {
        async function* count() {
          for (let n = 0; ; n++) yield n;
        }
        return { numbers: count(), stream: new ReadableStream(), sink: new WritableStream() };
      });
      await value.numbers.next();
    };
    await one();
    assert.is(pool.inspect().running, 1);
    await until(() => {
      gc();
      return pool.inspect().running === 0;
    });
    assert.is(await pool.call({}, () => 2), 2);
  });
}

test("F15: a value with nothing alive in it can be held, too; what is no object cannot", async () => {
  await using pool = await open("isolate");
  await using value = held(await pool.call({}, () => ({ n: 1 })));
  assert.equal({ ...value }, { n: 1 });
  assert.throws(() => held(5 as never), /held takes the object/);
});

test.run();

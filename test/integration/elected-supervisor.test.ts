import { BonfireError, type Fire, MemoryStore } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../harness/drivers.ts";

const server = await PrivateServer.start();
const quiet = { max: 1, concurrency: 2, logs: "ignore" } as const;
const supervisors = (...fires: Fire[]) =>
  fires.flatMap((fire) => fire.inspect().actors).filter(({ type }) => type === "Supervisor").length;

/** Counts the most supervisors that there ever were at a time, until it is asked. */
function watchMost(...fires: Fire[]): () => number {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, supervisors(...fires));
  }, 1);
  return () => {
    clearInterval(timer);
    return most;
  };
}

/** A store that stops answering its leaders. */
class CutStore extends MemoryStore {
  cut = false;
  protected override doRenew(key: string, token: bigint, ttl: number): Promise<boolean> {
    if (this.cut) return Promise.reject(new BonfireError("STORE_UNAVAILABLE", "the store is out of reach"));
    return super.doRenew(key, token, ttl);
  }
}

test.after.each(closeDrivers);
test.after(() => server.close());

test("with a store, drivers that open a pool at the same moment never both supervise it", async () => {
  const store = new MemoryStore();
  const fires = [await driverOf(server), await driverOf(server), await driverOf(server)] as const;
  const most = watchMost(...fires);
  const pools = await Promise.all(fires.map((fire) => fire.pool("elected", { ...quiet, store })));
  const sums = await Promise.all(pools.map((pool, n) => pool.call({ n }, ({ n }) => n + 1)));
  assert.equal(sums, [1, 2, 3]);
  assert.is(most(), 1);
});

test("when the elected driver closes, another one is elected and goes on with the policy that held last", async () => {
  const store = new MemoryStore();
  const [a, b] = [await driverOf(server), await driverOf(server)];
  const first = await a.pool("heir", { ...quiet, store });
  const second = await b.pool("heir", { ...quiet, store });
  await first.scale({ max: 3 });
  const most = watchMost(a, b);
  await a.close();
  assert.is(await second.call(() => 2), 2);
  assert.is(second.inspect().policy.max, 3);
  assert.is(supervisors(b), 1);
  assert.is(most(), 1);
});

test("a supervisor that cannot renew its lease stops, and the pool gets another", async () => {
  const store = new CutStore();
  const [a, b] = [await driverOf(server), await driverOf(server)];
  const most = watchMost(a, b);
  await a.pool("cut", { ...quiet, store });
  const second = await b.pool("cut", { ...quiet, store });
  const before = (await store.holder("pool/cut"))?.token;
  store.cut = true;
  await store.whenFree("pool/cut");
  store.cut = false;
  assert.is(await second.call(() => 3), 3);
  assert.ok(((await store.holder("pool/cut"))?.token ?? 0n) > (before as bigint));
  assert.is(most(), 1);
});

test.run();

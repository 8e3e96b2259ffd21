import { BonfireError, connect, type Fire, type Grant, type Holder, MemoryStore } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeDrivers, driverOf } from "../harness/drivers.ts";
import { NatsServer } from "../harness/nats.ts";
import { codeOf, until } from "../harness/outcome.ts";
import { Relay } from "../harness/relay.ts";

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

/** A store that can be out of reach; whoever has `directly` reaches it all the same. */
class CutStore extends MemoryStore {
  cut = false;
  /** Called when a lease has been granted, before its holder knows. */
  granted: () => void | Promise<void> = () => undefined;
  /** How often somebody asked who holds a lease. */
  lookedUp = 0;

  #reach(): void {
    if (this.cut) throw new BonfireError("STORE_UNAVAILABLE", "the store is out of reach");
  }
  protected override async doRenew(key: string, token: bigint, ttl: number): Promise<boolean> {
    this.#reach();
    return super.doRenew(key, token, ttl);
  }
  protected override async doAcquire(key: string, holder: string, ttl: number): Promise<Grant | undefined> {
    this.#reach();
    const grant = await super.doAcquire(key, holder, ttl);
    if (grant) await this.granted();
    return grant;
  }
  protected override async doRelease(key: string, token: bigint): Promise<boolean> {
    this.#reach();
    return super.doRelease(key, token);
  }
  protected override doHolder(key: string): Promise<Holder | undefined> {
    this.lookedUp++;
    return super.doHolder(key);
  }
  directly(key: string, holder: string, ttl: number): Promise<Grant | undefined> {
    return super.doAcquire(key, holder, ttl);
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

test("an outage of the store that is longer than the lease ends no executor, and the same driver leads again", async () => {
  const store = new CutStore();
  const [a, b] = [await driverOf(server), await driverOf(server)];
  const most = watchMost(a, b);
  const first = await a.pool("outage", { ...quiet, min: 1, store });
  const second = await b.pool("outage", { ...quiet, min: 1, store });
  const before = (await store.holder("pool/outage"))?.token as bigint;
  const executors = async () => (await first.executors()).map(({ id }) => id);
  const then = await executors();
  store.cut = true;
  await store.whenFree("pool/outage");
  assert.is(await second.call(() => 3), 3);
  store.cut = false;
  await until(async () => ((await store.holder("pool/outage"))?.token ?? 0n) > before);
  assert.is((await store.holder("pool/outage"))?.holder, a.id);
  assert.equal(await executors(), then);
  assert.is(most(), 1);
});

test("a supervisor that finds after an outage of the store that another leads stops, and the pool gets another", async () => {
  const store = new CutStore();
  const a = await driverOf(server);
  const pool = await a.pool("deposed", { ...quiet, store });
  assert.is(await pool.call(() => 1), 1);
  const then = (await pool.executors()).map(({ id }) => id);
  store.cut = true;
  await store.whenFree("pool/deposed");
  const grant = await store.directly("pool/deposed", "d-another", 60_000);
  store.cut = false;
  await until(() => supervisors(a) === 0);
  await store.release("pool/deposed", (grant as Grant).token);
  assert.is(await pool.call(() => 4), 4);
  assert.not((await pool.executors()).some(({ id }) => then.includes(id)));
});

/** A driver whose link to NATS a test can break, alone. */
async function behindRelay() {
  await using made = new AsyncDisposableStack();
  const nats = made.use(await NatsServer.start());
  const relay = made.use(await Relay.before(nats.port));
  const fire = made.use(await connect({ servers: `nats://127.0.0.1:${relay.port}` }));
  const stack = made.move();
  return { relay, fire, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("a driver whose link breaks while it begins to supervise leaves neither a supervisor nor a lease behind", async () => {
  await using driver = await behindRelay();
  const { relay, fire } = driver;
  const store = new CutStore();
  store.granted = () => {
    relay.refuse();
    return until(() => !fire.inspect().nats.up);
  };
  assert.is(await codeOf(fire.pool("begun", { ...quiet, store })), "LINK_DOWN");
  assert.is(supervisors(fire), 0);
  assert.is(await store.holder("pool/begun"), undefined);
  store.granted = () => undefined;
  relay.heal();
  await until(() => fire.inspect().nats.up);
  const pool = await fire.pool("begun", { ...quiet, store });
  assert.is(await pool.call(() => 5), 5);
});

test("a driver that is deposed while it begins to supervise does not, until it is elected again", async () => {
  await using driver = await behindRelay();
  const { relay, fire } = driver;
  const store = new CutStore();
  // What it waits for before it supervises is late.
  store.granted = () => relay.stall();
  const opening = fire.pool("late", { ...quiet, store });
  await until(() => supervisors(fire) === 1);
  const { token } = (await store.holder("pool/late")) as Holder;
  await store.release("pool/late", token);
  const grant = (await store.directly("pool/late", "d-another", 60_000)) as Grant;
  store.granted = () => undefined;
  const asked = store.lookedUp;
  await until(() => store.lookedUp > asked);
  relay.heal();
  await until(() => supervisors(fire) === 0);
  assert.is((await store.holder("pool/late"))?.holder, "d-another");
  await store.release("pool/late", grant.token);
  const pool = await opening;
  assert.is(await pool.call(() => 6), 6);
  assert.is((await store.holder("pool/late"))?.holder, fire.id);
});

test("a pool is closed while its store is out of reach, with a warning, and can be opened again", async () => {
  const store = new CutStore();
  const a = await driverOf(server);
  const pool = await a.pool("unheard", { ...quiet, store });
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  store.cut = true;
  await pool.close();
  assert.is(((await warned) as BonfireError).code, "STORE_UNAVAILABLE");
  assert.is(supervisors(a), 0);
  store.cut = false;
  const again = await a.pool("unheard", { ...quiet, store });
  assert.is(await again.call(() => 7), 7);
});

test("a driver that steps down while the store is out of reach supervises again when it is back", async () => {
  const store = new CutStore();
  const a = await driverOf(server);
  const pool = await a.pool("stepped", { ...quiet, store });
  assert.is(await pool.call(() => 1), 1);
  store.cut = true;
  // As another driver tells it that it was silent for too long.
  (a as Fire & { fenced(detail: string): void }).fenced("by a test");
  await until(() => supervisors(a) === 0);
  store.cut = false;
  assert.is(await pool.call(() => 8), 8);
});

test.run();

/** What goes wrong while a pool gets its supervisor, or the supervisor gives slots, leaves nobody without any. */
import { BonfireError, connect, type Grant, MemoryStore } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";
import { Relay } from "../harness/relay.ts";

const server = await NatsServer.start();
test.after(() => server[Symbol.asyncDispose]());
const SMALL = { max: 1, concurrency: 1, logs: "ignore" } as const;

test("a slot whose grant is lost, as a link drops it, is granted again", async () => {
  await using relay = await Relay.before(server.port);
  await using a = await connect({ servers: server.url });
  await using b = await connect({ servers: `nats://127.0.0.1:${relay.port}` });
  const ours = await a.pool("lost-grant", SMALL);
  const theirs = await b.pool("lost-grant", SMALL);
  const gate = new AbortController();
  const blocking = ours
    .call({}, () => new Promise(() => {}), { signal: gate.signal })
    .catch((error: Error) => error.name);
  await until(() => ours.inspect().running === 1);
  const waiting = theirs.call(() => "served", { deadline: "15s" });
  const other = () => ours.inspect().supervisor?.drivers.find(({ id }) => id === b.id);
  await until(() => other()?.demand.length === 1);
  relay.silence();
  gate.abort();
  assert.is(await blocking, "AbortError");
  await until(() => other()?.underway === 1);
  relay.heal();
  assert.is(await waiting, "served");
});

/** Does something when a lease has been taken, and can be out of reach. */
class Scripted extends MemoryStore {
  afterAcquire: () => void = () => undefined;
  cut = false;

  protected override async doAcquire(key: string, holder: string, ttl: number): Promise<Grant | undefined> {
    const grant = await super.doAcquire(key, holder, ttl);
    this.afterAcquire();
    return grant;
  }
  protected override async doRelease(key: string, token: bigint): Promise<boolean> {
    if (this.cut) throw new BonfireError("STORE_UNAVAILABLE", "the store is out of reach");
    return super.doRelease(key, token);
  }
}

test("a driver whose link breaks while it becomes the supervisor leads nothing, and can try again", async () => {
  await using relay = await Relay.before(server.port);
  await using fire = await connect({ servers: `nats://127.0.0.1:${relay.port}` });
  const store = new Scripted();
  store.afterAcquire = () => relay.refuse();
  const code = await fire
    .pool("broken-link", { ...SMALL, store })
    .catch((error: { code: string }) => error.code);
  assert.is(code, "LINK_DOWN");
  assert.is(await store.holder("pool/broken-link"), undefined);
  assert.equal(
    fire.inspect().actors.filter(({ type }) => type === "Supervisor"),
    [],
  );
  store.afterAcquire = () => undefined;
  relay.heal();
  await until(() => fire.inspect().nats.up);
  const pool = await fire.pool("broken-link", { ...SMALL, store });
  assert.is(await pool.call(() => 1), 1);
});

test("a supervisor that cannot give its lease back stops all the same", async () => {
  await using fire = await connect({ servers: server.url });
  const store = new Scripted();
  const pool = await fire.pool("cut-store", { ...SMALL, store });
  assert.is(await pool.call(() => 1), 1);
  store.cut = true;
  await pool.close();
  assert.equal(
    fire.inspect().actors.filter(({ type }) => type === "Supervisor"),
    [],
  );
});

test.run();

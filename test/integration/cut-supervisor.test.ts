/** A driver that supervises a pool is cut off from NATS by a network: another takes over, and the two never both act. */
import { localBackend } from "@bonfire/backend-local";
import { type Backend, connect, type Fire, type Pool } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";
import { Relay } from "../harness/relay.ts";

const server = await NatsServer.start({ jetstream: true });
test.after(() => server[Symbol.asyncDispose]());

/** Machines that reach NATS whatever becomes of the driver's link, and an account of what was done about them. */
class Machines implements Backend {
  readonly name = "machines";
  readonly launches: number[] = [];
  readonly #inner = localBackend();

  launch(request: Parameters<Backend["launch"]>[0], signal: AbortSignal) {
    this.launches.push(performance.now());
    const nats = { ...request.bootstrap.nats, servers: [server.url] };
    return this.#inner.launch({ ...request, bootstrap: { ...request.bootstrap, nats } }, signal);
  }

  list(filter: Parameters<Backend["list"]>[0]) {
    return this.#inner.list(filter);
  }

  terminate(launchId: string, options: Parameters<Backend["terminate"]>[1]) {
    return this.#inner.terminate(launchId, options);
  }

  watch(onEnd: (launchId: string, detail: string) => void) {
    return this.#inner.watch?.(onEnd) ?? (() => undefined);
  }

  [Symbol.asyncDispose]() {
    return this.#inner[Symbol.asyncDispose]();
  }
}

const supervises = (fire: Fire) => fire.inspect().actors.some(({ type }) => type === "Supervisor");

/** Calls one after another; resolves with how often what came of it when it is told that that is enough. */
async function calls(pool: Pool, enough: AbortSignal): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  while (!enough.aborted) {
    const outcome = await pool
      .call({}, () => new Promise((resolve) => setTimeout(resolve, 20, "served")))
      .catch((error: { code?: string }) => String(error.code));
    outcomes.set(String(outcome), (outcomes.get(String(outcome)) ?? 0) + 1);
  }
  return outcomes;
}

for (const how of ["silence", "refuse"] as const) {
  test(`a supervisor whose driver a network cuts off (${how}) is followed by another, and only one of them acts at a time`, async () => {
    await using relay = await Relay.before(server.port);
    await using first = new Machines();
    await using second = new Machines();
    await using a = await connect({ servers: `nats://127.0.0.1:${relay.port}` });
    await using b = await connect({ servers: server.url });
    const name = `cut-${how}`;
    const open = async (fire: Fire, backend: Backend) =>
      fire.pool(name, {
        min: 1,
        max: 2,
        logs: "ignore",
        store: await fire.store(),
        backend,
        shutdownTimeout: "2s",
      });
    const ours = await open(a, first);
    const theirs = await open(b, second);
    assert.equal([supervises(a), supervises(b)], [true, false]);
    const enough = new AbortController();
    using _ = { [Symbol.dispose]: () => enough.abort() };
    const outcomes = calls(theirs, enough.signal);
    assert.is(await ours.call({}, () => 1), 1);
    const start = performance.now();

    relay[how]();
    // It wants more now, and its executors end, as they take it for gone.
    const waiting = Promise.all(
      [1, 2, 3].map((n) => ours.call({ n }, ({ n }) => n, { deadline: "60s" }).catch(String)),
    );
    await until(() => !a.inspect().nats.up);
    const before = first.launches.length;
    await until(() => supervises(b));
    const tookOver = performance.now() - start;
    await until(() => second.launches.length > 0);
    assert.is(await theirs.call({}, () => "served by the second"), "served by the second");

    assert.is(first.launches.length, before, "a supervisor that is cut off launches nothing");

    relay.heal();
    assert.is(await ours.call({}, () => 2, { deadline: "60s" }), 2);
    await until(() => !supervises(a));
    enough.abort();
    const ended = Object.fromEntries(await outcomes);
    console.log(`  another supervised after ${Math.round(tookOver)} ms; calls of the other driver:`, ended);
    assert.equal(Object.keys(ended), ["served"], "the calls of the other driver went on");
    // What ran on an executor of the first when that ended is lost; what waited is served by the second.
    const [ran, ...waited] = await waiting;
    assert.ok(ran === 1 || String(ran).startsWith("BonfireError"), String(ran));
    assert.equal(waited, [2, 3]);
    assert.is(supervises(b), true);
    assert.ok(
      first.launches.every((at) => at < (second.launches[0] as number)),
      "the first launched nothing once the second did",
    );
    await until(async () => (await first.list({ owner: a.id, pool: name })).length === 0);
    assert.ok((await ours.executors()).length <= 2);
  });
}

test.run();

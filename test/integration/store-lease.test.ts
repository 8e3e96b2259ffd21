import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Lease, MemoryStore, type Store } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SlowLink } from "../harness/slow-link.ts";
import { KINDS, REMOTE, StoreServer } from "../harness/stores.ts";

const TTL_MS = 600;

async function aborted(lease: Lease): Promise<Error & { code: string }> {
  // A lease keeps no process alive, so this does.
  const deadline = setTimeout(() => {}, 10_000);
  if (!lease.signal.aborted) await once(lease.signal, "abort");
  clearTimeout(deadline);
  return lease.signal.reason;
}

async function keep(store: Store, key: string): Promise<Lease> {
  const lease = await Lease.acquire(store, key, "me", TTL_MS);
  assert.ok(lease);
  return lease;
}

/** Blocks this thread, as a long computation or a stopped process would. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

for (const kind of KINDS) {
  test(`${kind}: a lease is kept for many times its length, until it is released`, async () => {
    await using server = await StoreServer.start(kind);
    const store = await server.open();
    const lease = await keep(store, "kept");
    assert.is(await Lease.acquire(store, "kept", "you", TTL_MS), undefined);
    for (const start = performance.now(); performance.now() - start < 3 * TTL_MS; ) {
      await pause(TTL_MS / 10);
      assert.ok(lease.valid);
      assert.is((await store.holder("kept"))?.token, lease.token);
    }
    const released = lease.release();
    assert.not(lease.valid, "work stops before the store is told");
    await released;
    assert.is(await store.holder("kept"), undefined);
  });

  test(`${kind}: a holder whose thread was blocked past the end knows at once, and the next has it`, async () => {
    await using server = await StoreServer.start(kind);
    const store = await server.open();
    const lease = await keep(store, "blocked");
    block(TTL_MS * 1.5);
    assert.not(lease.valid);
    const { code, message } = await aborted(lease);
    assert.is(code, "LEASE_LOST");
    assert.match(message, /not renewed in time/);
    await store.whenFree("blocked");
    const next = await keep(store, "blocked");
    assert.ok(next.token > lease.token);
    await next.release();
  });

  test(`${kind}: a lease that was given to another behind its back is lost at the next renewal`, async () => {
    await using server = await StoreServer.start(kind);
    const store = await server.open();
    const lease = await keep(store, "stolen");
    await store.release("stolen", lease.token);
    await store.acquire("stolen", "you", "1m");
    assert.match((await aborted(lease)).message, /taken by another/);
  });
}

test("a wall clock that was set on while the machine slept ends a lease", async () => {
  const lease = await keep(new MemoryStore(), "slept");
  const { now } = Date;
  Date.now = () => now() + TTL_MS;
  try {
    assert.not(lease.valid);
  } finally {
    Date.now = now;
  }
});

for (const kind of REMOTE) {
  const port = (server: StoreServer) => Number(new URL(server.url).port);
  const through = (kind: string, link: SlowLink) => `${kind}://127.0.0.1:${link.port}`;

  test(`${kind}: over a link that delays by a sixth of its length a lease is kept`, async () => {
    await using server = await StoreServer.start(kind);
    await using link = await SlowLink.before(port(server));
    const far = await server.open(through(kind, link));
    link.delay = TTL_MS / 12;
    const lease = await keep(far, "delayed");
    for (const start = performance.now(); performance.now() - start < 3 * TTL_MS; await pause(20)) {
      assert.ok(lease.valid);
    }
    await lease.release();
  });

  test(`${kind}: over a link that is slower than the lease is long nothing is acquired`, async () => {
    await using server = await StoreServer.start(kind);
    await using link = await SlowLink.before(port(server));
    const far = await server.open(through(kind, link));
    link.delay = 80;
    assert.is(await Lease.acquire(far, "slow", "me", 100), undefined);
  });

  test(`${kind}: a holder behind a link that stalls gives up before the next one gets the lease`, async () => {
    await using server = await StoreServer.start(kind);
    await using link = await SlowLink.before(port(server));
    const far = await server.open(through(kind, link));
    const near = await server.open();
    const lease = await keep(far, "stalled");
    let lostAt = 0;
    lease.signal.addEventListener("abort", () => (lostAt = performance.now()));
    link.delay = 60_000;
    await near.whenFree("stalled");
    const next = await keep(near, "stalled");
    const grantedAt = performance.now();
    assert.not(lease.valid);
    assert.ok(lostAt > 0 && lostAt < grantedAt, `lost at ${lostAt}, granted at ${grantedAt}`);
    assert.is(lease.signal.reason.code, "LEASE_LOST");
    await next.release();
  });

  test(`${kind}: a lease survives a restart of its store that is shorter than it is`, async () => {
    await using server = await StoreServer.start(kind);
    const store = await server.open();
    const lease = await Lease.acquire(store, "restart", "me", "6s");
    assert.ok(lease);
    await store.put("restart", Buffer.from("before"), lease.token);
    await server.server?.kill();
    await server.server?.restart();
    const left = (await eventually(() => store.holder("restart")))?.remaining ?? 0;
    // Renewed by itself since: it has more time than it had when the server was killed.
    while (((await eventually(() => store.holder("restart")))?.remaining ?? 0) <= left) await pause(20);
    assert.ok(lease.valid);
    assert.is(Buffer.from((await store.get("restart")) ?? []).toString(), "before");
    await lease.release();
    const next = await store.acquire("restart", "you", "1m");
    assert.ok(next && next.token > lease.token);
  });

  test(`${kind}: while its store is down everything is refused in time, and a lease ends with the reason`, async () => {
    await using server = await StoreServer.start(kind);
    const store = await server.open();
    const lease = await keep(store, "down");
    await server.server?.kill();
    const start = performance.now();
    const error = await store.get("down").then(
      () => undefined,
      (error: Error & { code: string }) => error,
    );
    assert.is(error?.code, "STORE_UNAVAILABLE");
    assert.ok(performance.now() - start < 3_000);
    const reason = await aborted(lease);
    assert.is(reason.code, "LEASE_LOST");
    assert.is((reason.cause as Error & { code: string }).code, "STORE_UNAVAILABLE");
  });
}

for (const kind of REMOTE) {
  test(`${kind} without its data: tokens grow all the same, an older one writes nothing, its holder loses the lease`, async () => {
    await using server = await StoreServer.start(kind);
    const store = await server.open();
    const lease = await Lease.acquire(store, "wiped", "me", "3s");
    assert.ok(lease);
    await store.put("wiped", Buffer.from("gone"), lease.token);
    await server.server?.kill();
    await server.server?.loseData();
    await server.server?.restart();
    assert.is(await eventually(() => store.get("wiped")), undefined);
    const early = await store.put("wiped", Buffer.from("late"), lease.token).catch((error) => error.code);
    assert.is(early, "STALE_TOKEN", "also before another has taken it");
    const next = await store.acquire("wiped", "you", "1m");
    assert.ok(next && next.token > lease.token);
    assert.match((await aborted(lease)).message, /taken by another/);
  });
}

/** Repeats what a store refuses while its connection is coming back. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if ((error as { code?: string }).code !== "STORE_UNAVAILABLE" || performance.now() > deadline)
        throw error;
      await pause(20);
    }
  }
}

test.run();

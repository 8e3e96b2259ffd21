import { setImmediate as turn } from "node:timers/promises";
import type { Store } from "@bonfire/runtime";
import { Bus, NatsStore } from "@bonfire/runtime/internal";
import { RedisStore } from "@bonfire/store-redis";
import { suite, test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../harness/nats.ts";
import { RedisServer } from "../harness/redis.ts";
import { KINDS, StoreServer } from "../harness/stores.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

async function refused(promise: Promise<unknown>, code: string): Promise<Error> {
  const error = await promise.then(
    () => assert.unreachable(`it was not refused with ${code}`) as never,
    (error: Error & { code: string }) => error,
  );
  assert.is(error.code, code, error.message);
  return error;
}

for (const kind of KINDS) {
  const verbs = suite<{ server: StoreServer; store: Store; other: Store }>(kind);
  verbs.before(async (context) => {
    context.server = await StoreServer.start(kind);
    context.store = await context.server.open();
    context.other = await context.server.open();
  });
  verbs.after(({ server }) => server[Symbol.asyncDispose]());

  verbs(
    "a lease is given to one, and to nobody else, not even under the same name, until it is released",
    async ({ store, other }) => {
      const grant = await store.acquire("one", "me", "1m");
      assert.ok(grant);
      assert.is(await other.acquire("one", "me", "1m"), undefined);
      assert.is(await other.release("one", grant.token - 1n), false);
      assert.is(await store.release("one", grant.token), true);
      assert.is(await store.release("one", grant.token), false);
      const next = await other.acquire("one", "you", "1m");
      assert.ok(next && next.token > grant.token);
    },
  );

  verbs(
    "everyone can read who holds a lease, with what token, and for how long",
    async ({ store, other }) => {
      assert.is(await other.holder("read"), undefined);
      const grant = await store.acquire("read", "my näme", "1m");
      const held = await other.holder("read");
      assert.ok(held);
      assert.is(held.holder, "my näme");
      assert.is(held.token, grant?.token);
      assert.ok(held.remaining > 50_000 && held.remaining <= 60_000, String(held.remaining));
    },
  );

  verbs(
    "a renewal lets a lease last from then on, and only its own token renews it",
    async ({ store, other }) => {
      const grant = await store.acquire("renew", "me", "5s");
      assert.ok(grant);
      assert.is(await store.renew("renew", grant.token, "1m"), true);
      assert.ok(((await other.holder("renew"))?.remaining ?? 0) > 50_000);
      assert.is(await other.renew("renew", grant.token - 1n, "1h"), false);
      await store.release("renew", grant.token);
      assert.is(await store.renew("renew", grant.token, "1m"), false);
    },
  );

  verbs(
    "a lease that is not renewed runs out, and its token is refused once another has it",
    async ({ store, other }) => {
      const before = performance.now();
      const grant = await store.acquire("runs out", "me", 100);
      assert.ok(grant);
      await other.whenFree("runs out");
      assert.ok(performance.now() - before >= 100);
      const next = await other.acquire("runs out", "you", "1m");
      assert.ok(next && next.token > grant.token);
      assert.is(await store.renew("runs out", grant.token, "1m"), false);
      assert.is(await store.release("runs out", grant.token), false);
      await refused(store.put("runs out", bytes(1), grant.token), "STALE_TOKEN");
      await refused(store.delete("runs out", grant.token), "STALE_TOKEN");
      assert.is((await store.holder("runs out"))?.holder, "you");
    },
  );

  verbs("one that has run out and that nobody took is renewed", async ({ store }) => {
    const grant = await store.acquire("late", "me", 20);
    assert.ok(grant);
    await store.whenFree("late");
    assert.is(await store.renew("late", grant.token, "1m"), true);
    assert.is((await store.holder("late"))?.token, grant.token);
  });

  verbs(
    "a value is written by the holder and read by all, and outlives the lease",
    async ({ store, other }) => {
      assert.is(await store.get("value"), undefined);
      const grant = await store.acquire("value", "me", "1m");
      assert.ok(grant);
      const written = bytes(0, 1, 255, 13, 10);
      await store.put("value", written, grant.token);
      written.fill(7);
      assert.equal(Array.from((await other.get("value")) ?? []), [0, 1, 255, 13, 10]);
      await store.put("value", bytes(), grant.token);
      assert.is((await other.get("value"))?.byteLength, 0);
      await store.put("value", bytes(2), grant.token);
      assert.is(await store.renew("value", grant.token, "2m"), true);
      await store.release("value", grant.token);
      assert.equal(Array.from((await other.get("value")) ?? []), [2]);
      await refused(store.put("value", bytes(3), grant.token), "STALE_TOKEN");
      const next = await other.acquire("value", "you", "1m");
      assert.ok(next && next.token > grant.token);
      await refused(store.put("value", bytes(4), grant.token), "STALE_TOKEN");
      assert.equal(Array.from((await store.get("value")) ?? []), [2]);
      await other.delete("value", next.token);
      await other.delete("value", next.token);
      assert.is(await store.get("value"), undefined);
      assert.is((await store.holder("value"))?.holder, "you");
    },
  );

  verbs("writing a value does not make the lease last longer", async ({ store, other }) => {
    const grant = await store.acquire("short", "me", 150);
    assert.ok(grant);
    const start = performance.now();
    let writes = 0;
    while ((await other.holder("short")) && performance.now() - start < 5_000) {
      await store.put("short", bytes(writes++), grant.token);
    }
    assert.is(await other.holder("short"), undefined);
    assert.ok(writes > 1, `${writes} writes`);
  });

  verbs(
    "the last of several writes at once is what stays, and nothing of the others",
    async ({ store, other }) => {
      const grant = await store.acquire("burst", "me", "1m");
      assert.ok(grant);
      await Promise.all(Array.from({ length: 20 }, (_, i) => store.put("burst", bytes(i), grant.token)));
      assert.equal(Array.from((await other.get("burst")) ?? []), [19]);
    },
  );

  verbs(
    "a value up to the limit is kept, and a larger one is refused at once with both sizes",
    async ({ store, other }) => {
      const grant = await store.acquire("large", "me", "1m");
      assert.ok(grant);
      const large = new Uint8Array(store.maxValueBytes).map((_, i) => i * 31);
      await store.put("large", large, grant.token);
      assert.ok(Buffer.from((await other.get("large")) ?? []).equals(Buffer.from(large)));
      assert.throws(
        () => store.put("large", new Uint8Array(store.maxValueBytes + 1), grant.token),
        (error: Error & { code: string }) =>
          error.code === "VALUE_TOO_LARGE" &&
          error.message.includes(`${store.maxValueBytes}`) &&
          error.message.includes(`${store.maxValueBytes + 1}`),
      );
    },
  );

  verbs(
    "members of a group stay while they join again, and are gone when they leave or do not",
    async ({ store, other }) => {
      assert.equal(await store.members("group"), []);
      await store.join("group", "b.stays", "1m");
      await store.join("group", "a leaves", "1m");
      await store.join("group", "c.again", 30);
      await store.join("group", "c.again", "1m");
      await store.join("group", "d.lapses", 100);
      await store.join("another group", "e", "1m");
      assert.equal(await other.members("group"), ["a leaves", "b.stays", "c.again", "d.lapses"]);
      await other.leave("group", "a leaves");
      await other.leave("group", "was never there");
      while ((await other.members("group")).includes("d.lapses"));
      assert.equal(await other.members("group"), ["b.stays", "c.again"]);
    },
  );

  verbs("names of any characters are kept apart", async ({ store }) => {
    const names = [
      "a.b",
      "a b",
      "a=20b",
      "a*",
      "a>",
      "A.B",
      "{a}",
      "a}",
      "ä",
      "日本",
      "/",
      "$JS",
      "a:b",
      "\0",
      "\n",
    ];
    const grants = await Promise.all(names.map((name) => store.acquire(name, name, "1m")));
    assert.ok(grants.every((grant) => grant !== undefined));
    for (const name of names) assert.is((await store.holder(name))?.holder, name);
    await Promise.all(names.map((name) => store.join("odd", name, "1m")));
    assert.equal(await store.members("odd"), names.toSorted());
  });

  verbs("bad input is refused at the call", async ({ store }) => {
    const bad = [
      () => store.acquire("", "me", "1s"),
      () => store.acquire("x".repeat(513), "me", "1s"),
      () => store.acquire("\ud800", "me", "1s"),
      () => store.acquire(undefined as never, "me", "1s"),
      () => store.acquire("key", "", "1s"),
      () => store.acquire("key", "me", 9),
      () => store.acquire("key", "me", "1 week" as never),
      () => store.join("", "me", "1s"),
      () => store.members(""),
    ];
    for (const call of bad) {
      assert.throws(call, (error: Error & { code: string }) => error.code === "INVALID_OPTION", String(call));
    }
  });

  verbs("a wait for a lease to be free ends with its signal", async ({ store }) => {
    await store.acquire("waited for", "me", "1m");
    const stop = new AbortController();
    const waiting = store.whenFree("waited for", stop.signal);
    stop.abort(new Error("no longer"));
    const error = await waiting.then(
      () => undefined,
      (error: Error) => error,
    );
    assert.is(error?.message, "no longer");
  });

  verbs("a closed store refuses at once", async ({ server }) => {
    if (kind === "memory") return; // this one is shared by the tests
    const store = await server.open();
    await store.close();
    await store.close();
    assert.throws(
      () => store.get("key"),
      (error: Error & { code: string }) => error.code === "CLOSED",
    );
  });

  verbs.run();
}

test("a NATS server without JetStream is refused with the remedy", async () => {
  await using server = await NatsServer.start();
  await using bus = await Bus.connect({ servers: [server.url] }, "no-jetstream");
  const error = await refused(NatsStore.open(bus), "STORE_UNAVAILABLE");
  assert.match(error.message, /-js/);
});

test("options of the stores are checked", async () => {
  await refused(RedisStore.connect({ urls: "redis://h" } as never), "UNKNOWN_OPTION");
  const error = await refused(RedisStore.connect({ url: "http://me:secret@h" }), "INVALID_OPTION");
  assert.not.match(error.message, /secret/);
  await refused(NatsStore.open({} as Bus, { bucket: "a.b" }), "INVALID_OPTION");
});

test("whoever waits finds out within a second or so that a lease went without a word", async () => {
  await using server = await RedisServer.start();
  await using store = await RedisStore.connect({ url: server.url });
  await store.acquire("silent", "me", "1m");
  const free = store.whenFree("silent");
  const start = performance.now();
  assert.is(await server.command("DEL bonfire:lease:{silent}"), ":1\r\n");
  await free;
  assert.ok(performance.now() - start < 2_000);
});

test("a cluster of Redis servers takes every verb, whichever server a key is on", async () => {
  await using one = await RedisServer.start("--cluster-enabled", "yes");
  await using two = await RedisServer.start("--cluster-enabled", "yes");
  await one.command("CLUSTER ADDSLOTSRANGE 0 8191");
  await two.command("CLUSTER ADDSLOTSRANGE 8192 16383");
  await one.command(`CLUSTER MEET 127.0.0.1 ${two.port}`);
  for (const server of [one, two]) {
    while (!/cluster_state:ok/.test(await server.command("CLUSTER INFO"))) await turn();
  }
  await using store = await RedisStore.connect({ url: [one.url, two.url] });
  for (let i = 0; i < 20; i++) {
    const key = `key ${i}`;
    const grant = await store.acquire(key, "me", "1m");
    assert.ok(grant);
    await store.put(key, bytes(i), grant.token);
    assert.equal(Array.from((await store.get(key)) ?? []), [i]);
    await store.join(key, "me", "1m");
    assert.equal(await store.members(key), ["me"]);
    const free = store.whenFree(key);
    assert.is(await store.renew(key, grant.token, "2m"), true);
    await store.release(key, grant.token);
    await free;
  }
  for (const server of [one, two]) assert.match(await server.command("DBSIZE"), /^:[1-9]/);
});

test("a Redis that does not answer, or refuses the password, is an error that does not repeat it", async () => {
  const error = await refused(
    RedisStore.connect({ url: "redis://me:secret@127.0.0.1:1" }),
    "STORE_UNAVAILABLE",
  );
  assert.match(error.message, /ECONNREFUSED/);
  assert.not.match(error.message, /secret/);
});

test.run();

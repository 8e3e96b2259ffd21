import { child, connect, type Fire, MemoryStore, type Reason, type Ref } from "@bonfire/runtime";
import { RedisStore } from "@bonfire/store-redis";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { clerkProcess } from "../../harness/clerk-process.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { NatsServer } from "../../harness/nats.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import type { Program } from "../../harness/program.ts";
import { RedisServer } from "../../harness/redis.ts";
import { Ledger } from "./kept.ts";

const server = await NatsServer.start({ jetstream: true });
const here: Fire = await connect({ servers: server.url });
const there: Fire = await connect({ servers: server.url });
const programs: Program[] = [];
let keys = 0;
const newKey = () => `key-${++keys}`;

test.after(async () => {
  for (const program of programs) await program[Symbol.asyncDispose]();
  await Promise.all([here.close(), there.close()]);
  await server[Symbol.asyncDispose]();
});

async function other(env: NodeJS.ProcessEnv = {}) {
  const made = await clerkProcess(here, server.url, env);
  programs.push(made.program);
  return made;
}

/** Has a snapshot of whatever kind a test likes. */
class Holder extends Ledger {
  #state: unknown;
  keep(state: unknown): void {
    this.#state = state;
  }
  keepFunction(): void {
    this.#state = () => 1;
  }
  keepBytes(length: number): void {
    this.#state = new Uint8Array(length);
  }
  override snapshot(): unknown {
    return this.#state;
  }
  override restore(state: never): void {
    this.#state = state;
  }
  kept(): unknown {
    return this.#state;
  }
}

guarantee(
  "What `snapshot` gives when an actor stops is given to `restore` of the next one, before `onStart`.",
  async () => {
    const state = newKey();
    const first = await here.spawn(Ledger, [], { state });
    await first.add("kept");
    assert.is((await first.state()).restored, false);
    await here.stop(first);
    const second = await there.spawn(Ledger, [], { state });
    assert.equal(await second.entries(), ["kept"]);
    assert.is((await second.state()).restored, true);
  },
);

guarantee("A registered actor keeps its state under its name, unless `state` is `false`.", async () => {
  const register = newKey();
  const first = await here.spawn(Ledger, [], { register });
  await first.add("kept");
  await here.stop(first);
  const second = await there.spawn(Ledger, [], { register });
  assert.equal(await second.entries(), ["kept"]);
  await here.stop(second);
  const third = await there.spawn(Ledger, [], { register, state: false });
  assert.equal(await third.entries(), []);
});

guarantee(
  "One key can be had by one actor of the cluster at a time; another spawn rejects with NAME_TAKEN.",
  async () => {
    const state = newKey();
    await here.spawn(Ledger, [], { state });
    assert.is(await codeOf(there.spawn(Ledger, [], { state })), "NAME_TAKEN");
  },
);

guarantee(
  "The state is saved every `saveEvery` messages, before the last of them is answered: a crash loses what came after.",
  async () => {
    const state = newKey();
    const { program, clerk } = await other();
    const ledger = await clerk.ledger({ state, saveEvery: 3, ttl: 1_000 });
    for (const entry of [1, 2, 3, 4, 5]) await ledger.add(entry);
    program.child.kill("SIGKILL");
    const next = await here.spawn(Ledger, [], { state, wait: "20s" });
    assert.equal(await next.entries(), [1, 2, 3]);
  },
);

guarantee("Without `saveEvery` it is saved every 100 messages; reentrant ones do not count.", async () => {
  const state = newKey();
  const ledger = await here.spawn(Ledger, [], { state });
  const saved = async () => (await (await here.store()).get(`state:${state}`)) !== undefined;
  for (let n = 0; n < 99; n++) await ledger.add(n);
  for (let n = 0; n < 5; n++) await ledger.peek();
  assert.is(await saved(), false);
  await ledger.add(99);
  assert.is(await saved(), true);
});

guarantee("Closing a connection saves the state of its actors.", async () => {
  const state = newKey();
  const fire = await connect({ servers: server.url });
  await (await fire.spawn(Ledger, [], { state })).add("kept");
  await fire.close();
  assert.equal(await (await here.spawn(Ledger, [], { state })).entries(), ["kept"]);
});

guarantee(
  "An actor that ends with an error is not saved: the next one begins with what was saved last.",
  async () => {
    const { children, stop } = await here.supervise(
      {},
      { one: child(Ledger, [], { state: newKey(), saveEvery: 3 }) },
    );
    for (const entry of [1, 2, 3, 4]) await children.one.add(entry);
    await children.one.crash();
    const any = children.one.with({ epoch: "any" });
    await until(async () => (await any.peek()) === 3);
    assert.equal(await any.entries(), [1, 2, 3]);
    await stop();
  },
);

guarantee("One that is killed is not saved.", async () => {
  const state = newKey();
  const ledger = await here.spawn(Ledger, [], { state });
  await ledger.add(1);
  await here.kill(ledger);
  assert.equal(await (await here.spawn(Ledger, [], { state })).entries(), []);
});

guarantee(
  "An outdated actor never writes over what the next one has saved, also if it was frozen while it saved.",
  async () => {
    const redis = await RedisServer.start();
    for (const env of [{}, { REDIS_URL: redis.url }]) {
      const store = "REDIS_URL" in env ? await RedisStore.connect({ url: redis.url }) : await here.store();
      const state = newKey();
      const { program, clerk } = await other(env);
      const ledger = await clerk.ledger({ state, saveEvery: 1, ttl: 1_000 });
      await ledger.add("before");
      program.child.kill("SIGSTOP");
      for (let n = 0; n < 5; n++) ledger.tell.add("outdated");
      const next = await here.spawn(Ledger, [], { state, saveEvery: 1, wait: "20s", store });
      await next.add("after");
      program.child.kill("SIGCONT");
      await program.line(/^ended error NAME_LOST$/);
      await here.stop(next);
      const last = await here.spawn(Ledger, [], { state, store });
      assert.equal(await last.entries(), ["before", "after"]);
      await here.stop(last);
      await program[Symbol.asyncDispose]();
      if ("REDIS_URL" in env) await store.close();
    }
    await redis[Symbol.asyncDispose]();
  },
);

guarantee("The state keeps its types, refs among them.", async () => {
  const state = newKey();
  const first = await here.spawn(Holder, [], { state });
  const friend = await there.spawn(Ledger, []);
  const kept = new Map<string, unknown>([
    ["at", new Date(7)],
    ["bytes", new Uint8Array([1, 2])],
    ["many", 7n],
  ]);
  await first.keep([kept, friend]);
  await here.stop(first);
  const second = await here.spawn(Holder, [], { state });
  const [found, ref] = (await second.kept()) as [typeof kept, Ref<Ledger>];
  assert.equal(found, kept);
  assert.is(await ref.add(1), 1);
});

guarantee(
  "A state that cannot travel, or is too large for the store, ends its actor with that error.",
  async () => {
    const endOf = async (spoil: (holder: Ref<Holder>) => Promise<void>) => {
      const holder = await here.spawn(Holder, [], { state: newKey(), saveEvery: 1 });
      const ended = new Promise<Reason>((resolve) => here.monitor(holder, resolve));
      await spoil(holder);
      const reason = await ended;
      return reason.kind === "error" ? (reason.error as { code: string }).code : reason.kind;
    };
    assert.is(await endOf((holder) => holder.keepFunction()), "VALUE_REFUSED");
    assert.is(await endOf((holder) => holder.keepBytes(3_000_000)), "VALUE_TOO_LARGE");
  },
);

guarantee(
  "While the store cannot be reached, messages are handled, and saved when it can be again.",
  async () => {
    const state = newKey();
    const ledger = await here.spawn(Ledger, [], { state, saveEvery: 1, ttl: "30s" });
    await ledger.add(1);
    await server.kill();
    await until(() => !here.inspect().nats.up);
    assert.is(await ledger.add(2), 2);
    await server.restart();
    await until(() => here.inspect().nats.up);
    await until(async () => (await codeOf(there.spawn(Ledger, [], { state }))) === "NAME_TAKEN");
    await ledger.add(3);
    await here.kill(ledger);
    assert.equal(await (await here.spawn(Ledger, [], { state })).entries(), [1, 2, 3]);
  },
);

guarantee("`store` keeps the state in another store than that of the connection.", async () => {
  const store = new MemoryStore();
  const state = newKey();
  const first = await here.spawn(Ledger, [], { state, store });
  await first.add(1);
  await here.stop(first);
  assert.equal(await (await here.spawn(Ledger, [], { state })).entries(), []);
  assert.equal(await (await here.spawn(Ledger, [], { state, store })).entries(), [1]);
});

guarantee(
  "`connect({ store })` keeps names, groups, keys and states there, and leaves it open.",
  async () => {
    const redis = await RedisServer.start();
    const store = await RedisStore.connect({ url: redis.url });
    const fire = await connect({ servers: server.url, store });
    assert.is(await fire.store(), store);
    const ledger = await fire.spawn(Ledger, [], { register: "kept-in-redis" });
    await fire.host(Ledger);
    await fire.join("kept-in-redis", ledger);
    assert.is(await fire.actor(Ledger, "redis").add(1), 1);
    assert.is((await store.holder("name:kept-in-redis"))?.holder, ledger.address);
    assert.ok(await store.holder("actor:Ledger/redis"));
    assert.equal(await store.members("group:kept-in-redis"), [ledger.address]);
    assert.is(await here.whereis("kept-in-redis"), undefined);
    await fire.close();
    assert.is(await store.holder("name:kept-in-redis"), undefined);
    await store.close();
    await redis[Symbol.asyncDispose]();
  },
);

test.run();

import { child, connect, type Fire, hasCode, type Reason, type Ref } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { clerkProcess } from "../../harness/clerk-process.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { NatsServer } from "../../harness/nats.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import { Program } from "../../harness/program.ts";
import { RedisServer } from "../../harness/redis.ts";
import { SlowLink } from "../../harness/slow-link.ts";
import { Ledger, Plain } from "./kept.ts";

const server = await NatsServer.start({ jetstream: true });
const here: Fire = await connect({ servers: server.url });
const there: Fire = await connect({ servers: server.url });
const programs: Program[] = [];
let names = 0;
const newName = () => `name-${++names}`;

async function other(url = server.url) {
  const made = await clerkProcess(here, url);
  programs.push(made.program);
  return made;
}

test.after(async () => {
  for (const program of programs) await program[Symbol.asyncDispose]();
  await Promise.all([here.close(), there.close()]);
  await server[Symbol.asyncDispose]();
});

function reasonOf(ref: Ref<Ledger>): Promise<Reason> {
  return new Promise((resolve) => here.monitor(ref, resolve));
}

guarantee("`fire.register` gives an actor a name, by which every process finds it.", async () => {
  const name = newName();
  const ledger = await here.spawn(Ledger, ["one"]);
  await here.register(name, ledger);
  const found = await there.whereis<Ledger>(name);
  assert.is(found?.address, ledger.address);
  assert.is((await (found as Ref<Ledger>).state()).label, "one");
});

guarantee("`fire.whereis` gives undefined for a name that nobody has.", async () => {
  assert.is(await here.whereis("nobody"), undefined);
});

guarantee(
  "A name can be had by one actor of the cluster at a time; another registration rejects with NAME_TAKEN and says who has it.",
  async () => {
    const name = newName();
    const ledger = await here.spawn(Ledger, []);
    await here.register(name, ledger);
    const second = there.register(name, await there.spawn(Ledger, []));
    assert.is(await codeOf(second), "NAME_TAKEN");
    await second.catch((error: Error) => assert.match(error.message, ledger.address));
  },
);

guarantee("With `wait`, a registration waits until the name is free.", async () => {
  const name = newName();
  const first = await here.register(name, await here.spawn(Ledger, []));
  const ledger = await there.spawn(Ledger, []);
  const second = there.register(name, ledger, { wait: "20s" });
  await first.release();
  await second;
  assert.is((await here.whereis(name))?.address, ledger.address);
  assert.is(await codeOf(here.register(name, await here.spawn(Ledger, []), { wait: 50 })), "NAME_TAKEN");
});

guarantee("A name is free at once when it is released, and its actor lives on without it.", async () => {
  const name = newName();
  const ledger = await here.spawn(Ledger, []);
  const registration = await here.register(name, ledger);
  await registration.release();
  assert.is(await ledger.add(1), 1);
  assert.ok(registration.signal.aborted);
  await there.register(name, await there.spawn(Ledger, []));
});

guarantee("A name is free at once when its actor ends, for whatever reason.", async () => {
  const name = newName();
  for (const end of ["stop", "kill"] as const) {
    const ledger = await here.spawn(Ledger, []);
    await here.register(name, ledger);
    await there[end](ledger);
    assert.is(await here.whereis(name), undefined);
  }
});

guarantee(
  "`spawn` with `register` takes the name before the constructor runs, and frees it after `onStop`.",
  async () => {
    const name = newName();
    const ledger = await here.spawn(Ledger, ["own"], { register: name });
    assert.is((await there.whereis(name))?.address, ledger.address);
    const { made } = Ledger;
    assert.is(await codeOf(there.spawn(Ledger, [], { register: name })), "NAME_TAKEN");
    assert.is(Ledger.made, made);
    await there.stop(ledger);
    await there.stop(await there.spawn(Ledger, [], { register: name }));
  },
);

guarantee("An actor that does not start frees its name.", async () => {
  const name = newName();
  assert.is(await codeOf(here.spawn(Ledger, ["fails"], { register: name })), "RangeError");
  await until(async () => (await here.whereis(name)) === undefined, 1_000);
});

guarantee(
  "An actor of another process can be registered, and ends with that name as its own do.",
  async () => {
    const name = newName();
    const { program, clerk } = await other();
    const plain = await clerk.plain();
    const registration = await here.register(name, plain, { ttl: "1s" });
    assert.is((await there.whereis(name))?.address, plain.address);
    assert.is(await plain.myToken(), registration.token);
    // Over several of its terms.
    const start = performance.now();
    await until(() => performance.now() - start > 2_000);
    assert.is(await plain.add(), 1);
    await registration.release();
    assert.is(await plain.add(), 2);
    await here.register(name, plain, { ttl: "1s" });
    program.child.stdin?.end();
    await until(async () => (await here.whereis(name)) === undefined);
  },
);

guarantee(
  "An actor of another process ends with NAME_LOST when the process that registered it is gone.",
  async () => {
    const name = newName();
    const { program, clerk } = await other();
    const plain = await here.spawn(Plain, []);
    const ended = new Promise<Reason>((resolve) => here.monitor(plain, resolve));
    await clerk.register(name, plain, "800ms");
    assert.is(await plain.add(), 1);
    program.child.kill("SIGKILL");
    const reason = await ended;
    assert.ok(reason.kind === "error" && hasCode(reason.error, "NAME_LOST"));
  },
);

guarantee("After a `kill -9` a name is free when its `ttl` is up, and not before.", async () => {
  const name = newName();
  const { program, clerk } = await other();
  const ttl = 1_500;
  await clerk.ledger({ register: name, ttl });
  program.child.kill("SIGKILL");
  const start = performance.now();
  await program.exit;
  assert.is(await codeOf(here.spawn(Ledger, [], { register: name })), "NAME_TAKEN");
  await here.spawn(Ledger, [], { register: name, wait: "20s" });
  // It had been renewed up to a third of its length, and a little, before.
  assert.ok(performance.now() - start > (ttl * 2) / 3 - 100);
});

guarantee(
  "As long as the name of a process that was killed is not free, asks by it fail at once with NO_SUCH_ACTOR.",
  async () => {
    const name = newName();
    const { program, clerk } = await other();
    const ledger = await clerk.ledger({ register: name, ttl: "60s" });
    const named = here.named<Ledger>(name);
    assert.is(await named.add(1), 1);
    program.child.kill("SIGKILL");
    await program.exit;
    await until(async () => (await codeOf(ledger.add(2))) === "NO_SUCH_ACTOR");
    const start = performance.now();
    assert.is(await codeOf(named.add(2)), "NO_SUCH_ACTOR");
    assert.ok(performance.now() - start < 1_000);
  },
);

guarantee("`fire.named` gives a ref at once, which finds its actor when it is used.", async () => {
  const name = newName();
  const named = there.named<Ledger>(name);
  await here.spawn(Ledger, ["found"], { register: name });
  assert.is((await named.state()).label, "found");
  named.tell.add(1);
  assert.equal(await named.entries(), [1]);
});

guarantee(
  "Asks by a name that nobody has fail at once with NO_SUCH_NAME, and tells are dead letters.",
  async () => {
    const named = here.named<Ledger>("nobody");
    const start = performance.now();
    assert.is(await codeOf(named.add(1)), "NO_SUCH_NAME");
    assert.ok(performance.now() - start < 1_000);
    const letter = new Promise((resolve) => here.on("deadLetter", resolve));
    named.tell.add(1);
    assert.is(((await letter) as { error: { code: string } }).error.code, "NO_SUCH_NAME");
  },
);

guarantee(
  "A named ref goes on to the next who has the name, with every message that the one before has not seen.",
  async () => {
    const name = newName();
    const named = there.named<Ledger>(name);
    const first = await here.spawn(Ledger, ["first"], { register: name, state: false });
    assert.is((await named.state()).label, "first");
    await here.stop(first);
    assert.is(await codeOf(named.add(0)), "NO_SUCH_NAME");
    const second = await here.spawn(Ledger, ["second"], { register: name, state: false });
    assert.is(await named.add(1), 1);
    await here.stop(second);
    const third = await here.spawn(Ledger, ["third"], { register: name, state: false });
    named.tell.add(1);
    named.tell.add(2);
    await until(async () => (await third.peek()) === 2);
    assert.equal(await third.entries(), [1, 2]);
  },
);

guarantee(
  "Named refs travel, and their addresses are equal if, and only if, they mean the same name.",
  async () => {
    const name = newName();
    await here.spawn(Ledger, [], { register: name });
    const plain = await there.spawn(Plain, []);
    assert.is(await plain.use(here.named<Ledger>(name), 1), 1);
    assert.is(await there.ref<Ledger>(here.named(name).address).add(2), 2);
    assert.is(here.named(name).address, there.named(name).address);
    assert.is.not(here.named(name).address, here.named(newName()).address);
  },
);

guarantee(
  "A named ref can be monitored, stopped and killed as whoever has the name at that moment.",
  async () => {
    const name = newName();
    await here.spawn(Ledger, [], { register: name });
    const down = new Promise<Reason>((resolve) => there.monitor(there.named(name), resolve));
    await until(() => here.inspect().actors.some(({ monitors }) => monitors > 0));
    await there.stop(there.named(name));
    assert.is((await down).kind, "normal");
    const nobody = new Promise<Reason>((resolve) => there.monitor(there.named(name), resolve));
    assert.is((await nobody).kind, "no-such-actor");
  },
);

guarantee(
  "A process that was frozen for longer than the `ttl` handles no message of an actor with a name afterwards: that ends with NAME_LOST.",
  async () => {
    const name = newName();
    const { program, clerk } = await other();
    const ledger = await clerk.ledger({ register: name, ttl: 1_000 });
    await ledger.add("before");
    const hanging = ledger.with({ deadline: "60s" }).hang();
    hanging.catch(() => "awaited below");
    const ended = reasonOf(ledger);
    await ledger.peek();
    program.child.kill("SIGSTOP");
    const late = ledger.with({ deadline: "60s" }).peek();
    late.catch(() => "awaited below");
    const next = await here.spawn(Ledger, [], { register: name, wait: "20s" });
    await next.add("after");
    program.child.kill("SIGCONT");
    assert.is(await codeOf(hanging), "NAME_LOST");
    assert.is(await codeOf(late), "NO_SUCH_ACTOR");
    const reason = await ended;
    assert.ok(reason.kind === "error" && hasCode(reason.error, "NAME_LOST"));
    assert.equal(await here.named<Ledger>(name).entries(), ["after"]);
  },
);

guarantee(
  "An actor that is cut off from the store for longer than the `ttl` ends with NAME_LOST.",
  async () => {
    const name = newName();
    const link = await SlowLink.before(Number(new URL(server.url).port));
    const { clerk, program } = await other(`nats://127.0.0.1:${link.port}`);
    await clerk.ledger({ register: name, ttl: 1_000 });
    link.delay = 60_000;
    const next = await here.spawn(Ledger, [], { register: name, wait: "20s" });
    assert.is((await here.whereis(name))?.address, next.address);
    await program.line(/^ended error NAME_LOST$/);
    await program[Symbol.asyncDispose]();
    await link[Symbol.asyncDispose]();
  },
);

guarantee(
  "No turn under a name runs after one with a later token began, whoever is frozen or slow in between.",
  async () => {
    await using redis = await RedisServer.start();
    for (const env of [{}, { REDIS_URL: redis.url }]) {
      const name = newName();
      const contenders = [1, 2, 3].map(
        () =>
          new Program("integration/actors/programs/contender.ts", {
            args: [name, "400ms"],
            env: { NATS_URL: server.url, ...env },
          }),
      );
      programs.push(...contenders);
      await Promise.all(contenders.map((contender) => contender.line(/^ready$/)));
      const turns = () =>
        contenders
          .flatMap(({ output }) => Array.from(output.matchAll(/^turn (\d+) (\d+)$/gm)))
          .map(([, token, at]) => ({ token: BigInt(token as string), at: BigInt(at as string) }));
      const holders = () => new Set(turns().map(({ token }) => token)).size;
      for (let round = 0; round < 6; round++) {
        const before = holders();
        // Whoever has the name now, or else the first, sleeps for longer than it may.
        const last = turns().toSorted(byTime).at(-1);
        const holder =
          contenders.find(({ output }) => last && output.includes(`turn ${last.token}`)) ?? contenders[0];
        holder?.child.kill("SIGSTOP");
        await until(() => holders() > before);
        holder?.child.kill("SIGCONT");
      }
      for (const contender of contenders) await contender[Symbol.asyncDispose]();
      const tokens = turns()
        .toSorted(byTime)
        .map(({ token }) => token);
      // The first sleeper may not have had a turn yet.
      assert.ok(holders() >= 6, `${holders()} holders`);
      assert.equal(tokens, tokens.toSorted());
    }
  },
);

guarantee("`this.token` is greater than that of every earlier holder of the name.", async () => {
  const name = newName();
  const tokens: bigint[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const ledger = await here.spawn(Ledger, [], { register: name });
    tokens.push((await ledger.state()).token);
    await here.stop(ledger);
  }
  assert.equal(tokens, tokens.toSorted());
  assert.is(new Set(tokens).size, 3);
  assert.match(await (await here.spawn(Plain, [])).myToken().then(String, String), /has a token when/);
});

guarantee(
  "A restart of nats-server that is shorter than the `ttl` leaves names with their actors.",
  async () => {
    const name = newName();
    const ledger = await here.spawn(Ledger, [], { register: name, ttl: "20s" });
    const { token } = await ledger.state();
    await server.kill();
    await until(() => !here.inspect().nats.up);
    await server.restart();
    await until(
      async () =>
        (await there
          .named<Ledger>(name)
          .peek()
          .catch(() => -1)) === 0,
    );
    assert.is((await ledger.state()).token, token);
  },
);

guarantee(
  "A supervised actor that has lost its name is started again, and takes the name anew.",
  async () => {
    const name = newName();
    const link = await SlowLink.before(Number(new URL(server.url).port));
    const fire = await connect({ servers: `nats://127.0.0.1:${link.port}` });
    const { children } = await fire.supervise(
      { intensity: 10 },
      { one: child(Ledger, [], { register: name, ttl: "700ms", wait: "20s" }) },
    );
    const { token } = await children.one.state();
    link.delay = 1_500;
    await until(() =>
      fire.inspect().actors.every(({ type, state }) => type !== "Ledger" || state !== "running"),
    );
    link.delay = 0;
    await until(
      async () =>
        (
          await there
            .named<Ledger>(name)
            .state()
            .catch(() => ({ token }))
        ).token > token,
    );
    await fire.close();
    await link[Symbol.asyncDispose]();
  },
);

guarantee(
  "A supervised actor that lost its name because the store was away takes it again when the store is back.",
  async () => {
    const name = newName();
    const { children, stop } = await here.supervise(
      {},
      { one: child(Ledger, [], { register: name, ttl: "700ms", wait: "30s" }) },
    );
    const { token } = await children.one.state();
    await server.kill();
    await until(() =>
      here.inspect().actors.some(({ type, state }) => type === "Ledger" && state === "starting"),
    );
    await server.restart();
    const named = there.named<Ledger>(name);
    await until(async () => (await named.state().catch(() => ({ token }))).token > token);
    await stop();
  },
);

guarantee(
  "Without JetStream and another store, whatever needs a store rejects with STORE_UNAVAILABLE and says what to do; all else works.",
  async () => {
    const bare = await NatsServer.start();
    const fire = await connect({ servers: bare.url });
    const plain = await fire.spawn(Plain, []);
    assert.is(await plain.add(), 1);
    const registering = fire.register("any", plain);
    assert.is(await codeOf(registering), "STORE_UNAVAILABLE");
    await registering.catch(({ message }: Error) => assert.match(message, /nats-server with -js/));
    for (const refused of [
      fire.whereis("any"),
      fire.spawn(Ledger, [], { register: "any" }),
      fire.host(Ledger),
      fire.join("any", plain),
      fire.named<Ledger>("any").add(1),
    ])
      assert.is(await codeOf(refused), "STORE_UNAVAILABLE");
    await fire.close();
    await bare[Symbol.asyncDispose]();
  },
);

guarantee("Closing a connection frees the names of its actors, after these have stopped.", async () => {
  const name = newName();
  const fire = await connect({ servers: server.url });
  const ledger = await fire.spawn(Ledger, [], { register: name });
  await fire.register(newName(), ledger);
  await fire.close();
  assert.is(await here.whereis(name), undefined);
});

guarantee(
  "`register`, `named`, `whereis` and the options `register`, `ttl`, `wait`, `state`, `saveEvery` and `store` refuse what they cannot be.",
  async () => {
    const ledger = await here.spawn(Ledger, []);
    assert.is(await codeOf(here.register("no spaces", ledger)), "INVALID_OPTION");
    assert.is(await codeOf(here.register("x", here.named("y"))), "INVALID_OPTION");
    assert.is(await codeOf(here.register("x", ledger, { tll: 1 } as never)), "UNKNOWN_OPTION");
    assert.is(await codeOf(here.whereis("")), "INVALID_OPTION");
    assert.throws(() => here.named("no spaces"), /1 to 120/);
    for (const options of [
      { register: "" },
      { ttl: -1 },
      { wait: "soon" },
      { state: "no spaces" },
      { saveEvery: 0 },
      { store: {} },
      { store: await here.store() },
    ])
      assert.is(
        await codeOf(here.spawn(Ledger, [], options as never)),
        "INVALID_OPTION",
        JSON.stringify(Object.keys(options)),
      );
    assert.is(await codeOf(here.spawn(Plain, [], { state: "x" })), "INVALID_ACTOR");
    assert.is(await codeOf(connect({ store: {} as never })), "INVALID_OPTION");
  },
);

function byTime(a: { at: bigint }, b: { at: bigint }): number {
  return a.at < b.at ? -1 : 1;
}

test.run();

import { connect, type Fire, type Ref } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { clerkProcess } from "../../harness/clerk-process.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { NatsServer } from "../../harness/nats.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import type { Program } from "../../harness/program.ts";
import { Ledger } from "./kept.ts";

const server = await NatsServer.start({ jetstream: true });
/** Hosts nothing but where a test says so. */
const here: Fire = await connect({ servers: server.url });
const first = await clerkProcess(here, server.url);
const second = await clerkProcess(here, server.url);
const TTL = 1_500;
await first.clerk.host({ ttl: TTL });
await second.clerk.host({ ttl: TTL });
const programs: Program[] = [first.program, second.program];
let keys = 0;
const newKey = () => `key-${++keys}`;
const ledger = (key: string) => here.actor(Ledger, key);

test.after(async () => {
  for (const program of programs) await program[Symbol.asyncDispose]();
  await here.close();
  await server[Symbol.asyncDispose]();
});

/** One that lives in the process of `program`. */
async function ledgerAt(program: Program): Promise<Ref<Ledger>> {
  for (;;) {
    const found = ledger(newKey());
    if ((await found.state()).pid === program.pid) return found;
  }
}

guarantee("`fire.actor` gives a ref at once, and sends nothing.", async () => {
  const key = newKey();
  const ref = ledger(key);
  assert.is(ref.address, `@virtual/Ledger/${key}`);
  assert.is(await (await here.store()).holder(`actor:Ledger/${key}`), undefined);
});

guarantee("The first message starts it, in a process that hosts its class, with its key.", async () => {
  const key = newKey();
  const { label, pid } = await ledger(key).state();
  assert.is(label, key);
  assert.ok([first.program.pid, second.program.pid].includes(pid));
});

guarantee("The first message may be a tell.", async () => {
  const ref = ledger(newKey());
  ref.tell.add("told");
  assert.equal(await ref.entries(), ["told"]);
});

guarantee("Many who send at once start it once.", async () => {
  const key = newKey();
  const others = await Promise.all([1, 2, 3].map(() => connect({ servers: server.url })));
  const asked = [here, ...others].flatMap((fire) => [1, 2, 3].map(() => fire.actor(Ledger, key).add(1)));
  assert.equal(
    (await Promise.all(asked)).sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
  await Promise.all(others.map((fire) => fire.close()));
});

guarantee("Actors of a class are spread over the processes that host it.", async () => {
  const pids = new Set<number>();
  for (let n = 0; n < 16; n++) pids.add((await ledger(newKey()).state()).pid);
  assert.is(pids.size, 2);
});

guarantee("What is sent while it starts waits, and keeps its order.", async () => {
  const ref = ledger(newKey());
  for (let n = 0; n < 50; n++) n % 2 === 0 ? ref.tell.add(n) : void ref.add(n);
  assert.equal(
    await ref.entries(),
    Array.from({ length: 50 }, (_, n) => n),
  );
});

guarantee("A message to one that nobody hosts fails at once with NOT_HOSTED.", async () => {
  class Unhosted extends Ledger {}
  const start = performance.now();
  assert.is(await codeOf(here.actor(Unhosted, "x").add(1)), "NOT_HOSTED");
  assert.ok(performance.now() - start < 1_000);
});

guarantee(
  "If its constructor or `onStart` throws, the messages that started it fail with that error.",
  async () => {
    const ref = ledger("fails");
    const outcomes = await Promise.allSettled([ref.add(1), ref.add(2)]);
    assert.equal(
      outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason.name),
      ["RangeError", "RangeError"],
    );
  },
);

guarantee(
  "One that had no message for `idleAfter` is stopped, and the next message starts it again.",
  async () => {
    const fire = await connect({ servers: server.url });
    class Idler extends Ledger {}
    const hosting = await fire.host(Idler, { idleAfter: "150ms" });
    const ref = here.actor(Idler, newKey());
    const counted = () => fire.inspect().actors.filter(({ type }) => type === "Idler").length;
    const { token } = await ref.state();
    await ref.add(1);
    await until(() => counted() === 0);
    assert.equal(await ref.entries(), [1]);
    assert.ok((await ref.state()).token > token);
    await until(() => counted() === 0);
    ref.tell.add(2);
    assert.equal(await ref.entries(), [1, 2]);
    await hosting.stop();
    await fire.close();
  },
);

guarantee("A message or a stream that is under way keeps it from being idle.", async () => {
  const fire = await connect({ servers: server.url });
  class Busy extends Ledger {}
  await fire.host(Busy, { idleAfter: "60ms" });
  const ref = here.actor(Busy, newKey());
  assert.equal(await Array.fromAsync(ref.count(4, 100)), [0, 1, 2, 3]);
  const { token } = await ref.state();
  const hanging = ref.with({ deadline: "400ms" }).hang();
  assert.is(await codeOf(hanging), "ASK_TIMEOUT");
  assert.is(fire.inspect().actors.filter(({ type }) => type === "Busy").length, 1);
  assert.ok(token > 0n);
  await fire.close();
});

guarantee(
  "After a `kill -9` of its process the next message starts it elsewhere, once its `ttl` is up.",
  async () => {
    const { program, clerk } = await clerkProcess(here, server.url);
    programs.push(program);
    await clerk.host({ ttl: TTL, saveEvery: 1 });
    const ref = await ledgerAt(program);
    await ref.add("kept");
    const { token } = await ref.state();
    program.child.kill("SIGKILL");
    await program.exit;
    const start = performance.now();
    ref.tell.add("told");
    const asked = await ref.with({ deadline: "30s" }).add("asked");
    const took = performance.now() - start;
    assert.is(asked, 3);
    assert.equal(await ref.entries(), ["kept", "told", "asked"]);
    const after = await ref.state();
    assert.is.not(after.pid, program.pid);
    assert.ok(after.token > token);
    assert.ok(took < (TTL + 2_000) * Number(process.env.BONFIRE_TEST_SLOWNESS ?? 1), `took ${took} ms`);
  },
);

guarantee(
  "An ask whose deadline is over before it runs again fails with ASK_TIMEOUT, and does not start it any more.",
  async () => {
    const { program, clerk } = await clerkProcess(here, server.url);
    programs.push(program);
    await clerk.host({ ttl: "8s" });
    const refs = [await ledgerAt(program), await ledgerAt(program)] as const;
    program.child.kill("SIGKILL");
    await program.exit;
    const [impatient, patient] = refs;
    const asked = patient.with({ deadline: "30s" }).peek();
    assert.is(await codeOf(impatient.with({ deadline: "200ms" }).peek()), "ASK_TIMEOUT");
    assert.is(await asked, 0);
    await here.stop(patient);
    const store = await here.store();
    const keys = refs.map(({ address }) => address.replace("@virtual/", "actor:"));
    for (const key of keys) await store.whenFree(key, AbortSignal.timeout(20_000));
    // Whoever asked before these for the others would have been served by now.
    for (let n = 0; n < 3; n++) await ledger(newKey()).peek();
    for (const key of keys) assert.is(await store.holder(key), undefined);
  },
);

guarantee("One whose process was frozen for longer than the `ttl` handles nothing more there.", async () => {
  const { program, clerk } = await clerkProcess(here, server.url);
  programs.push(program);
  await clerk.host({ ttl: TTL, saveEvery: 1 });
  const ref = await ledgerAt(program);
  await ref.add("before");
  const hanging = ref.with({ deadline: "60s" }).hang();
  hanging.catch(() => "awaited below");
  await ref.peek();
  program.child.kill("SIGSTOP");
  const other = await connect({ servers: server.url });
  const key = ref.address.split("/")[2] as string;
  // Its own ref, as the frozen process still listens for those that know it: only the lease says that it is over.
  const store = await here.store();
  await store.whenFree(`actor:Ledger/${key}`);
  program.child.kill("SIGCONT");
  assert.is(await codeOf(hanging), "NAME_LOST");
  assert.is(await other.actor(Ledger, key).add("after"), 2);
  assert.equal(await ref.entries(), ["before", "after"]);
  await other.close();
});

guarantee(
  "`hosting.stop()` stops those that run; the next message to each starts it elsewhere, with its state.",
  async () => {
    const fire = await connect({ servers: server.url });
    const hosting = await fire.host(Ledger);
    let ref = ledger(newKey());
    while ((await ref.state()).pid !== process.pid) ref = ledger(newKey());
    await ref.add("kept");
    const asking = Array.from({ length: 20 }, (_, n) => ref.add(n));
    await hosting.stop();
    assert.is((await Promise.all(asking)).length, 20);
    assert.is(await ref.add("last"), 22);
    assert.is.not((await ref.state()).pid, process.pid);
    await fire.close();
  },
);

guarantee("A process that closes hands its virtual actors on, and no message to them is lost.", async () => {
  const { program, clerk } = await clerkProcess(here, server.url);
  programs.push(program);
  await clerk.host();
  const ref = await ledgerAt(program);
  const asked: Promise<number>[] = [];
  for (let n = 0; n < 50; n++) {
    asked.push(ref.with({ deadline: "30s" }).add(n));
    if (n === 10) program.child.stdin?.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(
    await Promise.all(asked),
    Array.from({ length: 50 }, (_, n) => n + 1),
  );
  await program.exit;
});

guarantee(
  "A ref to a virtual actor works wherever it arrives, also where its class is not known.",
  async () => {
    const ref = ledger(newKey());
    const plain = await second.clerk.plain();
    assert.is(await plain.use(ref, 1), 1);
    assert.equal(await ref.entries(), [1]);
    assert.is(await here.ref<Ledger>(ref.address).add(2), 2);
  },
);

guarantee(
  "`static typeName` names a class for the cluster, whatever it is called in a process.",
  async () => {
    class A extends Ledger {
      static readonly typeName = "shared-type";
    }
    class B extends Ledger {
      static readonly typeName = "shared-type";
    }
    const fire = await connect({ servers: server.url });
    await fire.host(A);
    assert.is(await here.actor(B, "x").add(1), 1);
    assert.is(await here.actor(A, "x").add(1), 2);
    await fire.close();
  },
);

guarantee("`actor` and `host` refuse what they cannot take.", async () => {
  assert.throws(() => here.actor(Ledger, "no spaces"), /1 to 120/);
  assert.throws(() => here.actor(Object as never, "x"), /extend Actor/);
  assert.is(await codeOf(here.host(Ledger, { register: "x" } as never)), "UNKNOWN_OPTION");
  assert.is(await codeOf(here.host(Ledger, { idleAfter: -1 })), "INVALID_OPTION");
  const hosting = await here.host(Ledger);
  assert.is(await codeOf(here.host(Ledger)), "NAME_TAKEN");
  await hosting.stop();
});

test.run();

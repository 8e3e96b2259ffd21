import { connect, type Fire, placed, type Reason, type Ref } from "@bonfire/runtime";
import { PrivateServer } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { actorProcess } from "../../harness/actor-process.ts";
import { CutLink } from "../../harness/cut-link.ts";
import { closeDrivers, driverOf } from "../../harness/drivers.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { NatsServer } from "../../harness/nats.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import type { Program } from "../../harness/program.ts";
import { Counter, Source, Witness } from "./actors.ts";

/** Tells of disconnects, as a server of one's own can; it cannot be restarted. */
const telling = await PrivateServer.start();
/** Says nothing, and can be restarted. */
const server = await NatsServer.start();
const near: Fire = await driverOf(telling);
const here: Fire = await connect({ servers: server.url });
const programs: Program[] = [];
/** These tests share two cores with others. */
const LOAD = Number(process.env.BONFIRE_TEST_SLOWNESS ?? 1);

async function other() {
  const made = await actorProcess(here, server.url);
  programs.push(made.program);
  return made;
}

async function otherNear() {
  const { servers, user, password } = telling.address;
  const url = (servers[0] as string).replace("//", `//${user}:${password}@`);
  const made = await actorProcess(near, url);
  programs.push(made.program);
  return made;
}

test.after(async () => {
  for (const program of programs) await program[Symbol.asyncDispose]();
  await here.close();
  await closeDrivers();
  await Promise.all([server.kill(), telling.close()]);
});

/** Told when the other side knows of the monitor. */
async function monitored(
  ref: Ref<Counter>,
  by = here,
): Promise<{ reasons: Reason[]; down: Promise<Reason> }> {
  const reasons: Reason[] = [];
  const { promise, resolve } = Promise.withResolvers<Reason>();
  by.monitor(ref, (reason) => {
    reasons.push(reason);
    resolve(reason);
  });
  await ref.peek();
  return { reasons, down: promise };
}

guarantee(
  "A process that is killed with -9 is noticed within 2 s, whatever nats-server tells of it: its monitors are told `lost`, once.",
  async () => {
    for (const [driver, start] of [
      [near, otherNear],
      [here, other],
    ] as const) {
      const { program, steward } = await start();
      const { reasons, down } = await monitored(await steward.counter(), driver);
      const killedAt = performance.now();
      program.child.kill("SIGKILL");
      assert.is((await down).kind, "lost");
      const took = performance.now() - killedAt;
      assert.ok(took < 2_000 * LOAD, `took ${took} ms`);
      await program.exit;
      assert.is(reasons.length, 1);
    }
  },
);

guarantee(
  "Asks under way at a process that is killed with -9 fail with ACTOR_LOST when that is noticed.",
  async () => {
    const { program, steward } = await otherNear();
    const counter = await steward.counter();
    const hanging = counter.with({ deadline: "60s" }).hang();
    hanging.catch(() => "awaited below");
    await counter.peek();
    const start = performance.now();
    program.child.kill("SIGKILL");
    assert.is(await codeOf(hanging), "ACTOR_LOST");
    assert.ok(performance.now() - start < 2_000 * LOAD);
  },
);

guarantee("Asks to a process that was killed with -9 fail at once with NO_SUCH_ACTOR.", async () => {
  const { program, steward } = await other();
  const counter = await steward.counter();
  program.child.kill("SIGKILL");
  await program.exit;
  await until(async () => (await codeOf(counter.add(1))) === "NO_SUCH_ACTOR");
  const start = performance.now();
  assert.is(await codeOf(counter.add(1)), "NO_SUCH_ACTOR");
  assert.ok(performance.now() - start < 1_000);
});

guarantee("A stream from a process that is killed with -9 fails with ACTOR_LOST.", async () => {
  const { program, steward } = await other();
  const source = await steward.source();
  const reading = async () => {
    for await (const _ of source.waiting()) program.child.kill("SIGKILL");
  };
  assert.is(await codeOf(reading()), "ACTOR_LOST");
});

guarantee("A generator whose reader's process is killed with -9 runs its `finally`.", async () => {
  const { program, steward } = await other();
  const source = await here.spawn(Source, []);
  assert.is(await steward.read(source), 1);
  program.child.kill("SIGKILL");
  await until(async () => (await source.state()).ended === 1);
});

guarantee("A process that ends in order tells its monitors at once why its actors ended.", async () => {
  const { program, steward } = await other();
  const { down } = await monitored(await steward.counter());
  program.child.stdin?.end();
  assert.is((await down).kind, "normal");
});

guarantee("A linked actor in another process that is killed with -9 ends this one with `lost`.", async () => {
  const { program, steward } = await other();
  const tied = await here.spawn(Witness, []);
  const counter = await steward.counter();
  await tied.tie(counter);
  const ended = new Promise<Reason>((resolve) => here.monitor(tied, resolve));
  await counter.peek();
  program.child.kill("SIGKILL");
  assert.is((await ended).kind, "lost");
});

guarantee(
  "A process that is frozen for a second is not taken for gone, and handles afterwards what was sent.",
  async () => {
    const { program, steward } = await other();
    const counter = await steward.counter();
    const { reasons } = await monitored(counter);
    program.child.kill("SIGSTOP");
    const asked = counter.add(1);
    const start = performance.now();
    await until(() => performance.now() - start > 1_000);
    program.child.kill("SIGCONT");
    assert.is(await asked, 1);
    assert.equal(reasons, []);
  },
);

guarantee(
  "A process that is frozen for good is taken for gone after 6 s of silence: asks fail with ACTOR_LOST.",
  async () => {
    const { program, steward } = await other();
    const counter = await steward.counter();
    const { down } = await monitored(counter);
    program.child.kill("SIGSTOP");
    const asked = counter.with({ deadline: "60s" }).add(1);
    asked.catch(() => "awaited below");
    assert.is((await down).kind, "lost");
    assert.is(await codeOf(asked), "ACTOR_LOST");
  },
);

guarantee("Actors, refs and monitors survive a restart of nats-server.", async () => {
  const { program, steward } = await other();
  const counter = await steward.counter(5);
  const { reasons, down } = await monitored(counter);
  await server.kill();
  await until(() => !here.inspect().nats.up);
  await server.restart();
  await until(async () => (await counter.peek().catch(() => 0)) === 5);
  assert.equal(reasons, []);
  await here.kill(counter);
  assert.is((await down).kind, "killed");
  assert.is(reasons.length, 1);
  await program[Symbol.asyncDispose]();
});

guarantee(
  "While the link to NATS is down, asks fail at once with LINK_DOWN and tells are dead letters.",
  async () => {
    const { steward } = await other();
    const counter = await steward.counter();
    await server.kill();
    await until(() => !here.inspect().nats.up);
    const letters: string[] = [];
    const stop = here.on("deadLetter", ({ error }) => letters.push((error as { code: string }).code));
    assert.is(await codeOf(counter.add(1)), "LINK_DOWN");
    counter.tell.add(1);
    assert.equal(letters, ["LINK_DOWN"]);
    stop();
    await server.restart();
    await until(async () => (await counter.peek().catch(() => -1)) === 0);
  },
);

guarantee(
  "A stream between processes does not survive the loss of a link: it fails with STREAM_LOST.",
  async () => {
    const { steward } = await other();
    const source = await steward.source();
    const iterator = source.waiting()[Symbol.asyncIterator]();
    await iterator.next();
    const next = iterator.next();
    next.catch(() => "awaited below");
    await server.kill();
    await until(() => !here.inspect().nats.up);
    await server.restart();
    assert.is(await codeOf(next), "STREAM_LOST");
    await until(async () => (await source.state().catch(() => ({ ended: 0 }))).ended === 1);
  },
);

guarantee(
  "A placed child whose process is killed with -9 is placed again, and its ref follows it.",
  async () => {
    const first = await other();
    const second = await other();
    const stewards = [first.steward, second.steward];
    const { children, stop } = await here.supervise(
      {},
      { far: placed(async () => (stewards.shift() as typeof first.steward).counter(stewards.length)) },
    );
    assert.is(await children.far.peek(), 1);
    first.program.child.kill("SIGKILL");
    const far = children.far.with({ epoch: "any" });
    // What was under way at the moment of the crash is lost; the next try waits for the new one.
    await until(async () => (await far.peek().catch(() => -1)) === 0);
    await stop();
  },
);

guarantee("A placed child ends when the process of its supervision is killed with -9.", async () => {
  const { program, steward } = await other();
  const host = await other();
  const far = await steward.superviseAt(host.steward);
  const { down } = await monitored(far);
  program.child.kill("SIGKILL");
  assert.is((await down).kind, "normal");
});

/**
 * Resolves when nats-server has seen the cut: an ask that it passed on before is lost in the link, and would be told so
 * only when presence takes the process for gone.
 */
const unreachable = (ask: () => Promise<unknown>) =>
  until(async () => (await codeOf(ask())) === "NO_SUCH_ACTOR");

/** Another process whose link can be cut. */
async function otherBehind(link: CutLink) {
  const made = await actorProcess(here, `nats://127.0.0.1:${link.port}`);
  programs.push(made.program);
  return made;
}

guarantee(
  "A monitor that is set while the link of the actor's process is down for a moment is told nothing of that.",
  async () => {
    await using link = await CutLink.before(Number(new URL(server.url).port));
    const { program, steward } = await otherBehind(link);
    const counter = await steward.counter();
    link.cut("drop");
    await unreachable(() => counter.with({ deadline: "20ms" }).peek());
    const reasons: Reason[] = [];
    here.monitor(counter, (reason) => reasons.push(reason));
    link.heal();
    await until(async () => (await counter.peek().catch(() => -1)) === 0);
    assert.equal(reasons, []);
    await here.kill(counter);
    await until(() => reasons.length > 0);
    assert.ok(["killed", "no-such-actor"].includes(reasons[0]?.kind as string), "it had not asked again yet");
    await program[Symbol.asyncDispose]();
  },
);

guarantee(
  "A monitor whose link was down when its actor ended is told the reason when it is up again.",
  async () => {
    await using link = await CutLink.before(Number(new URL(server.url).port));
    const { program, steward } = await otherBehind(link);
    const witness = await steward.witness();
    const counter = await here.spawn(Counter, []);
    await witness.watch(counter);
    await until(() => here.inspect().actors.some(({ type, monitors }) => type === "Counter" && monitors > 0));
    link.cut("drop");
    await unreachable(() => witness.with({ deadline: "20ms" }).downs());
    await here.kill(counter);
    link.heal();
    await until(async () => (await witness.downs().catch(() => [])).length > 0);
    assert.equal(
      (await witness.downs()).map(({ reason }) => reason),
      [{ kind: "killed" }],
    );
    await program[Symbol.asyncDispose]();
  },
);

guarantee(
  "A ref to a supervised child is of use again within seconds if its question for the child's place was lost with a link.",
  async () => {
    await using link = await CutLink.before(Number(new URL(server.url).port));
    const { program, steward } = await otherBehind(link);
    const host = await other();
    const far = (await steward.superviseAt(host.steward)).with({ epoch: "any", deadline: "10s" });
    assert.is(await far.peek(), 0);
    link.cut("stall");
    await here.kill(far);
    const asked = far.peek();
    // Its answer comes after the one that sends the question on its way: the link breaks with the question in it.
    assert.is(await host.steward.counter().then((counter) => counter.peek()), 0);
    link.cut("drop");
    link.heal();
    assert.is(await asked, 0);
    await program[Symbol.asyncDispose]();
  },
);

guarantee(
  "`fire.stop` and `fire.kill` of an actor whose process's link is down for a moment end it all the same.",
  async () => {
    await using link = await CutLink.before(Number(new URL(server.url).port));
    const { program, steward } = await otherBehind(link);
    const [one, two] = [await steward.counter(), await steward.counter()];
    link.cut("drop");
    await unreachable(() => one.with({ deadline: "20ms" }).peek());
    const ends = Promise.all([here.stop(one), here.kill(two)]);
    link.heal();
    await ends;
    assert.is(await (await steward.counter(3)).peek(), 3);
    assert.equal([await codeOf(one.peek()), await codeOf(two.peek())], ["NO_SUCH_ACTOR", "NO_SUCH_ACTOR"]);
    await program[Symbol.asyncDispose]();
  },
);

guarantee(
  "A monitor is told of an error above 64 KiB by one that has the beginning of its message.",
  async () => {
    const { steward } = await other();
    const counter = await steward.counter();
    const { down } = await monitored(counter);
    await counter.crash("much ".repeat(150_000));
    const reason = await down;
    assert.is(reason.kind, "error");
    const { code, message } = (reason as { error: { code: string; message: string } }).error;
    assert.is(code, "ACTOR_FAILED");
    assert.ok(message.startsWith("much much"));
  },
);

test.run();

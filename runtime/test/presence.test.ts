import { once } from "node:events";
import { createServer } from "node:net";
import type { Worker } from "node:worker_threads";
import { Bus, Presence, resolveTiming, subject } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../../test/harness/nats.ts";
import { until } from "../../test/harness/outcome.ts";

const TIMING = { ...resolveTiming(), beat: 100, suspectAfter: 150, probe: 50, nobody: 300, lease: 1_500 };
const server = await NatsServer.start();
const address = { servers: [server.url] };
const bus = await Bus.connect(address, "d-looking");
const opened = new Set<Presence>();

async function presenceOf(node: string, onFenced: (node: string, detail: string) => void = () => {}) {
  const presence = Presence.start({ bus, node, timing: TIMING, onFenced });
  opened.add(presence);
  await beats(node, 1);
  return presence;
}

/** Resolves with the next beats of a node. */
const beats = (node: string, count: number) => next(subject.beat(node), count);

function next(to: string, count: number): Promise<void> {
  return new Promise((resolve) => {
    const messages = bus.subscribe(to, () => {
      if (--count > 0) return;
      messages.unsubscribe();
      resolve();
    });
  });
}

function goneOf(watching: Presence, node: string): Promise<string> {
  return new Promise((resolve) => watching.watch(node, resolve));
}

test.after(async () => {
  for (const presence of opened) await presence.close();
  await bus.close();
  await server.kill();
});

test("a process speaks for several nodes, and says of each when and why it is gone", async () => {
  const watching = await presenceOf("d-watching");
  const host = await presenceOf("e-host");
  host.speakFor("a-host-1");
  const gone = goneOf(watching, "a-host-1");
  let hostGone = "";
  watching.watch("e-host", (detail) => (hostGone = detail));
  await beats("a-host-1", 2);
  host.bye("a-host-1", "its cell ran out of memory");
  assert.is(await gone, "its cell ran out of memory");
  await beats("e-host", 1);
  assert.is(hostGone, "");
});

test("a node of which nothing was ever heard is gone when nobody has answered under its name", async () => {
  const watching = await presenceOf("d-hoping");
  assert.match(await goneOf(watching, "e-never"), /nobody answers under its name for 0\.[3-9] s/);
});

test("a node beats along with those that it watches", async () => {
  const leading = await presenceOf("d-leading");
  // By its own clock it would beat three times while the other does four times.
  const following = Presence.start({
    bus,
    node: "e-following",
    timing: { ...TIMING, beat: 133 },
    onFenced: () => {},
  });
  opened.add(following);
  await beats("e-following", 1);
  following.watch("d-leading", () => {});
  leading.watch("e-following", () => {});
  await beats("d-leading", 2);
  let followed = 0;
  const counting = bus.subscribe(subject.beat("e-following"), () => followed++);
  await beats("d-leading", 40);
  counting.unsubscribe();
  assert.ok(followed >= 34, `${followed} beats to 40`);
});

test("a watch that was taken back tells nothing", async () => {
  const watching = await presenceOf("d-leaving-alone");
  let told = 0;
  watching.watch("e-ignored", () => told++)();
  await goneOf(watching, "e-other");
  assert.is(told, 0);
});

test("a thread that fails is started again, with a warning, and goes on as before", async () => {
  const threads: Worker[] = [];
  const remember = (worker: Worker) => threads.push(worker);
  process.on("worker", remember);
  const watching = await presenceOf("d-unlucky");
  process.off("worker", remember);
  const host = await presenceOf("e-lucky");
  watching.speakFor("d-unlucky-too");
  const gone = goneOf(watching, "e-lucky");
  let warned: Error & { code?: string } = new Error("none");
  process.once("warning", (warning) => (warned = warning));
  await threads[0]?.terminate();
  await Promise.all([beats("d-unlucky", 2), beats("d-unlucky-too", 2)]);
  assert.is(warned.code, "BONFIRE_PRESENCE");
  await host.close("done");
  assert.is(await gone, "done");
});

test("a process whose thread does not run lives, as its main thread answers probes too", async () => {
  const watching = await presenceOf("d-patient");
  const kill = (worker: Worker) => void worker.terminate();
  process.on("worker", kill);
  opened.add(Presence.start({ bus, node: "e-threadless", timing: TIMING, onFenced: () => {} }));
  // It is asked each 150 ms at most, as the last question was answered: longer than the lease.
  const asked = next(subject.ping("e-threadless"), 12).then(() => "alive");
  const outcome = await Promise.race([goneOf(watching, "e-threadless"), asked]);
  process.off("worker", kill);
  assert.is(outcome, "alive");
});

test("a node that was taken for gone by a driver, and lives, is told so once", async () => {
  const watching = await presenceOf("d-judging");
  const gone = goneOf(watching, "e-late");
  await gone;
  const told: string[] = [];
  await presenceOf("e-late", (node, detail) => told.push(`${node}: ${detail}`));
  await beats("e-late", 5);
  assert.is(told.length, 1);
  assert.match(told[0] as string, /^e-late: nobody answers/);
});

test("an executor that takes a node for gone tells it nothing", async () => {
  const watching = await presenceOf("e-judging");
  await goneOf(watching, "d-late");
  const told: string[] = [];
  await presenceOf("d-late", (node) => told.push(node));
  await beats("d-late", 5);
  assert.equal(told, []);
});

test("times that could harm the living are refused with the inequality that they break", () => {
  const refused = (given: object, words: RegExp) =>
    assert.throws(
      () => resolveTiming(given),
      (error: Error & { code: string }) => error.code === "INVALID_OPTION" && words.test(error.message),
    );
  refused({ beat: "1s" }, /suspectAfter ≥ 1\.5 × beat/);
  refused({ beat: 10 }, /beat ≥ 50 ms/);
  refused({ probe: 5 }, /probe ≥ 20 ms/);
  refused({ probe: "500ms" }, /nobody ≥ 3 × probe/);
  refused({ nobody: "500ms" }, /nobody ≥ 600 ms, as nobody answers for a node that reconnects/);
  refused({ lease: "4s" }, /lease ≥ 3200 ms \+ 2 × beat/);
  refused({ beat: "2s", suspectAfter: "3s" }, /lease ≥ 4200 ms \+ 2 × beat/);
  refused({ suspectAfter: "5s" }, /lease ≥ suspectAfter \+ nobody/);
  refused({ natsGrace: "10s" }, /natsGrace ≥ 2 × lease/);
  refused({ beat: "soon" }, /presence\.beat/);
  assert.throws(
    () => resolveTiming({ heartbeat: 1 } as object),
    (error: { code: string }) => error.code === "UNKNOWN_OPTION",
  );
  assert.is(resolveTiming({ lease: "8s" }).lease, 8_000);
});

test("a thread that starts in an outage of NATS beats when that is over, and nobody is warned", async () => {
  await using outer = await NatsServer.start();
  const early = await Bus.connect({ servers: [outer.url] }, "d-early");
  await outer.kill();
  let attempts = 0;
  const refusing = createServer((socket) => {
    attempts++;
    socket.destroy();
  }).listen(outer.port, "127.0.0.1");
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on("warning", warned);
  const workers = once(process, "worker");
  const presence = Presence.start({ bus: early, node: "d-early", timing: TIMING, onFenced: () => {} });
  try {
    const [thread] = (await workers) as [Worker];
    await once(thread, "online");
    const before = attempts;
    // Of the process itself, and of its thread.
    await until(() => attempts >= before + 20);
    refusing.close();
    await outer.restart();
    let beaten = false;
    early.subscribe(subject.beat("d-early"), () => (beaten = true));
    await until(() => beaten);
    assert.equal(warnings, []);
  } finally {
    refusing.close();
    process.off("warning", warned);
    await presence.close();
    await early.close();
  }
});

test.run();

/** What a supervisor does with the executors of the last one: real messages, agents and machines that are none. */
import { Actor, ActorSystem, type Address, Bus, PrivateServer, placeOf } from "@bonfire/runtime/internal";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../../test/harness/nats.ts";
import { until } from "../../test/harness/outcome.ts";
import type { GrantOffer } from "../dist/pool/client.js";
import { Supervisor } from "../dist/supervisor/supervisor.js";
import type { Backend, LaunchRequest } from "../src/backend/port.ts";
import type { Policy } from "../src/supervisor/policy.ts";

const timing = { beat: 400, suspectAfter: 600, probe: 50, nobody: 300, lease: 200, natsGrace: 9_000 };
/** The lease, 3 s for that of a store, 2 s for who does not answer. */
const ADOPTION_MS = 5_200;
const bootstrap = {
  ...{ pool: "p", timing, realm: "isolate", grants: {}, concurrency: 1, memoryMb: 64 },
} as const;
const server = await PrivateServer.start();
const opened: (() => Promise<unknown>)[] = [];
let nodes = 0;

test.after(async () => {
  for (const close of opened.reverse()) await close();
  await server.close();
});

/** A node; `gone` says that another is. */
async function nodeOf(
  kind: "d" | "e",
  address: { servers: readonly string[] } = server.address,
  node = `${kind}-${++nodes}`,
) {
  const bus = await Bus.connect(address, node);
  const watched = new Map<string, Set<(detail: string) => void>>();
  const system = new ActorSystem(bus, (other, onGone) => {
    const watches = watched.get(other) ?? new Set();
    watched.set(other, watches.add(onGone));
    return () => watches.delete(onGone);
  });
  opened.push(() => system.close().then(() => bus.close()));
  const gone = (other: string) => {
    for (const onGone of watched.get(other) ?? []) onGone("silent for 6.0 s");
  };
  return { node, bus, system, gone };
}

class Client extends Actor {
  readonly granted: GrantOffer[] = [];
  grant(offer: GrantOffer): void {
    this.granted.push(offer);
  }
  fleet(): void {}
  lost(): void {}
  withdraw(): void {}
  bootFailed(): void {}
}

interface Answers {
  adopt(token: bigint): unknown;
  mayEnd(): unknown;
}

class FakeAgent extends Actor {
  static readonly reentrant = ["adopt", "mayEnd"] as const;
  readonly #answers: Answers;
  constructor(answers: Answers) {
    super();
    this.#answers = answers;
  }
  adopt(_supervisor: Address, token: bigint): unknown {
    return this.#answers.adopt(token);
  }
  mayEnd(): unknown {
    return this.#answers.mayEnd();
  }
  released(): void {}
}

const YES = { owner: "d-gone", ageMs: 1, readyMs: 1 };

async function executor(answers: Partial<Answers> = {}, id?: string) {
  const { node, system } = await nodeOf("e", undefined, id);
  const all = { adopt: () => YES, mayEnd: () => true, ...answers };
  const agent = placeOf(await system.spawn(new FakeAgent(all), "agent"));
  const holding = (slots: number) => ({ agent, resources: {}, slots, withdrawn: false }) as const;
  const register = (supervisor: Address) => system.ref<Supervisor>(supervisor).register(agent);
  return { node, holding, register };
}

class Machines implements Backend {
  readonly name = "machines";
  readonly shared = true;
  readonly launched: { readonly id: string; readonly signal: AbortSignal }[] = [];
  readonly terminated: string[] = [];
  async launch({ launchId, owner }: LaunchRequest, signal: AbortSignal) {
    this.launched.push({ id: launchId, signal });
    return { launchId, owner, phase: "starting" } as const;
  }
  async list() {
    return [];
  }
  async terminate(launchId: string): Promise<void> {
    this.terminated.push(launchId);
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A driver that has taken over. */
async function successor(change: Partial<Policy> = {}, token = () => 0n, address?: { servers: string[] }) {
  const host = await nodeOf("d", address);
  const machines = new Machines();
  const policy: Policy = {
    ...{ min: 0, max: 1, concurrency: 1, buffer: 0, idleAfter: 60_000, lifetime: Number.POSITIVE_INFINITY },
    ...{ singleUse: false, resources: {} as Policy["resources"] },
    ...change,
  };
  const actor = new Supervisor({
    ...{ pool: "p", policy, backend: machines, bootMs: 60_000, shutdownMs: 1_000, idleCheck: undefined },
    ...{ token, follows: true, bootstrap: { ...bootstrap, nats: host.bus.address } },
  });
  const place = placeOf(await host.system.spawn(actor, "supervisor-p"));
  const stop = () => host.system.stop(place);
  return { ...host, machines, place, stop, settled: () => actor.settled() };
}

type Successor = Awaited<ReturnType<typeof successor>>;

async function driver({ place }: Successor, on?: Awaited<ReturnType<typeof nodeOf>>) {
  const { node, system } = on ?? (await nodeOf("d"));
  const actor = new Client();
  const client = placeOf(await system.spawn(actor, "client"));
  const supervisor = system.ref<Supervisor>(place);
  const report = (waiting: number, held: Record<string, number> = {}) =>
    supervisor.report({
      ...{ demand: waiting > 0 ? [{ priority: 0, waiting, oldestMs: 1 }] : [] },
      ...{ busy: 0, held, seen: 0, idleMs: 0 },
    });
  type Holdings = Parameters<Supervisor["join"]>[1];
  const join = (...holdings: Holdings) => supervisor.join(client, holdings);
  const isReady = async (id: string) =>
    (await supervisor.executors()).some((executor) => executor.id === id && executor.phase === "ready");
  const leases = async () => (await supervisor.executors())[0]?.leases;
  return { node, supervisor, granted: actor.granted, join, report, isReady, leases };
}

test("a slot that a driver holds is nobody else's after a takeover, also before it has reported", async () => {
  const next = await successor();
  const [waits, holds] = [await driver(next), await driver(next)];
  const { node, holding } = await executor();
  await waits.join();
  await waits.report(1);
  await holds.join(holding(1));
  await until(() => waits.isReady(node));
  assert.equal(await waits.leases(), { [holds.node]: 1 });
  assert.equal(waits.granted, []);
  await holds.report(0);
  await until(() => waits.granted.length === 1);
});

test("slots of a driver that learns of a takeover after the others are kept for it", async () => {
  const next = await successor({ concurrency: 4 });
  const [first, late] = [await driver(next), await driver(next)];
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const { node, holding } = await executor({
    adopt: () => {
      resolve();
      return YES;
    },
  });
  await first.join(holding(2));
  await first.report(2, { [node]: 2 });
  await asked;
  await first.report(2, { [node]: 2 });
  await late.join(holding(2));
  await until(() => first.isReady(node));
  assert.equal(await first.leases(), { [first.node]: 2, [late.node]: 2 });
  assert.equal(first.granted, []);
});

test("an executor for one call is not ended under it by a takeover", async () => {
  const next = await successor({ singleUse: true });
  const holds = await driver(next);
  const { node, holding } = await executor();
  await holds.join(holding(1));
  await until(() => holds.isReady(node));
  assert.equal(next.machines.terminated, []);
  await holds.report(0);
  await until(() => next.machines.terminated.includes(node));
});

test("an executor that is ending holds up no launch after a takeover", async () => {
  const next = await successor();
  const waits = await driver(next);
  const { holding } = await executor({ adopt: () => "leaving" });
  const start = performance.now();
  await waits.join(holding(0));
  await waits.report(1);
  await until(() => next.machines.launched.length === 1);
  assert.ok(performance.now() - start < ADOPTION_MS / 2);
});

test("executors are asked under the token of the lease as it is then", async () => {
  let token = 1n;
  const next = await successor({}, () => token);
  const holds = await driver(next);
  const asked: bigint[] = [];
  const { node, holding } = await executor({
    adopt: (by) => {
      asked.push(by);
      return YES;
    },
  });
  token = 3n;
  await holds.join(holding(1));
  await until(() => holds.isReady(node));
  assert.equal([...new Set(asked)], [3n]);
});

test("draining an executor that the supervisor does not get to have resolves with false", async () => {
  const next = await successor();
  const holds = await driver(next);
  let isEnding = false;
  const { node, holding } = await executor({ adopt: () => (isEnding ? "leaving" : undefined) });
  await holds.join(holding(1));
  const drained = holds.supervisor.drain(node);
  await holds.report(0, { [node]: 1 });
  isEnding = true;
  assert.is(await drained, false);
});

test("a supervisor that stops while it is cut off gives up what it is launching", async () => {
  const nats = await NatsServer.start();
  const next = await successor({ min: 1 }, undefined, { servers: [nats.url] });
  await until(() => next.machines.launched.length === 1);
  await nats.kill();
  await until(() => !next.bus.link.up);
  await next.stop();
  const [{ id, signal }] = next.machines.launched as [Machines["launched"][number]];
  assert.ok(signal.aborted);
  assert.equal(next.machines.terminated, [id]);
});

test("a silent executor is ended when it has had time to say that another has adopted it, or when its supervisor stops", async () => {
  const next = await successor({ max: 3 });
  const holds = await driver(next);
  let isSplit = true;
  const never = new Promise(() => undefined);
  const theirs = await executor({ mayEnd: () => (isSplit ? never : false) });
  const [dead, last] = [await executor({ mayEnd: () => never }), await executor({ mayEnd: () => never })];
  await holds.join(theirs.holding(1), dead.holding(1), last.holding(1));
  for (const { node } of [theirs, dead, last]) await until(() => holds.isReady(node));
  const start = performance.now();
  next.gone(theirs.node);
  next.gone(dead.node);
  await until(() => performance.now() - start > ADOPTION_MS - 500);
  assert.equal(next.machines.terminated, []);
  isSplit = false;
  await until(() => next.machines.terminated.length > 0);
  next.gone(last.node);
  await until(async () => (await holds.supervisor.executors()).length === 0);
  const stopped = performance.now();
  await next.stop();
  await next.settled();
  assert.ok(performance.now() - stopped < ADOPTION_MS / 2);
  assert.equal(next.machines.terminated, [dead.node, last.node]);
});

test("a silent executor of which only the supervisor's own driver was ever given a slot is ended at once", async () => {
  const next = await successor({ min: 1 });
  const own = await driver(next, next);
  await own.join();
  await until(() => next.machines.launched.length === 1);
  const [{ id }] = next.machines.launched as [Machines["launched"][number]];
  const silent = await executor({ mayEnd: () => new Promise(() => undefined) }, id);
  assert.ok(await silent.register(next.place));
  await own.report(1);
  await until(() => own.granted.length === 1);
  const start = performance.now();
  next.gone(id);
  await until(() => next.machines.terminated.length === 1);
  assert.ok(performance.now() - start < ADOPTION_MS / 2);
});

test.run();

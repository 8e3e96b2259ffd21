/** Whose an executor is, as its agent decides it: real messages and presence, a cell that is none. */
import {
  Actor,
  ActorSystem,
  type Address,
  type AgentPort,
  Bus,
  Presence,
  PrivateServer,
  placeOf,
  resolveTiming,
} from "@bonfire/runtime/internal";
import type { BonfireError } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Agent } from "../dist/agent/agent.js";

const timing = resolveTiming();
const server = await PrivateServer.start();
const opened: (() => Promise<unknown>)[] = [];
let nodes = 0;

test.after(async () => {
  for (const close of opened.reverse()) await close();
  await server.close();
});

async function nodeOf(kind: "d" | "e") {
  const node = `${kind}-${++nodes}`;
  const bus = await Bus.connect(server.address, node);
  const presence = Presence.start({ bus, node, timing, onFenced: () => undefined });
  const system = new ActorSystem(bus, presence.watch);
  opened.push(() => system.close().then(() => Promise.all([presence.close(), bus.close()])));
  return { node, presence, system };
}

class Claimant extends Actor {
  static readonly reentrant = ["leaving"] as const;
  readonly #toldOfLeaving: () => void;

  constructor(toldOfLeaving: () => void) {
    super();
    this.#toldOfLeaving = toldOfLeaving;
  }

  register(): boolean {
    return true;
  }

  /** One that does not get to answer. */
  leaving(): Promise<boolean> {
    this.#toldOfLeaving();
    return new Promise(() => undefined);
  }
}

/** A driver that would supervise. */
async function claimant() {
  const { system } = await nodeOf("d");
  const { promise: toldOfLeaving, resolve } = Promise.withResolvers<void>();
  const place = placeOf(await system.spawn(new Claimant(resolve), "supervisor"));
  return {
    ...{ place, toldOfLeaving },
    stop: () => system.stop(place),
    adopt: (agent: Address, token: bigint) => system.ref<AgentPort>(agent).adopt(place, token),
    mayEnd: (agent: Address, letGo: boolean) => system.ref<AgentPort>(agent).mayEnd(letGo),
    release: (agent: Address) => system.ref<AgentPort>(agent).released(),
    dismiss: (agent: Address) => system.ref<AgentPort>(agent).dismiss(),
    admit: (agent: Address) => system.ref<AgentPort>(agent).admit(),
  };
}

const atOnce = async () => undefined;

function cell(node: string, serve: () => Promise<undefined>) {
  const { promise: ended, resolve } = Promise.withResolvers<BonfireError>();
  return {
    ...{ node, ended, onNode: () => undefined, serve, answers: async () => true },
    ...{ kill: resolve, stop: async () => resolve({} as BonfireError) },
  };
}

/** An executor that `supervisor` launched with this token, and on which another driver has a cell. */
async function executor(
  supervisor: Awaited<ReturnType<typeof claimant>>,
  token: bigint,
  { adoptable = true, serveLater = atOnce }: { adoptable?: boolean; serveLater?: typeof atOnce } = {},
) {
  const { node, presence, system } = await nodeOf("e");
  const bootstrap = {
    ...{ executor: node, nats: server.address, pool: "p", supervisor: supervisor.place, timing },
    ...{ token: String(token), adoptable, realm: "isolate", grants: {}, concurrency: 1, memoryMb: 64 },
    ...{ registerMs: 5_000, shutdownMs: 1_000 },
  } as const;
  const { promise: orphaned, resolve: orphan } = Promise.withResolvers<void>();
  let cells = 0;
  const start = () => cell(`c-${node}-${++cells}`, cells === 1 ? atOnce : serveLater);
  const { promise: fenced, resolve: fence } = Promise.withResolvers<void>();
  const parts = { bootstrap, presence, cells: { start }, firstCell: start(), fenced, orphan };
  const agent = placeOf(await system.spawn(new Agent(parts), "agent"));
  const guest = await claimant();
  await guest.admit(agent);
  const leave = () => system.ref<Agent>(agent).leave();
  return { agent, guest, orphaned, fence, leave };
}

test("an executor refuses another supervisor while its own lives, unless the other has a greater token", async () => {
  const [first, second] = [await claimant(), await claimant()];
  const { agent } = await executor(first, 5n);
  for (const token of [0n, 4n, 5n]) assert.is(await second.adopt(agent, token), undefined);
  assert.ok(await first.mayEnd(agent, false));
  const adopted = await second.adopt(agent, 6n);
  assert.is(adopted?.owner, first.place.node);
  assert.ok((adopted?.readyMs as number) <= (adopted?.ageMs as number));
  assert.not(await first.mayEnd(agent, false));
  assert.ok(await second.mayEnd(agent, false));
  assert.is(await first.adopt(agent, 5n), undefined);
  // An answer may have been lost.
  assert.ok(await second.adopt(agent, 6n));
});

test("an executor whose supervisor has stopped is whoever's comes first, but nobody's with a lower token", async () => {
  const [first, second, third] = [await claimant(), await claimant(), await claimant()];
  const { agent } = await executor(first, 5n);
  await first.stop();
  assert.is(await second.adopt(agent, 4n), undefined);
  while (!(await second.adopt(agent, 5n)));
  assert.is(await third.adopt(agent, 5n), undefined);
});

test("an executor that its supervisor lets go is free at once if drivers have cells there, and ends with the last of them", async () => {
  const [first, second] = [await claimant(), await claimant()];
  const { agent, guest, orphaned } = await executor(first, 0n);
  assert.not(await first.mayEnd(agent, true));
  assert.ok(await second.adopt(agent, 0n));
  assert.not(await second.mayEnd(agent, true));
  await guest.dismiss(agent);
  await orphaned;
});

test("a driver that closes while its cell still starts uses the executor no longer", async () => {
  const first = await claimant();
  let begin: (value: undefined) => void = () => undefined;
  const serveLater = () => new Promise<undefined>((resolve) => (begin = resolve));
  const { agent, guest } = await executor(first, 0n, { serveLater });
  await guest.dismiss(agent);
  const admitted = first.admit(agent);
  const dismissed = first.dismiss(agent);
  assert.ok(await first.mayEnd(agent, true));
  begin(undefined);
  await Promise.all([admitted, dismissed]);
});

test("an executor of a backend that is one driver's own ends with its supervisor", async () => {
  const first = await claimant();
  const { agent, orphaned } = await executor(first, 0n, { adoptable: false });
  assert.ok(await first.mayEnd(agent, true));
  await first.stop();
  await orphaned;
});

test("an executor that others have taken for gone ends, and is for no other supervisor or driver", async () => {
  const [first, second] = [await claimant(), await claimant()];
  const { agent, guest, orphaned, fence } = await executor(first, 0n);
  fence();
  await orphaned;
  assert.is(await second.adopt(agent, 1n), "leaving");
  const refused = await second.admit(agent).catch(({ code }: BonfireError) => code);
  assert.is(refused, "EXECUTOR_LOST");
  assert.ok(await guest.admit(agent), "who has a cell keeps it");
});

test("an executor that is told to end and then released by its supervisor waits for no answer of it", async () => {
  const first = await claimant();
  const { agent, leave } = await executor(first, 0n);
  const left = leave();
  await first.toldOfLeaving;
  await first.release(agent);
  await left;
});

test.run();

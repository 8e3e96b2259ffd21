import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type Action,
  type Demand,
  type DriverView,
  decide,
  type ExecutorView,
} from "../src/supervisor/decide.ts";
import type { Policy } from "../src/supervisor/policy.ts";
import type { Resources } from "../src/supervisor/resources.ts";

const POLICY: Policy = {
  min: 0,
  max: 4,
  concurrency: 2,
  buffer: 0,
  idleAfter: 1_000,
  lifetime: Number.POSITIVE_INFINITY,
  singleUse: false,
  resources: {},
};
const NEVER = Number.POSITIVE_INFINITY;
const driver = (waiting: number, underway = 0, id = "d1", lastGrant = 0): DriverView => ({
  id,
  demand: waiting > 0 ? [{ priority: 0, waiting, oldestMs: 0 }] : [],
  busy: 0,
  underway,
  lastGrant,
});
const wanting = (id: string, ...demand: Partial<Demand>[]): DriverView => ({
  ...driver(0, 0, id),
  demand: demand.map((want) => ({ priority: 0, waiting: 1, oldestMs: 0, ...want })),
});
const ready = (id: string, leases: Record<string, number> = {}, idleSince = 0): ExecutorView => ({
  id,
  phase: "ready",
  leases: new Map(Object.entries(leases)),
  leased: Object.values(leases).reduce((sum, slots) => sum + slots, 0),
  idleSince,
  expiresAt: NEVER,
  spent: false,
  drainBy: NEVER,
  replaces: undefined,
  resources: {},
});
const booting = (id: string): ExecutorView => ({ ...ready(id), phase: "booting" });
const actions = (drivers: DriverView[], fleet: ExecutorView[], policy = POLICY, now = 0): readonly Action[] =>
  decide(drivers, fleet, policy, now).actions;
const launch = (count: number, more: object = {}) => ({ kind: "launch", count, resources: {}, ...more });

test("nothing is launched while nobody waits", () => {
  assert.equal(actions([driver(0)], []), []);
});

test("F7: a burst of N calls at concurrency c launches exactly ceil(N/c) executors, never more", () => {
  for (let calls = 1; calls <= 8; calls++) {
    assert.equal(actions([driver(calls)], []), [launch(Math.ceil(calls / 2))]);
  }
});

test("F7: calls that booting executors will serve launch nothing", () => {
  assert.equal(actions([driver(2)], [booting("a")]), []);
  assert.equal(actions([driver(3)], [booting("a")]), [launch(1)]);
});

test("F4: running and booting executors together never exceed max", () => {
  assert.equal(actions([driver(100)], [booting("a"), ready("b", { d1: 2 })]), [launch(2)]);
  assert.equal(actions([driver(100)], ["a", "b", "c", "d"].map(booting)), []);
});

test("F3: free slots are granted before anything is launched", () => {
  assert.equal(actions([driver(2)], [ready("a")]), [
    { kind: "grant", executor: "a", driver: "d1", slots: 2 },
  ]);
});

test("slots that are under way to a driver are not granted to it again", () => {
  assert.equal(actions([driver(2, 2)], [ready("a", { d1: 2 })]), []);
});

test("two drivers that wait share an executor's free slots", () => {
  const granted = actions([driver(5, 0, "d1"), driver(5, 0, "d2")], [ready("a")], { ...POLICY, max: 1 });
  assert.equal(granted, [
    { kind: "grant", executor: "a", driver: "d1", slots: 1 },
    { kind: "grant", executor: "a", driver: "d2", slots: 1 },
  ]);
});

test("at max, a driver that holds more than its share is asked to give it back", () => {
  const fleet = [ready("a", { d1: 2 })];
  const asked = actions([driver(0, 0, "d1"), driver(1, 0, "d2")], fleet, { ...POLICY, max: 1 });
  assert.equal(asked, [{ kind: "recall", driver: "d1", keep: 1 }]);
});

test("where there is less than a slot for each, whoever holds one gives it back after its call", () => {
  const policy = { ...POLICY, max: 1, concurrency: 1 };
  const fleet = [ready("a", { d1: 1 })];
  assert.equal(actions([driver(9, 0, "d1"), driver(1, 0, "d2")], fleet, policy), [
    { kind: "recall", driver: "d1", keep: 0 },
  ]);
});

test("a slot that becomes free goes to whoever holds least, and among those to the one served longest ago", () => {
  const policy = { ...POLICY, max: 1, concurrency: 1 };
  const granted = (d1: number, d2: number) =>
    actions([driver(9, 0, "d1", d1), driver(9, 0, "d2", d2)], [ready("a")], policy)[0];
  assert.equal(granted(5, 4), { kind: "grant", executor: "a", driver: "d2", slots: 1 });
  assert.equal(granted(5, 6), { kind: "grant", executor: "a", driver: "d1", slots: 1 });
});

test("F9: an executor without a lease for idleAfter retires, and the decision says when to look again", () => {
  const early = decide([], [ready("a", {}, 500)], POLICY, 1_499);
  assert.equal(early, { actions: [], wakeAt: 1_500 });
  assert.equal(actions([], [ready("a", {}, 500)], POLICY, 1_500), [
    { kind: "retire", executor: "a", reason: "idle" },
  ]);
});

test("of idle executors beside busy ones, the longest idle goes after idleAfter, and the next to be needed stays", () => {
  const policy = { ...POLICY, max: 10, concurrency: 1 };
  const fleet = [ready("a", { d1: 1 }), ready("b"), ready("c"), ready("d", {}, 1)];
  const { actions, wakeAt } = decide([driver(0)], fleet, policy, 1_000);
  assert.equal(actions, [
    { kind: "retire", executor: "b", reason: "idle" },
    { kind: "retire", executor: "c", reason: "idle" },
  ]);
  assert.is(wakeAt, 2_001, "the last one is half as near as can be");
  assert.equal(decide([driver(0)], [ready("a", { d1: 1 }), ready("d", {}, 1)], policy, 2_000).actions, []);
});

test("F9: min stays, and a dead one is replaced", () => {
  const policy = { ...POLICY, min: 2 };
  assert.equal(actions([], [ready("a"), ready("b")], policy, 10_000), []);
  assert.equal(actions([], [ready("a")], policy, 10_000), [launch(1)]);
  assert.equal(actions([], [ready("a"), booting("b")], policy, 10_000), []);
});

test("an executor that is granted in this decision is not retired by it", () => {
  assert.equal(actions([driver(1)], [ready("a")], POLICY, 10_000), [
    { kind: "grant", executor: "a", driver: "d1", slots: 2 },
  ]);
});

test("after a failed launch nothing is launched until its time has come", () => {
  assert.equal(decide([driver(1)], [], POLICY, 100, { launchAfter: 350 }), { actions: [], wakeAt: 350 });
  assert.equal(decide([driver(1)], [], POLICY, 350, { launchAfter: 350 }).actions, [launch(1)]);
});

test("calls of a higher priority are served first, whoever makes them", () => {
  const urgent = wanting("d2", { priority: 5, waiting: 2 });
  assert.equal(actions([driver(9), urgent], [ready("a")], { ...POLICY, max: 1 }), [
    { kind: "grant", executor: "a", driver: "d2", slots: 2 },
  ]);
});

test("at max, slots are taken back from lower priorities, as many as the higher ones need", () => {
  const fleet = [ready("a", { d1: 2 }), ready("b", { d1: 2 })];
  const policy = { ...POLICY, max: 2 };
  const asked = actions([driver(9), wanting("d2", { priority: 1, waiting: 3 })], fleet, policy);
  assert.equal(asked, [{ kind: "recall", driver: "d1", keep: 1 }]);
});

test("one urgent call of a driver does not keep the slots that its other calls hold", () => {
  const fleet = [ready("a", { d1: 2 }), ready("b", { d1: 2 })];
  const mixed = wanting("d1", { priority: 1 }, { priority: 0, waiting: 50 });
  const asked = actions([mixed, wanting("d2", { priority: 1, waiting: 9 })], fleet, { ...POLICY, max: 2 });
  assert.equal(asked, [{ kind: "recall", driver: "d1", keep: 1 }]);
});

test("an odd slot stays with whoever has it", () => {
  const fleet = [ready("a", { d1: 2, d2: 1 })];
  const policy = { ...POLICY, max: 1, concurrency: 3 };
  assert.equal(actions([driver(5, 0, "d1"), driver(5, 0, "d2")], fleet, policy), []);
});

test("a driver that splits its calls into many classes gets no more than one that does not", () => {
  const many = wanting("d1", { prefers: "x" }, { prefers: "y" }, { waiting: 4 });
  const granted = actions([many, driver(6, 0, "d2")], [ready("a")], { ...POLICY, max: 1, concurrency: 4 });
  const slots = (id: string) =>
    granted.reduce((sum, one) => sum + (one.kind === "grant" && one.driver === id ? one.slots : 0), 0);
  assert.equal([slots("d1"), slots("d2")], [2, 2]);
});

test("slots are granted on the preferred executor if it has any free, else elsewhere", () => {
  const fleet = [ready("a"), ready("b")];
  const prefers = (executor: string) => actions([wanting("d1", { prefers: executor })], fleet)[0];
  assert.equal(prefers("b"), { kind: "grant", executor: "b", driver: "d1", slots: 2 });
  assert.equal(prefers("gone"), { kind: "grant", executor: "a", driver: "d1", slots: 2 });
});

test("what no executor of the pool can serve is refused with the reason, and launches nothing", () => {
  const policy = { ...POLICY, resources: { cpu: 2, gpu: { count: 1, kinds: ["l4", "a100"] } } };
  const refusal = (resources: Resources) => actions([wanting("d1", { resources })], [], policy)[0];
  assert.match((refusal({ cpu: 4 }) as { reason: string }).reason, /needs 4 cpu, and an executor has 2 cpu/);
  assert.match((refusal({ memory: 1 }) as { reason: string }).reason, /none declared/);
  assert.match((refusal({ gpu: { count: 1, kinds: ["h100"] } }) as { reason: string }).reason, /kind h100/);
  assert.is(refusal({ cpu: 2 })?.kind, "launch");
});

test("a call that needs one kind of gpu launches that kind, and is granted no other", () => {
  const resources = { gpu: { count: 1, kinds: ["l4", "a100"] } };
  const a100 = { gpu: { count: 1, kinds: ["a100"] } };
  const policy = { ...POLICY, resources };
  const fleet = [{ ...ready("a"), resources: { gpu: { count: 1, kinds: ["l4"] } } }];
  assert.equal(actions([wanting("d1", { resources: a100 })], fleet, policy), [
    { kind: "launch", count: 1, resources: a100 },
  ]);
});

test("at max, an idle executor that nobody who waits can use makes room for one they can", () => {
  const a100 = { gpu: { count: 1, kinds: ["a100"] } };
  const policy = { ...POLICY, max: 1, resources: { gpu: { count: 1, kinds: ["l4", "a100"] } } };
  const fleet = [{ ...ready("a"), resources: { gpu: { count: 1, kinds: ["l4"] } } }];
  assert.equal(actions([wanting("d1", { resources: a100 })], fleet, policy), [
    { kind: "retire", executor: "a", reason: "room" },
    { kind: "launch", count: 1, resources: a100 },
  ]);
});

test("buffer keeps that many slots free beyond what calls use, up to max", () => {
  const policy = { ...POLICY, buffer: 3 };
  assert.equal(actions([], [], policy), [launch(2)]);
  const busy = { ...driver(0), busy: 2 };
  const fleet = [ready("a", { d1: 2 }), ready("b"), booting("c")];
  assert.equal(actions([busy], fleet, policy, 10_000), []);
  assert.equal(actions([busy], fleet.slice(0, 2), policy, 10_000), [launch(1)]);
  assert.equal(actions([{ ...busy, busy: 9 }], fleet, policy), [launch(1)]);
});

test("F16: a single-use executor is granted once, and goes when its call has ended", () => {
  const policy = { ...POLICY, concurrency: 1, singleUse: true };
  const used = { ...ready("a", { d1: 1 }), spent: true };
  assert.equal(actions([driver(1)], [used], policy), [launch(1)]);
  const over = { ...ready("a"), spent: true };
  assert.equal(actions([driver(1)], [over], { ...policy, max: 1 }), [
    { kind: "retire", executor: "a", reason: "single-use" },
    launch(1),
  ]);
});

test("where there are more than max, those go that are least used, and calls that run there may take their time", () => {
  const fleet = [ready("a", { d1: 2 }), ready("b", { d1: 1 }), ready("c"), booting("d")];
  const policy = { ...POLICY, min: 1, max: 2 };
  assert.equal(actions([], fleet, policy), [
    { kind: "retire", executor: "c", reason: "room" },
    { kind: "drain", executor: "b", patient: true },
  ]);
  assert.equal(actions([], fleet, { ...policy, max: 4 }), []);
});

test("where there are more than max, nobody goes before the drivers have said what they hold", () => {
  const fleet = [ready("a", { d1: 2 }), ready("b", { d1: 1 })];
  const policy = { ...POLICY, max: 1 };
  assert.equal(decide([], fleet, policy, 3, { launchAfter: 5 }), { actions: [], wakeAt: 5 });
});

test("one whose lifetime is over gets a successor first, serves until that is ready, and then drains", () => {
  const old = { ...ready("a", { d1: 2 }), expiresAt: 5 };
  const successor = (phase: "booting" | "ready") => ({ ...ready("b"), phase, replaces: "a" });
  assert.equal(decide([], [old], POLICY, 4), { actions: [], wakeAt: 5 });
  assert.equal(actions([], [old], POLICY, 5), [launch(1, { replaces: "a" })]);
  assert.equal(actions([], [old, successor("booting")], POLICY, 6), []);
  assert.equal(actions([], [old, successor("ready")], POLICY, 6), [{ kind: "drain", executor: "a" }]);
});

test("at max, one whose lifetime is over drains while its successor boots, so that max holds", () => {
  const old = { ...ready("a", { d1: 2 }), expiresAt: 5 };
  assert.equal(actions([], [old], { ...POLICY, max: 1 }, 5), [
    { kind: "drain", executor: "a" },
    launch(1, { replaces: "a" }),
  ]);
});

test("an idle executor whose lifetime is over goes without a successor, unless min or buffer needs one", () => {
  const old = { ...ready("a"), expiresAt: 5 };
  const gone = { kind: "retire", executor: "a", reason: "lifetime" };
  assert.equal(actions([], [old], POLICY, 5), [gone]);
  assert.equal(actions([], [old], { ...POLICY, min: 1 }, 5), [launch(1, { replaces: "a" })]);
  const heir = { ...ready("b"), replaces: "a" };
  assert.equal(actions([], [old, heir], { ...POLICY, min: 1 }, 5), [gone]);
});

test("one that drains is granted to nobody, and goes when its leases are back or its time is up", () => {
  const draining = (leases: Record<string, number>) => ({
    ...ready("a", leases),
    phase: "draining" as const,
    drainBy: 50,
  });
  assert.equal(decide([], [draining({ d1: 1 })], POLICY, 0), { actions: [], wakeAt: 50 });
  const gone = { kind: "retire", executor: "a", reason: "drained" };
  assert.equal(actions([], [draining({})], POLICY, 0), [gone]);
  assert.equal(actions([], [draining({ d1: 1 })], POLICY, 50), [gone]);
  assert.equal(actions([driver(1)], [draining({ d1: 1 })], { ...POLICY, max: 1 }, 0), [launch(1)]);
});

test("while launches fail, drivers share the executors that there are", () => {
  const fleet = [ready("a", { d1: 2 })];
  const asked = decide([driver(0, 0, "d1"), driver(5, 0, "d2")], fleet, POLICY, 0, { launchAfter: 9 });
  assert.equal(asked, { actions: [{ kind: "recall", driver: "d1", keep: 0 }], wakeAt: 9 });
});

test("waiters of an executor that died launch another, with no new call", () => {
  assert.equal(actions([driver(3)], [ready("a", { d1: 2 })]), [launch(2)]);
  assert.equal(actions([driver(3)], []), [launch(2)]);
});

test.run();

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type Action,
  type DriverView,
  decide,
  type ExecutorView,
  type Policy,
} from "../src/supervisor/decide.ts";

const POLICY: Policy = { min: 0, max: 4, concurrency: 2, idleAfter: 1_000, resources: {} };
const driver = (waiting: number, underway = 0, id = "d1", lastGrant = 0): DriverView => ({
  id,
  demand: waiting > 0 ? [{ priority: 0, waiting, oldestMs: 0 }] : [],
  busy: 0,
  underway,
  lastGrant,
});
const ready = (id: string, leases: Record<string, number> = {}, idleSince = 0): ExecutorView => ({
  id,
  phase: "ready",
  leases: new Map(Object.entries(leases)),
  idleSince,
});
const booting = (id: string): ExecutorView => ({ id, phase: "booting", leases: new Map(), idleSince: 0 });
const actions = (drivers: DriverView[], fleet: ExecutorView[], policy = POLICY, now = 0): readonly Action[] =>
  decide(drivers, fleet, policy, now).actions;

test("nothing is launched while nobody waits", () => {
  assert.equal(actions([driver(0)], []), []);
});

test("F7: a burst of N calls at concurrency c launches exactly ceil(N/c) executors, never more", () => {
  for (let calls = 1; calls <= 8; calls++) {
    assert.equal(actions([driver(calls)], []), [{ kind: "launch", count: Math.ceil(calls / 2) }]);
  }
});

test("F7: calls that booting executors will serve launch nothing", () => {
  assert.equal(actions([driver(2)], [booting("a")]), []);
  assert.equal(actions([driver(3)], [booting("a")]), [{ kind: "launch", count: 1 }]);
});

test("F4: running and booting executors together never exceed max", () => {
  assert.equal(actions([driver(100)], [booting("a"), ready("b", { d1: 2 })]), [{ kind: "launch", count: 2 }]);
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
  assert.equal(actions([], [ready("a", {}, 500)], POLICY, 1_500), [{ kind: "retire", executor: "a" }]);
});

test("F9: min stays, and a dead one is replaced", () => {
  const policy = { ...POLICY, min: 2 };
  assert.equal(actions([], [ready("a"), ready("b")], policy, 10_000), []);
  assert.equal(actions([], [ready("a")], policy, 10_000), [{ kind: "launch", count: 1 }]);
  assert.equal(actions([], [ready("a"), booting("b")], policy, 10_000), []);
});

test("an executor that is granted in this decision is not retired by it", () => {
  assert.equal(actions([driver(1)], [ready("a")], POLICY, 10_000), [
    { kind: "grant", executor: "a", driver: "d1", slots: 2 },
  ]);
});

test("after a failed launch nothing is launched until its time has come", () => {
  assert.equal(decide([driver(1)], [], POLICY, 100, 350), { actions: [], wakeAt: 350 });
  assert.equal(decide([driver(1)], [], POLICY, 350, 350).actions, [{ kind: "launch", count: 1 }]);
});

test.run();

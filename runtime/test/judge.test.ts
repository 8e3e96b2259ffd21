import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Facts, judge } from "../src/presence/judge.ts";
import { resolveTiming } from "../src/presence/timing.ts";

const TIMING = resolveTiming();

const facts = (given: Partial<Facts>): Facts => ({
  now: 100_000,
  seen: 100_000,
  lease: 0,
  nobodySince: undefined,
  unansweredAt: 0,
  linkUp: true,
  linkSince: 0,
  linkHasBroken: false,
  distrustUntil: 0,
  ...given,
});
const kind = (given: Partial<Facts>) => judge(facts(given), TIMING).kind;

test("a node that was heard within one and a half beats is alive", () => {
  assert.is(kind({ seen: 99_250 }), "alive");
});

test("silence of more than that makes a suspect, never a dead one", () => {
  assert.is(kind({ seen: 99_249 }), "suspect");
  assert.is(kind({ seen: 94_001 }), "suspect");
});

test("silence beyond the lease means gone", () => {
  assert.is(kind({ seen: 93_900 }), "gone");
});

test("a node whose own lease is longer may be silent for longer", () => {
  assert.is(kind({ seen: 93_900, lease: 10_000 }), "suspect");
  assert.is(kind({ seen: 89_900, lease: 10_000 }), "gone");
});

test("nobody answering under its name for 1.3 s without a break means gone", () => {
  assert.is(kind({ seen: 98_690, nobodySince: 98_710 }), "suspect");
  assert.is(kind({ seen: 98_690, nobodySince: 98_700 }), "gone");
});

test("the time since it owed a beat counts as well, if nobody has answered for 0.6 s of it", () => {
  assert.is(kind({ seen: 98_210, nobodySince: 99_000 }), "suspect");
  assert.is(kind({ seen: 98_200, nobodySince: 99_000 }), "gone");
  assert.is(kind({ seen: 97_000, nobodySince: 99_410 }), "suspect");
  assert.is(kind({ seen: 97_000, nobodySince: 99_400 }), "gone");
});

test("the time in which probes got no word does not count, as whatever was in their way held up beats as well", () => {
  assert.is(kind({ seen: 96_000, nobodySince: 98_750, unansweredAt: 98_710 }), "suspect");
  assert.is(kind({ seen: 96_000, nobodySince: 98_750, unansweredAt: 98_700 }), "gone");
});

test("a watcher whose own link is down judges nobody", () => {
  assert.is(kind({ seen: 90_000, nobodySince: 90_000, linkUp: false }), "alive");
});

test("time before the watcher's own link came back does not count", () => {
  assert.is(kind({ seen: 90_000, nobodySince: 90_000, linkSince: 98_710 }), "suspect");
  assert.is(kind({ seen: 90_000, linkSince: 99_300 }), "alive");
});

test("after its own link has broken a watcher waits until others may have noticed that theirs has", () => {
  const rejoining = { seen: 90_000, nobodySince: 97_000, linkHasBroken: true };
  assert.is(kind({ ...rejoining, linkSince: 96_801 }), "suspect");
  assert.is(kind({ ...rejoining, linkSince: 96_800 }), "gone");
});

test("a watcher whose own timers slipped judges nobody for a while", () => {
  assert.is(kind({ seen: 60_000, distrustUntil: 100_001 }), "alive");
});

test("after the NATS grace everybody is gone, as they will think of us", () => {
  assert.is(kind({ seen: 69_000, linkUp: false }), "gone");
});

test.run();

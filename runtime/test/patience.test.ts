import { test } from "uvu";
import * as assert from "uvu/assert";
import { BackendError } from "../src/backend/port.ts";
import { resolvePoolOptions } from "../src/pool/options.ts";
import { BootFailures } from "../src/supervisor/boot-failures.ts";
import { keptFor, Patience } from "../src/supervisor/patience.ts";

test("an idle executor is kept for idleAfter, and twice as long once one that went was missed", () => {
  const patience = new Patience(100);
  assert.is(patience.idleFor, 100);
  patience.retired(0);
  patience.launched(100, 1, 0);
  assert.is(patience.idleFor, 200);
  patience.retired(300);
  patience.launched(350, 1, 0);
  assert.is(patience.idleFor, 200, "and never longer");
});

test("one that is missed late is not regretted, and where none was missed for long, patience goes back", () => {
  const patience = new Patience(100);
  patience.retired(0);
  patience.launched(101, 1, 0);
  assert.is(patience.idleFor, 100);
  patience.retired(200);
  patience.launched(201, 1, 0);
  patience.retired(1_000);
  assert.is(patience.idleFor, 200);
  patience.retired(1_801);
  assert.is(patience.idleFor, 100);
});

test("what chance explains is no regret: as many launches as the square root of the executors that are there", () => {
  const patience = new Patience(100);
  patience.retired(0);
  patience.launched(10, 3, 25);
  patience.launched(20, 2, 28);
  assert.is(patience.idleFor, 100);
  patience.launched(30, 1, 30);
  assert.is(patience.idleFor, 200);
});

test("the next executor that calls would need is kept for up to three times idleAfter, far ones for idleAfter", () => {
  const policy = { ...resolvePoolOptions("p", {}).policy, idleAfter: 100 };
  const kept = (place: number, used: number, idleFor = 100) => keptFor(place, used, idleFor, policy);
  assert.equal(
    [1, 5, 10, 11, 1_000].map((place) => kept(place, 25)),
    [280, 200, 100, 100, 100],
  );
  assert.is(kept(1, 1e12) <= 300, true);
  assert.equal(
    [1, 20].map((place) => kept(place, 0)),
    [100, 100],
    "where nothing is in use, none is near",
  );
  assert.equal(
    [1, 10].map((place) => kept(place, 25, 200)),
    [290, 200],
    "from what a missed load has taught",
  );
  const four = { ...policy, concurrency: 4 };
  assert.equal(
    [1, 5].map((place) => keptFor(place, 25, 100, four)),
    [260, 100],
    "slots vary, not executors",
  );
});

test("where boots are slow an idle executor is kept for half of one, at most twice idleAfter", () => {
  const patience = new Patience(100);
  patience.booted(360);
  assert.is(patience.idleFor, 180);
  patience.booted(60_000);
  assert.is(patience.idleFor, 200);
});

test("boots that fail wait 250 ms, then twice as long each time, up to 15 s, a quarter more or less", () => {
  for (const [dice, factor] of [
    [0, 0.75],
    [1, 1.25],
  ] as const) {
    const failures = new BootFailures("p", 1e9, () => dice);
    const waits = Array.from({ length: 9 }, (_, n) => {
      failures.note(new Error("no"), n * 1e5, n * 1e5);
      return failures.launchAfter - n * 1e5;
    });
    const plain = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000];
    assert.equal(
      waits,
      plain.map((ms) => ms * factor),
    );
  }
});

test("executors that were launched together and fail together are one reason to wait", () => {
  const failures = new BootFailures("p", 1e9, () => 0.5);
  for (let n = 0; n < 5; n++) failures.note(new Error("no"), 0, 100 + n);
  assert.is(failures.launchAfter, 100 + 250);
});

test("booting is given up when no try would come within the time that a boot may take, with every reason", () => {
  const failures = new BootFailures("p", 1_000, () => 0.5);
  assert.is(failures.note(new BackendError("capacity", "no machine is free"), 0, 10).hopeless, false);
  assert.is(failures.note(new BackendError("quota", "ten is the limit"), 260, 300).hopeless, false);
  assert.is(failures.note(new BackendError("capacity", "no machine is free"), 800, 900).hopeless, true);
  const error = failures.error as Error;
  assert.match(error.message, /cannot boot an executor: no machine is free \(2 times\)/);
  assert.is(((error.cause as Error).cause as Error).message, "ten is the limit");
});

test("what no retry mends is given up at once", () => {
  for (const reason of ["auth", "invalid", "image", "unsupported"] as const) {
    const failures = new BootFailures("p", 1e9);
    assert.is(failures.note(new BackendError(reason, "no"), 0, 1).hopeless, true);
  }
});

test.run();

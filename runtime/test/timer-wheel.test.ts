import { test } from "uvu";
import * as assert from "uvu/assert";
import { TimerWheel, Wait } from "../src/bus/timer-wheel.ts";

class Noted extends Wait {
  readonly expired = Promise.withResolvers<number>();
  onExpire(): void {
    this.expired.resolve(performance.now());
  }
}

test("a wait expires at its deadline, not before and at most two ticks later", async () => {
  const wheel = new TimerWheel();
  const wait = new Noted();
  const start = performance.now();
  wheel.add(wait, 120);
  const took = (await wait.expired.promise) - start;
  assert.ok(took >= 100 && took < 400, `took ${took} ms`);
  assert.is(wheel.size, 0);
});

test("a wait that was removed never expires, and removing it twice does no harm", async () => {
  const wheel = new TimerWheel();
  const removed = new Noted();
  const last = new Noted();
  let expired = false;
  void removed.expired.promise.then(() => {
    expired = true;
  });
  wheel.add(removed, 60);
  wheel.add(last, 160);
  wheel.remove(removed);
  wheel.remove(removed);
  await last.expired.promise;
  assert.not(expired);
});

test("a wait longer than one round of the wheel outlives the round", async () => {
  let now = 0;
  const wheel = new TimerWheel(() => now);
  const long = new Noted();
  const short = new Noted();
  wheel.add(long, 512 * 50 + 100); // same bucket as a wait of 100 ms, one round later
  wheel.add(short, 100);
  let longExpired = false;
  void long.expired.promise.then(() => {
    longExpired = true;
  });
  now = 150;
  await short.expired.promise;
  assert.not(longExpired);
  now = 512 * 50 + 200;
  await long.expired.promise;
  assert.ok(longExpired);
});

test("a wait may remove its neighbours while it expires", async () => {
  const wheel = new TimerWheel();
  const neighbour = new Noted();
  let expired = false;
  void neighbour.expired.promise.then(() => {
    expired = true;
  });
  class Remover extends Noted {
    override onExpire(): void {
      wheel.remove(neighbour);
      super.onExpire();
    }
  }
  const remover = new Remover();
  wheel.add(remover, 60);
  wheel.add(neighbour, 60);
  await remover.expired.promise;
  assert.is(wheel.size, 0);
  assert.not(expired);
});

test.run();

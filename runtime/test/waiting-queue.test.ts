import { test } from "uvu";
import * as assert from "uvu/assert";
import { WaitingQueue } from "../src/pool/waiting-queue.ts";

const queueOf = (...items: number[]) => {
  const queue = new WaitingQueue<number>();
  for (const item of items) queue.push(item);
  return queue;
};
const shiftAll = (queue: WaitingQueue<number>) => Array.from({ length: queue.size }, () => queue.shift());

test("who comes first is served first, also after the queue was empty", () => {
  const queue = queueOf(1, 2);
  assert.equal(shiftAll(queue), [1, 2]);
  assert.is(queue.shift(), undefined);
  queue.push(3);
  queue.push(4);
  assert.equal(shiftAll(queue), [3, 4]);
});

test("several that are put back keep their order and come before those that wait", () => {
  const queue = queueOf(1, 2, 3, 4);
  const returned = [queue.shift(), queue.shift(), queue.shift()];
  for (const item of returned) queue.unshift(item as number);
  assert.is(queue.size, 4);
  assert.equal(shiftAll(queue), [1, 2, 3, 4]);
});

test("one that is put back while others of its kind wait comes behind them", () => {
  const queue = queueOf(1, 2, 3, 4);
  const returned = [queue.shift(), queue.shift(), queue.shift()] as number[];
  queue.unshift(returned[0] as number);
  queue.unshift(returned[1] as number);
  assert.is(queue.shift(), 1);
  queue.unshift(returned[2] as number);
  assert.equal(shiftAll(queue), [2, 3, 4]);
});

test("a removed one is never served, wherever it waits", () => {
  const queue = queueOf(1, 2, 3, 4);
  queue.unshift(queue.shift() as number);
  queue.remove(1);
  queue.remove(3);
  queue.remove(99);
  assert.is(queue.size, 2);
  assert.equal(shiftAll(queue), [2, 4]);
});

test("draining takes out everything in the order of service, and the queue can be used again", () => {
  const queue = queueOf(1, 2, 3);
  queue.unshift(queue.shift() as number);
  assert.equal(queue.drain(), [1, 2, 3]);
  assert.is(queue.size, 0);
  queue.push(4);
  assert.equal(shiftAll(queue), [4]);
});

test("serving four times as many takes about four times as long, not sixteen", () => {
  const time = (count: number) => {
    const queue = new WaitingQueue<object>();
    for (let i = 0; i < count; i++) queue.push({});
    const start = performance.now();
    while (queue.shift());
    return performance.now() - start;
  };
  time(50_000);
  const few = Math.min(...[1, 2, 3].map(() => time(50_000)));
  const many = Math.min(...[1, 2, 3].map(() => time(200_000)));
  assert.ok(many < 10 * few, `${few.toFixed(1)} ms and ${many.toFixed(1)} ms`);
});

test.run();

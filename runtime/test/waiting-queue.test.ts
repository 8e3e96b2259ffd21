import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Waiting, WaitingQueue } from "../src/pool/waiting-queue.ts";

class Item implements Waiting {
  readonly name: string;
  readonly priority: number;
  turn = 0;
  place = -1;

  constructor(name: string, priority = 0) {
    this.name = name;
    this.priority = priority;
  }
}

const items = (...names: string[]) => names.map((name) => new Item(name));
const queueOf = (all: readonly Item[]) => {
  const queue = new WaitingQueue<Item>();
  for (const item of all) queue.push(item);
  return queue;
};
const shiftAll = (queue: WaitingQueue<Item>) =>
  Array.from({ length: queue.size }, () => queue.shift()?.name).join("");
/** The same at each run. */
const randomFrom = (seed: number) => {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
};

test("who comes first is served first, also after the queue was empty", () => {
  const queue = queueOf(items("a", "b"));
  assert.is(shiftAll(queue), "ab");
  assert.is(queue.shift(), undefined);
  for (const item of items("c", "d")) queue.push(item);
  assert.is(shiftAll(queue), "cd");
});

test("a higher priority goes first; within one it is first come, first served", () => {
  const queue = queueOf([
    new Item("c", 0),
    new Item("a", 5),
    new Item("d", 0),
    new Item("b", 5),
    new Item("e", -1),
  ]);
  assert.is(shiftAll(queue), "abcde");
});

test("one that is put back has its old turn", () => {
  const [a, b, c] = items("a", "b", "c") as [Item, Item, Item];
  const queue = queueOf([a, b, c]);
  queue.shift();
  queue.shift();
  queue.push(b);
  queue.push(a);
  assert.is(shiftAll(queue), "abc");
});

test("a removed one is never served, wherever it waits, and removing it again does nothing", () => {
  const all = items("a", "b", "c", "d");
  const queue = queueOf(all);
  const [a, , c] = all as [Item, Item, Item];
  assert.ok(queue.remove(a));
  assert.ok(queue.remove(c));
  assert.not.ok(queue.remove(c));
  assert.not.ok(queue.remove(new Item("other")));
  assert.is(shiftAll(queue), "bd");
});

test("whatever is added and removed, the order of service is that of a sorted list", () => {
  const random = randomFrom(42);
  const queue = new WaitingQueue<Item>();
  let expected: Item[] = [];
  for (let step = 0; step < 20_000; step++) {
    const chance = random();
    if (chance < 0.5) {
      const item = new Item(String(step), Math.floor(random() * 4));
      queue.push(item);
      expected.push(item);
      continue;
    }
    if (expected.length === 0) continue;
    // Sorting is stable, so that those of one priority stay in the order in which they came.
    expected.sort((x, y) => y.priority - x.priority);
    const at = chance < 0.8 ? 0 : Math.floor(random() * expected.length);
    const item = expected[at] as Item;
    if (at === 0) assert.is(queue.shift(), item);
    else assert.ok(queue.remove(item));
    expected = expected.filter((one) => one !== item);
  }
  assert.is(queue.size, expected.length);
});

test("draining takes out everything in the order of service, and the queue can be used again", () => {
  const queue = queueOf([new Item("b"), new Item("c"), new Item("a", 1)]);
  assert.is(
    queue
      .drain()
      .map(({ name }) => name)
      .join(""),
    "abc",
  );
  assert.is(queue.size, 0);
  queue.push(new Item("d"));
  assert.is(shiftAll(queue), "d");
});

test("with 80,000 in it, adding, serving and removing one takes microseconds", () => {
  const random = randomFrom(7);
  const all = Array.from({ length: 80_000 }, (_, i) => new Item(String(i), Math.floor(random() * 1_000)));
  const start = performance.now();
  const queue = queueOf(all);
  for (let i = 0; i < 40_000; i++) queue.remove(all[(i * 7_919) % all.length] as Item);
  while (queue.size > 0) queue.shift();
  const each = (performance.now() - start) / 160_000;
  assert.ok(each < 0.02, `${(each * 1_000).toFixed(2)} µs`);
});

test.run();

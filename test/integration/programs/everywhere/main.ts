// Run by bundlers, loaders and runners of all kinds. It prints one line of JSON for each closure.
import { basename } from "node:path";
import { connect, type Pool } from "@bonfire/runtime";
import { parse } from "acorn";
import { fail } from "./fails.ts";
import { Circle, makeCircle } from "./shape.ts";

class Counter {
  static readonly step = 2;
  count: number;
  constructor(count: number) {
    this.count = count;
  }
  next(): Counter {
    return new Counter(this.count + Counter.step);
  }
}

interface Settings {
  readonly rate: number;
}
const settings: Settings = { rate: 3 };
const twice = (n: number): number => n * 2;

async function failure(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    const { stack, cause } = error as Error;
    return [stack, cause instanceof Error ? cause.stack : undefined];
  }
}

async function caller(pool: Pool, word: string): Promise<unknown> {
  return await pool.call(() => {
    throw new TypeError(`inline ${word}`, { cause: new RangeError("below") });
  });
}

async function main(): Promise<void> {
  await using fire = await connect();
  await using pool = await fire.pool("everywhere", { max: 1 });
  const print = (name: string, value: unknown) => console.log(JSON.stringify({ name, value }));
  const loop: number[] = [];
  for (let n = 0; n < 3; n++) loop.push(await pool.call(() => twice(n) + settings.rate));
  print("captures", loop);
  print("package", await pool.call(() => parse("1; 2; 3", { ecmaVersion: 2024 }).body.length));
  print("builtin", await pool.call(() => basename("a/b.c")));
  const circle = makeCircle(2);
  print("an instance whose class the closure does not mention", await pool.call(() => circle.area()));
  const counter = new Counter(1);
  const [back, isCounter] = await pool.call(() => [counter.next(), counter instanceof Counter] as const);
  print("a returned instance", [back instanceof Counter, isCounter, back.count, back.next().count]);
  print("class names", await pool.call(() => [Counter.name, Circle.name, circle.constructor.name]));
  print("inline", await failure(() => caller(pool, "no")));
  print("imported", await failure(() => pool.call(() => fail(settings.rate))));
}

void main();

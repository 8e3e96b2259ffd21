/** Closures that no loader has seen: found in their source file, with what they capture read by the inspector. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { capture, encodeArguments } from "@bonfire/runtime/internal";
import { BonfireError } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cases, throwing, throwingInCaptured, throwingInHelper } from "./fixtures/closures.ts";
import { type Circle, makeCircle } from "./fixtures/shape.ts";
import * as twinA from "./fixtures/twin-a.ts";
import * as twinB from "./fixtures/twin-b.ts";
import { inContext, inIsolate, TestPool } from "./run-closure.ts";

process.env.BONFIRE_HINTS = "0";
const near = new TestPool(inContext);
const isolated = new TestPool(inIsolate);

for (const { name, run, expected, node } of cases) {
  test(`a closure with ${name} runs in a context`, async () => {
    assert.equal(await run(near), expected);
  });
  if (node) continue;
  test(`a closure with ${name} runs in an isolate`, async () => {
    assert.equal(await run(isolated), expected);
  });
}

function lineAfter(marker: string, file: string): number {
  const lines = readFileSync(new URL(file, import.meta.url), "utf8").split("\n");
  return lines.findIndex((line) => line.includes(marker)) + 2;
}

test("a thrown error names the file and line of the throw, then the driver's", async () => {
  for (const pool of [near, isolated]) {
    const error = (await throwing(pool)) as TypeError;
    assert.instance(error, TypeError);
    assert.is(error.message, "cannot do it 3");
    const [, first, ...rest] = error.stack!.split("\n");
    assert.match(
      first!,
      new RegExp(`fixtures/closures\\.ts:${lineAfter("marker: throw", "fixtures/closures.ts")}:13`),
    );
    assert.ok(rest.some((line) => line.includes("called from the driver")));
    assert.ok(
      rest.at(-1)!.includes("closure-inspector.test.ts") || rest.some((line) => /closures\.ts/.test(line)),
    );
    assert.not.match(error.stack!, /bonfire:|run-closure\.ts.*EXECUTE/);
  }
});

test("an error thrown in an imported file names that file", async () => {
  const error = (await throwingInHelper(near)) as Error & { status: number };
  assert.is(error.name, "NotFound");
  assert.is(error.status, 404);
  assert.match(error.stack!.split("\n")[1]!, /fixtures\/not-found\.ts:13:9/);
});

test("an error thrown in a captured function names its file and line", async () => {
  const error = (await throwingInCaptured(near)) as Error;
  assert.instance(error, RangeError);
  assert.match(
    error.stack!.split("\n")[1]!,
    new RegExp(`fixtures/closures\\.ts:${lineAfter("marker: captured", "fixtures/closures.ts")}:`),
  );
});

function refusal(attempt: () => unknown): BonfireError {
  try {
    attempt();
  } catch (error) {
    assert.instance(error, BonfireError);
    assert.is((error as BonfireError).code, "CAPTURE_REFUSED");
    return error as BonfireError;
  }
  throw new Error("it was not refused");
}

let counter = 0;
const db = { conn: new net.Socket() };
const pending = Promise.resolve(1);
const bound = function (this: unknown) {
  return this;
}.bind(1);
const table = { run: bound };
const proxy = new Proxy({}, {});
class Secret {
  #value = 1;
  read() {
    return this.#value;
  }
}
const secret = { inner: new Secret() };
const weak = { cache: new WeakMap() };
const running = (function* () {
  yield 1;
})();

const refusals: [name: string, attempt: () => unknown, pattern: RegExp][] = [
  [
    "assigning to a captured variable",
    () =>
      capture(() => {
        counter = 1;
      }),
    /closure-inspector\.test\.ts:\d+:\d+ as it assigns to captured variable `counter`/,
  ],
  [
    "incrementing a captured variable",
    () => capture(() => counter++),
    /assigns to captured variable `counter`/,
  ],
  [
    "a socket",
    () => capture(() => db.conn),
    /Cannot capture "db\.conn" at .*closure-inspector\.test\.ts:\d+:\d+ as it is a net\.Socket: open it inside the closure/,
  ],
  [
    "a promise",
    () => capture(() => pending),
    /Cannot capture "pending" at .* as it is a Promise: await it first/,
  ],
  [
    "a bound function",
    () => capture(() => table.run()),
    /Cannot capture "table\.run" at .* native or bound function/,
  ],
  ["a proxy", () => capture(() => proxy), /"proxy" at .* as it is a Proxy/],
  [
    "an instance with private fields",
    () => capture(() => secret.inner.read()),
    /"secret\.inner" at .* #private fields/,
  ],
  ["a weak map", () => capture(() => weak), /"weak\.cache" at .* as it is a WeakMap/],
  ["a running generator", () => capture(() => running), /"running" at .* as it is a generator/],
  ["a native function", () => capture(Math.max), /native or bound function/],
  [
    "arguments of the enclosing function",
    function () {
      // biome-ignore lint/complexity/noArguments: that is what is refused
      return capture(() => arguments);
    },
    /captures `arguments`/,
  ],
  [
    "new.target",
    function () {
      return capture(() => new.target);
    },
    /new\.target/,
  ],
  [
    "this",
    function (this: unknown) {
      return capture(() => this);
    },
    /captures `this`/,
  ],
  [
    "super",
    () =>
      new (class extends Array {
        run() {
          return capture(() => super.concat([]));
        }
      })().run(),
    /uses `super`/,
  ],
  [
    "a private name",
    () =>
      new (class {
        #x = 1;
        run() {
          return capture(() => this.#x);
        }
      })().run(),
    /private name/,
  ],
];

for (const [name, attempt, pattern] of refusals) {
  test(`${name} is refused`, () => {
    assert.match(refusal(attempt).message, pattern);
  });
}

test("captures beyond the limit are refused, with the largest by name", () => {
  const small = new Uint8Array(100);
  const large = new Uint8Array(5000);
  const { message } = refusal(() => capture(() => [small, large], { maxCaptureBytes: 2000 }));
  assert.match(message, /the limit is 0\.0 MB \(large 0\.0 MB, small 0\.0 MB\)/);
});

test("an argument that cannot travel is refused with its path", () => {
  assert.throws(
    () => encodeArguments([{ conn: db }]),
    /Cannot send "arguments\[0\]\.conn\.conn" as it is a net\.Socket/,
  );
});

test("captures are read at the call, before anything is awaited", async () => {
  const state = { n: 1 };
  const call = near.call(() => state.n);
  state.n = 2;
  assert.is(await call, 1);
});

test("a closure without captures or arguments sends no bytes for them", () => {
  assert.is(capture(() => 1).captures.length, 0);
  assert.is(encodeArguments([]).bytes.length, 0);
});

test("bundles are given at once when they are built", async () => {
  const make = () => capture(() => "warm");
  await make().bundles();
  assert.ok(Array.isArray(make().bundles()));
});

test("explicit captures need no inspector", async () => {
  assert.is(await near.explicit({ a: 2, b: [3] }, ({ a, b }) => a * b[0]!), 6);
  assert.is(await isolated.explicit({ a: 2 }, async ({ a }) => a + 1), 3);
  assert.is(
    await near.explicit({ p: "a/b.c" }, async ({ p }) => (await import("node:path")).basename(p)),
    "b.c",
  );
});

test("explicit captures refuse a name that was not given", () => {
  assert.match(
    refusal(() => capture(({ a }: { a: number }) => a + counter, { explicit: true })).message,
    /uses `counter`, which is not among its named captures/,
  );
});

test("a function of a script without a file travels by its text", async () => {
  const make = runInThisContext(
    "(function () { const hidden = { n: 20 }; return (x) => hidden.n + x; })()",
  ) as (x: number) => number;
  assert.is(await near.call(make, 1), 21);
});

test("an instance of the program's own class comes back as one", async () => {
  const circle: Circle = makeCircle(1);
  const back = await near.call(() => circle);
  assert.is(back.area(), 3);
  assert.is(Object.getPrototypeOf(back), Object.getPrototypeOf(circle));
});

test("files whose functions have the same text at the same place are not taken for each other", async () => {
  for (const pool of [near, isolated]) {
    assert.equal([await twinA.run(pool), await twinB.run(pool)], [1, 2]);
    assert.equal([await twinA.instance(pool), await twinB.instance(pool)], [1, 2]);
  }
});

test("what was loaded of a file that was edited while the program ran stays what it was", async () => {
  const directory = mkdtempSync(join(tmpdir(), "bonfire-edited-"));
  try {
    const file = join(directory, "edited.mjs");
    const load = async (word: string) => {
      writeFileSync(
        file,
        `const word = () => ${JSON.stringify(word)};
export class Shape { word() { return word(); } }
export const run = (pool) => pool.call(() => new Shape().word());
`,
      );
      return import(`${pathToFileURL(file).href}?${word}`);
    };
    const [first, second] = [await load("one"), await load("two")];
    assert.equal(
      [await first.run(near), await second.run(near), await first.run(near)],
      ["one", "two", "one"],
    );
    const [a, b] = [new first.Shape(), new second.Shape()];
    assert.equal(await near.call(() => [a.word(), b.word()]), ["one", "two"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.run();

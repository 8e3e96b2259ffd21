/** Closures of transformed files: the same as those that the inspector captures, and what only the loader can do. */
import "@bonfire/loader";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { BonfireError } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";

const run = promisify(execFile);

// Everything here is imported after the loader, so that it is transformed.
const { inContext, inIsolate, TestPool: Pool } = await import("../../../runtime/test/run-closure.ts");
const { cases, throwing, throwingInCaptured, throwingInHelper } = await import(
  "../../../runtime/test/fixtures/closures.ts"
);
const stderr: string[] = [];
const { write } = process.stderr;
process.stderr.write = ((text: string) => stderr.push(text) > 0) as never;
const sites = await import("./fixtures/sites.ts");
const { mutates, refusals } = await import("./fixtures/refusals.ts");
process.stderr.write = write;
const near = new Pool(inContext);
const isolated = new Pool(inIsolate);

for (const { name, run, expected, node } of cases) {
  test(`a closure with ${name} runs in a context`, async () => {
    assert.equal(await run(near), expected);
  });
  if (node) continue;
  test(`a closure with ${name} runs in an isolate`, async () => {
    assert.equal(await run(isolated), expected);
  });
}

test("closures passed by name run, whether declared, assigned, local or imported", async () => {
  const [declared, assigned, local, imported] = (await sites.named(near)) as [
    number,
    number,
    number,
    { area(): number },
  ];
  assert.equal([declared, assigned, local], [6, 5, 10]);
  assert.is(imported.area(), 3);
});

test("fields of `this` are captured", async () => {
  assert.is(await new sites.Job().fields(near as never), "job/4");
});

test("`this` as a whole is captured with its class", async () => {
  assert.is(await new sites.Open().whole(near as never), "<open>");
});

test("several closures on one line keep apart", async () => {
  assert.equal(await sites.twoOnOneLine(near as never), ["a", "b", "ab"]);
});

function rejection(attempt: () => unknown): BonfireError {
  try {
    attempt();
  } catch (error) {
    return error as BonfireError;
  }
  throw new Error("it was not refused");
}

test("a variable that is declared after the call is refused", () => {
  const { code, message } = rejection(() => sites.early(near as never));
  assert.is(code, "CAPTURE_REFUSED");
  assert.match(message, /Cannot capture "late" at .*sites\.ts:\d+:\d+ as it is declared further down: move/);
});

test("a helper keeps its variable where another of that name hides it at the call", async () => {
  assert.is(await sites.shadowed(near as never), 3);
});

test("a function by name is refused where another variable hides what it captures", () => {
  assert.match(
    rejection(() => sites.shadowedByName(near as never)).message,
    /captures `x`, which another variable of that name hides/,
  );
});

const expected: Record<string, RegExp> = {
  assignsCaptured: /as it assigns to captured variable `counter`: /,
  assignsThrough: /as it assigns to captured variable `counter` \(through `bump`\)/,
  capturesArguments: /as it captures `arguments` of the enclosing function/,
  capturesNewTarget: /as it uses `new\.target`/,
  capturesSuper: /as it uses `super` of the enclosing method/,
  capturesPrivate: /as it uses the private name `#x`/,
  assignsThis: /as it assigns to `this\.x`/,
};

for (const [name, attempt] of Object.entries(refusals)) {
  test(`${name} is refused at the call with its place, and told as the file loads`, () => {
    const { code, message } = rejection(() => attempt(near as never));
    assert.is(code, "CAPTURE_REFUSED");
    assert.match(message, expected[name]!);
    const place = /refusals\.ts:\d+:\d+/.exec(message)![0];
    assert.ok(
      stderr.some((line) => line.startsWith("bonfire: error: ") && line.includes(place)),
      stderr.join(""),
    );
  });
}

test("changing a captured object is told as the file loads, and allowed", async () => {
  assert.ok(stderr.some((line) => /^bonfire: warning: .*changes captured `list`/.test(line)));
  assert.is(await mutates(near as never), 1);
});

function lineAfter(marker: string): number {
  const file = new URL("../../../runtime/test/fixtures/closures.ts", import.meta.url);
  return (
    readFileSync(file, "utf8")
      .split("\n")
      .findIndex((line) => line.includes(marker)) + 2
  );
}

test("a thrown error names the file and line of the throw, then the driver's", async () => {
  for (const pool of [near, isolated]) {
    const error = (await throwing(pool)) as TypeError;
    assert.instance(error, TypeError);
    const frames = error.stack!.split("\n").slice(1);
    assert.match(frames[0]!, new RegExp(`fixtures/closures\\.ts:${lineAfter("marker: throw")}:13`));
    assert.ok(frames.some((line) => line.includes("called from the driver")));
    assert.not.match(error.stack!, /bonfire:/);
  }
  assert.match(
    ((await throwingInHelper(near)) as Error).stack!.split("\n")[1]!,
    /fixtures\/not-found\.ts:13:9/,
  );
  const captured = ((await throwingInCaptured(near)) as Error).stack!.split("\n")[1]!;
  assert.match(captured, new RegExp(`fixtures/closures\\.ts:${lineAfter("marker: captured")}:`));
});

test("a program starts with node --import", async () => {
  const main = fileURLToPath(new URL("./fixtures/main.ts", import.meta.url));
  const { stdout, stderr } = await run(process.execPath, ["--import", "@bonfire/loader", main], {
    cwd: import.meta.dirname,
  });
  assert.is(stdout, "42\n");
  assert.is(stderr, "");
});

test.run();

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { BonfireError } from "@bonfire/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { failure, TestRealm } from "./harness.ts";

const grants = { programs: ["ffmpeg", "sh", "cat", "sleep"], files: true };

test("the README's example runs: ffmpeg writes frames, which come back as buffers", async () => {
  await using realm = new TestRealm({ grants, memoryMb: 256 });
  const frames = (await realm.call(
    `async (every) => {
    const { execFile } = require("node:child_process");
    const { readFile, readdir } = require("node:fs/promises");
    const { promisify } = require("node:util");
    await promisify(execFile)("ffmpeg", ["-loglevel", "error", "-f", "lavfi", "-i", "testsrc=duration=4:size=320x240:rate=10", "-vf", "fps=1/" + every, "%03d.png"]);
    return Promise.all((await readdir(".")).map((name) => readFile(name)));
  }`,
    { args: [1], budget: 30_000 },
  )) as Buffer[];
  assert.is(frames.length, 4);
  for (const frame of frames) assert.is(Buffer.from(frame).subarray(1, 4).toString(), "PNG");
});

test("pipes carry data both ways, with back-pressure", async () => {
  await using realm = new TestRealm({ grants });
  const result = await realm.call(`async () => {
    const { spawn } = require("node:child_process");
    const child = spawn("cat");
    const { Readable } = require("node:stream");
    const { pipeline } = require("node:stream/promises");
    let size = 0;
    const reading = (async () => { for await (const chunk of child.stdout) { size += chunk.length; } })();
    await pipeline(Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(100_000, 1))), child.stdin);
    const [code] = await require("events").once(child, "close");
    await reading;
    return [size, code];
  }`);
  assert.equal(result, [4_000_000, 0]);
});

test("output that is inherited becomes log lines of the call", async () => {
  await using realm = new TestRealm({ grants: { programs: ["node"] } });
  const result = await realm.call(
    `async () => {
      const { spawn, spawnSync, execFileSync } = require("node:child_process");
      const child = spawn("node", ["-e", "console.log('one'); process.stdout.write('two'); console.error('bad')"], { stdio: ["ignore", "inherit", "inherit"] });
      const code = await new Promise((done) => child.on("close", done));
      const { stdout } = spawnSync("node", ["-e", "console.log('three')"], { stdio: "inherit" });
      return [code, child.stdout, stdout, execFileSync("node", ["-e", "console.error('four'); console.log(5)"], { encoding: "utf8" })];
    }`,
  );
  assert.equal(result, [0, null, null, "5\n"]);
  const texts = (level: string) => realm.lines.filter((line) => line.level === level).map(({ text }) => text);
  assert.equal(texts("log"), ["one", "two", "three"]);
  assert.equal(texts("error"), ["bad", "four"]);
  assert.ok(realm.lines.every(({ call }) => call === 1));
});

test("exit codes, signals, missing programs and output limits are as in Node", async () => {
  await using realm = new TestRealm({ grants: { programs: ["sh", "absent-program", "sleep"] } });
  const result = await realm.call(
    `async () => {
    const { spawn, execFile, execFileSync, spawnSync } = require("node:child_process");
    const { promisify } = require("node:util");
    const out = [];
    try { await promisify(execFile)("sh", ["-c", "echo out; echo err >&2; exit 3"]); } catch (e) { out.push([e.code, e.stdout, e.stderr]); }
    try { await promisify(execFile)("absent-program"); } catch (e) { out.push([e.code, e.syscall]); }
    const sleeper = spawn("sleep", ["30"]);
    sleeper.kill("SIGINT");
    out.push(await require("events").once(sleeper, "exit"));
    out.push(execFileSync("sh", ["-c", "cat; echo $HOME"], { input: "in\\n", encoding: "utf8" }) === "in\\n" + process.cwd() + "\\n");
    const { status, stdout, stderr } = spawnSync("sh", ["-c", "echo a; echo b >&2; exit 2"]);
    out.push([status, stdout.toString(), stderr.toString()]);
    try { await promisify(execFile)("sh", ["-c", "yes | head -c 3000000"], { maxBuffer: 1000 }); } catch (e) { out.push(e.code); }
    try { await promisify(execFile)("sleep", ["30"], { signal: AbortSignal.timeout(20) }); } catch (e) { out.push(e.name); }
    try { await promisify(execFile)("sleep", ["30"], { timeout: 20 }); } catch (e) { out.push([e.killed, e.signal]); }
    return out;
  }`,
    { budget: 20_000 },
  );
  assert.equal(result, [
    [3, "out\n", "err\n"],
    ["ENOENT", "spawn absent-program"],
    [null, "SIGINT"],
    true,
    [2, "a\n", "b\n"],
    "ERR_CHILD_PROCESS_STDIO_MAXBUFFER",
    "AbortError",
    [true, "SIGTERM"],
  ]);
});

test("a program that is not named, and a shell, are refused", async () => {
  await using realm = new TestRealm({ grants });
  const error = await failure(realm.call("() => require('child_process').spawn('python3')"));
  assert.is(error.code, "GRANT_MISSING");
  assert.is(
    error.message,
    'Cannot start "python3" as this pool grants only ffmpeg, sh, cat, sleep: add grants: { programs: ["python3"] } to the pool',
  );
  assert.is((await failure(realm.call("() => require('child_process').exec('ls')"))).code, "GRANT_MISSING");
  assert.is(
    (await failure(realm.call("() => require('child_process').spawn('cat', ['x'], { shell: true })"))).code,
    "GRANT_MISSING",
  );
  assert.is(
    (await failure(realm.call("() => require('child_process').spawn('cat', { cwd: '/' })"))).code,
    "GRANT_MISSING",
  );
});

test("a program sees only its directory, its path and what the pool shows", async () => {
  process.env.BONFIRE_TEST_SECRET = "secret";
  await using realm = new TestRealm({ grants: { programs: ["env"] } });
  const names = await realm.call(
    "() => require('child_process').execFileSync('env', [], { encoding: 'utf8', env: { MINE: '1', LD_PRELOAD: '/x', PATH: '/evil' } }).trim().split('\\n').map((line) => line.split('=')[0]).sort()",
  );
  assert.equal(names, ["HOME", "LANG", "MINE", "PATH", "TMPDIR"]);
});

/** Process ids of programs started by the calls of this realm, with everything they started. */
function inGroup(group: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      const file = `/proc/${name}/stat`;
      if (!existsSync(file)) return false;
      try {
        const [state, , group_] = readFileSync(file, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        return state !== "Z" && Number(group_) === group;
      } catch {
        // It ended between being listed and being read.
        return false;
      }
    })
    .map(Number);
}

async function until(condition: () => boolean, milliseconds: number): Promise<boolean> {
  const end = performance.now() + milliseconds;
  while (!condition()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return true;
}

const FAMILY = `require("node:child_process").spawn("sh", ["-c", "sleep 100 & sleep 100 & wait"])`;

async function startFamily(
  realm: TestRealm,
  source: string,
): Promise<{ group: number; result: Promise<unknown>; id: number }> {
  const result = realm.call(source);
  result.catch(() => {});
  const id = realm.lastCall;
  assert.ok(await until(() => realm.groups.size === 1, 2000));
  const [group] = realm.groups;
  assert.ok(await until(() => inGroup(group!).length === 3, 2000));
  return { group: group!, result, id };
}

test("cancelling a call kills its children and grandchildren within 100 ms", async () => {
  await using realm = new TestRealm({ grants });
  const { group, result, id } = await startFamily(realm, `() => new Promise(() => { ${FAMILY}; })`);
  realm.realm.cancel(id, new BonfireError("CALL_CANCELLED", "Call was cancelled"));
  assert.ok(await until(() => inGroup(group).length === 0, 100));
  assert.is((await failure(result)).code, "CALL_CANCELLED");
  assert.is(realm.replies.filter((reply) => reply === id).length, 1);
  assert.is(realm.groups.size, 0);
  assert.is(await realm.call("() => 1"), 1);
});

test("a call that returns leaves no children behind", async () => {
  await using realm = new TestRealm({ grants });
  const { group, result } = await startFamily(
    realm,
    `() => new Promise((done) => { ${FAMILY}; setTimeout(() => done(5), 100); })`,
  );
  assert.is(await result, 5);
  assert.ok(await until(() => inGroup(group).length === 0, 100));
});

test("a call need not wait for the exit of a program whose output it has read", async () => {
  await using realm = new TestRealm({ grants });
  for (let i = 0; i < 20; i++) {
    const text = await realm.call(`async () => {
      const child = require("node:child_process").spawn("cat");
      child.stdin.end("hello");
      let text = "";
      for await (const part of child.stdout) text += part;
      return text;
    }`);
    assert.is(text, "hello");
  }
  assert.equal(realm.lines, []);
});

test("a call that passes its deadline loses its children", async () => {
  await using realm = new TestRealm({ grants });
  const error = failure(realm.call(`() => new Promise(() => { ${FAMILY}; })`, { budget: 300 }));
  assert.ok(await until(() => realm.groups.size === 1, 2000));
  const [group] = realm.groups;
  assert.is((await error).code, "CALL_TIMEOUT");
  assert.ok(await until(() => inGroup(group!).length === 0, 100));
});

test("closing the realm kills every child", async () => {
  const realm = new TestRealm({ grants });
  const { group } = await startFamily(realm, `() => new Promise(() => { ${FAMILY}; })`);
  await realm[Symbol.asyncDispose]();
  assert.ok(await until(() => inGroup(group).length === 0, 100));
});

test("a synchronous child cannot outlast its call's deadline", async () => {
  await using realm = new TestRealm({ grants });
  const began = performance.now();
  const error = await failure(
    realm.call(
      "() => { require('child_process').execFileSync('sh', ['-c', 'sleep 100 & sleep 100']); while (true) {} }",
      { budget: 300 },
    ),
  );
  assert.is(error.code, "CALL_TIMEOUT");
  assert.ok(performance.now() - began < 1500);
});

test("calls run side by side, each with its own children and log lines", async () => {
  await using realm = new TestRealm({ grants });
  const source = `async (name) => {
    const { execFile } = require("node:child_process");
    await require("node:util").promisify(execFile)("sh", ["-c", "echo " + name + " > name; sleep 0.1"]);
    console.log(name, require("node:fs").readFileSync("name", "utf8").trim());
    return require("node:fs").readdirSync(".");
  }`;
  const before = realm.lastCall;
  const results = await Promise.all(["a", "b", "c"].map((name) => realm.call(source, { args: [name] })));
  assert.equal(results, [["name"], ["name"], ["name"]]);
  const lines = [...realm.lines].sort((x, y) => x.call - y.call);
  assert.equal(
    lines,
    ["a", "b", "c"].map((name, i) => ({ call: before + 1 + i, level: "log", text: `${name} ${name}` })),
  );
});

test.run();

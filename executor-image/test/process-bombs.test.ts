/**
 * Bombs that V8's own limits do not stop: they may abort the process, outgrow it, or hang it past the deadline, which
 * is why a cell is a process of one tenant with a watchdog. What must hold here: none of them is ever a success.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const CHILD = fileURLToPath(new URL("./fixtures/bomb-child.ts", import.meta.url));
/** Where the children keep their folders, which a killed one cannot remove. */
const FOLDER = mkdtempSync(join(tmpdir(), "bonfire-bombs-"));
const MEMORY_MB = 64;
const BUDGET = 800;
/** When the watchdog of these tests kills: the deadline and a generous grace, or this many MB. */
const WATCHDOG_MS = 4000;
const WATCHDOG_MB = 600;

const bombs: Readonly<Record<string, string>> = {
  "a number that squares itself": "() => { let x = 3n; for (;;) x *= x; }",
  "a huge filled array": "() => Array(1e8).fill(1).length",
  "huge filled arrays without end": "() => { const all = []; for (;;) all.push(Array(1e7).fill(1)); }",
  "arrays in arrays": "() => { let all = []; for (;;) all = [all, [all], Array(1000).fill(all)]; }",
  "a map that grows": "() => { const m = new Map(); for (let i = 0; ; i++) m.set(i, { i }); }",
  "a set that grows": "() => { const s = new Set(); for (let i = 0; ; i++) s.add(i); }",
  "wasm memory that grows":
    "() => { const m = new WebAssembly.Memory({ initial: 1, maximum: 65536 }); const all = [m]; for (;;) { m.grow(16); new Uint8Array(m.buffer).fill(1); } }",
  "wasm memories without end":
    "() => { const all = []; for (;;) { const m = new WebAssembly.Memory({ initial: 160 }); new Uint8Array(m.buffer).fill(1); all.push(m); } }",
  "a resizable buffer that grows":
    "() => { const b = new ArrayBuffer(1, { maxByteLength: 2 ** 32 }); for (let n = 1; ; n += 1 << 20) { b.resize(n); new Uint8Array(b).fill(1); } }",
  "a growable shared buffer":
    "() => { const b = new SharedArrayBuffer(1, { maxByteLength: 2 ** 32 }); for (let n = 1; ; n += 1 << 20) { b.grow(n); new Uint8Array(b).fill(1, n - (1 << 20)); } }",
  "shared buffers without end":
    "() => { const all = []; for (;;) all.push(new Uint8Array(new SharedArrayBuffer(1 << 20)).fill(1)); }",
  "an unhandled rejection whose stack loops":
    "async () => { void Promise.reject({ get stack() { for (;;); } }); await new Promise(() => {}); }",
  "an unhandled rejection whose message loops":
    "async () => { const e = new Error('x'); Object.defineProperty(e, 'message', { get() { for (;;); } }); void Promise.reject(e); await new Promise(() => {}); }",
  "JSON of great depth": "() => JSON.parse('['.repeat(5e7))",
  "a string that is flattened":
    "() => { let s = 'x'; for (let i = 0; i < 28; i++) s += s; const all = []; for (let i = 0; ; i++) all.push(s.replace('x', String(i))); }",
  "a regular expression compiled without end":
    "() => { for (let i = 0; ; i++) new RegExp('(a|b|c){' + (i % 1000) + '}'.repeat(1)).test('abc'.repeat(100)); }",
};

interface End {
  readonly how: string;
  readonly peakMb: number;
  readonly milliseconds: number;
}

function detonate(source: string): Promise<End> {
  const began = performance.now();
  const child = spawn(
    process.execPath,
    ["--no-node-snapshot", CHILD, source, String(MEMORY_MB), String(BUDGET)],
    { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, TMPDIR: FOLDER } },
  );
  let said = "";
  let peakMb = 0;
  let killed = "";
  child.stdout.on("data", (part) => {
    said += part;
  });
  const watch = setInterval(() => {
    const status = statusOf(child.pid!);
    const resident = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    peakMb = Math.max(peakMb, resident);
    if (resident > WATCHDOG_MB) killed = "killed for its memory";
    else if (performance.now() - began > WATCHDOG_MS) killed = "killed for its time";
    if (killed !== "") child.kill("SIGKILL");
  }, 20);
  return new Promise((resolve) => {
    child.once("close", (code, signal) => {
      clearInterval(watch);
      const how = killed || said || `died by ${signal ?? `exit code ${code}`}`;
      resolve({ how, peakMb: Math.round(peakMb), milliseconds: Math.round(performance.now() - began) });
    });
  });
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    // It has just ended.
    return "";
  }
}

for (const [name, source] of Object.entries(bombs)) {
  test(`${name} is never a success`, async () => {
    const end = await detonate(source);
    if (process.env.NODE_DEBUG)
      console.log(name.padEnd(44), end.how.padEnd(28), `${end.peakMb} MB`, `${end.milliseconds} ms`);
    assert.not.match(end.how, /IT SUCCEEDED/);
    if (end.how.endsWith(" 2"))
      assert.match(end.how, /^(?:CALL_TIMEOUT|MEMORY_LIMIT|RangeError|Error|SyntaxError) 2$/);
  });
}

test.after(() => rmSync(FOLDER, { recursive: true, force: true }));

test.run();

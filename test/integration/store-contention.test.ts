import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import { type Holder, MemoryStore, type Store } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { contend, type Report } from "../harness/contend.ts";
import { Program } from "../harness/program.ts";
import { REMOTE, StoreServer } from "../harness/stores.ts";

const KEY = "contended";
const TTL_MS = 400;
const CONTENDERS = 8;
const ROUNDS = 16;
/** For a step that takes half a second at most. */
const STEP_MS = 15_000;

interface Window {
  readonly token: bigint;
  readonly from: bigint;
  to: bigint;
}

/** When each grant's holder believed that it may act, in the order in which they began. */
function windows(reports: readonly Report[]): Window[] {
  const found = new Map<string, Window>();
  for (const report of reports) {
    if (report.what !== "valid") continue;
    const window = found.get(report.token) ?? {
      token: BigInt(report.token),
      from: BigInt(report.from),
      to: 0n,
    };
    window.to = BigInt(report.to);
    found.set(report.token, window);
  }
  return [...found.values()].sort((a, b) => Number(a.from - b.from));
}

function checkExclusion(reports: readonly Report[], least: number): void {
  const held = windows(reports);
  assert.ok(held.length >= least, `${held.length} grants`);
  for (const [i, next] of held.entries()) {
    const last = held[i - 1];
    if (!last) continue;
    assert.ok(last.token < next.token, `token ${next.token} was granted after ${last.token}`);
    assert.ok(last.to < next.from, `${last.token} was valid ${last.to - next.from} ns into ${next.token}`);
  }
}

/** Each count that was accepted is in the value; those of whom the writer heard nothing may be. */
async function checkCount(store: Store, reports: readonly Report[], unheard: number): Promise<void> {
  const counted = Number(Buffer.from((await store.get(KEY)) ?? []).toString());
  const wrote = reports.filter(({ what }) => what === "wrote").length;
  const unknown = reports.filter(({ what }) => what === "unknown").length + unheard;
  assert.ok(
    counted >= wrote && counted <= wrote + unknown,
    `${counted} counted, ${wrote} written, ${unknown} unknown`,
  );
}

test("memory: of 8 contenders in one process never two hold the lease, and no count is lost", async () => {
  const store = new MemoryStore();
  const reports: Report[] = [];
  const stop = new AbortController();
  const yielding = new Proxy(store, {
    // Lets the others have their turn between any two steps.
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => turn().then(() => member.apply(target, args));
    },
  });
  const contenders = Array.from({ length: CONTENDERS }, (_, i) =>
    contend(yielding, { key: KEY, holder: String(i), ttl: TTL_MS, signal: stop.signal }, (report) => {
      reports.push(report);
      if (windows(reports.slice(-1)).length > 0 && reports.length > 5_000) stop.abort();
    }),
  );
  await Promise.all(contenders);
  checkExclusion(reports, 50);
  await checkCount(store, reports, 0);
});

for (const kind of REMOTE) {
  test(`${kind}: of 8 processes never two hold the lease, and no count is lost, while holders are killed with -9 or stopped for longer than the lease`, async () => {
    await using server = await StoreServer.start(kind);
    const store = await server.open();
    const start = () =>
      new Program("integration/programs/contender.ts", { args: [kind, server.url, KEY, String(TTL_MS)] });
    const running = new Map<number, Program>();
    const all: Program[] = [];
    const add = () => {
      const program = start();
      running.set(program.pid, program);
      all.push(program);
    };
    for (let i = 0; i < CONTENDERS; i++) add();
    const done = { killed: 0, stopped: 0 };
    try {
      while (done.killed + done.stopped < ROUNDS) {
        await pause(Math.random() * 300);
        const held = await holderOf(store, ({ holder }) => running.has(Number(holder)));
        const victim = running.get(Number(held.holder)) as Program;
        if (Math.random() < 0.5) {
          victim.child.kill("SIGKILL");
          running.delete(victim.pid);
          done.killed++;
          add();
        } else {
          victim.child.kill("SIGSTOP");
          // Then its own time was over.
          await holderOf(store, ({ token }) => token !== held.token);
          victim.child.kill("SIGCONT");
          done.stopped++;
        }
      }
    } finally {
      await Promise.all(all.map((program) => program[Symbol.asyncDispose]()));
    }
    const reports = all.flatMap(({ output }) => output.split("\n").filter(Boolean).map(parse));
    checkExclusion(reports, ROUNDS);
    await checkCount(store, reports, done.killed + CONTENDERS);
    const seen = (what: Report["what"]) => reports.filter((report) => report.what === what).length;
    assert.ok(seen("refused") > 0, "an outdated write was tried, and refused");
    console.log(
      `${kind}: ${windows(reports).length} grants, ${seen("wrote")} writes, ${seen("refused")} refused, ${done.killed} killed, ${done.stopped} stopped`,
    );
  });
}

async function holderOf(store: Store, wanted: (held: Holder) => boolean): Promise<Holder> {
  for (const start = performance.now(); performance.now() - start < STEP_MS; await pause(10)) {
    const held = await store.holder(KEY);
    if (held && wanted(held)) return held;
  }
  throw new Error(`nobody took the lease for ${STEP_MS / 1_000} s`);
}

function parse(line: string): Report {
  try {
    return JSON.parse(line) as Report;
  } catch (cause) {
    throw new Error(`a contender printed: ${line}`, { cause });
  }
}

test.run();

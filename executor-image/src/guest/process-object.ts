/** The `process` of the sandbox: a description of it, ticks, and nothing that reaches the real process. */

import { nothing } from "./bindings/binding.ts";
import { bridge } from "./bridge.ts";
import { facts, processObject, requireInternal, workdir } from "./library.ts";
import { microtask } from "./microtask.ts";

const started = bridge.now();

function hrtime(previous?: readonly [number, number]): [number, number] {
  const now = bridge.now();
  const seconds = Math.floor(now / 1000);
  const nanoseconds = Math.floor((now % 1000) * 1e6);
  if (previous === undefined) return [seconds, nanoseconds];
  const difference = (seconds - previous[0]) * 1e9 + (nanoseconds - previous[1]);
  return [Math.floor(difference / 1e9), difference % 1e9];
}

function refuse(name: string) {
  return () => {
    const error = new Error(
      `Cannot use process.${name} in a sandbox: return or throw from the closure instead`,
    );
    throw Object.assign(error, { code: "GRANT_MISSING" });
  };
}

/** Fills the object that the library already holds; needs the library's events and task queue. */
export function buildProcess(): void {
  Object.assign(processObject, {
    title: "bonfire",
    version: `v${facts.versions.node}`,
    versions: facts.versions,
    platform: "linux",
    arch: facts.arch,
    env: { ...facts.env },
    argv: ["node"],
    argv0: "node",
    execArgv: [],
    execPath: "node",
    pid: 1,
    ppid: 0,
    exitCode: undefined,
    features: {},
    config: {},
    release: { name: "node" },
    cwd: workdir,
    chdir: refuse("chdir"),
    exit: refuse("exit"),
    abort: refuse("abort"),
    kill: refuse("kill"),
    binding: refuse("binding"),
    dlopen: refuse("dlopen"),
    umask: () => 0o22,
    uptime: () => (bridge.now() - started) / 1000,
    memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
    hrtime: Object.assign(hrtime, { bigint: () => BigInt(Math.floor(bridge.now() * 1e6)) }),
    emitWarning: nothing,
    stdout: standardStream(),
    stderr: standardStream(),
  });
  const EventEmitter = requireInternal("events");
  Object.setPrototypeOf(
    processObject,
    Object.create(EventEmitter.prototype, { constructor: { value: function process() {} } }),
  );
  Reflect.apply(EventEmitter, processObject, []);
  Object.defineProperty(processObject, Symbol.toStringTag, { value: "process" });
  // Reading it switches context frames on, which is how timers and ticks know the call they belong to.
  void requireInternal("internal/async_context_frame").enabled;
  const { nextTick, runNextTicks } = requireInternal("internal/process/task_queues").setupTaskQueue();
  let scheduled = false;
  const run = () => {
    scheduled = false;
    runNextTicks();
  };
  processObject.nextTick = (callback: () => void, ...args: unknown[]) => {
    nextTick(callback, ...args);
    if (scheduled) return;
    scheduled = true;
    microtask(run);
  };
  runTicks = () => {
    if (scheduled) runNextTicks();
  };
  const timers = requireInternal("internal/timers").getTimerCallbacks(runNextTicks);
  processTimers = timers.processTimers;
  processImmediate = timers.processImmediate;
}

/** Runs the ticks that the code just run has queued, before any promise reaction, as Node does. */
export let runTicks: () => void = nothing;
export let processTimers: (now: number) => number = () => 0;
export let processImmediate: () => void = nothing;

/** Clears every timer and immediate there is. */
export function clearAllTimers(): void {
  const { clearImmediate, clearTimeout } = requireInternal("timers");
  const { immediateQueue, timerListMap } = requireInternal("internal/timers");
  for (const list of Object.values(timerListMap as Record<string, TimerNode>)) {
    // Clearing the last timer of a list removes the list.
    for (let timer = list._idleNext; timer !== list && timer !== undefined; timer = list._idleNext)
      clearTimeout(timer);
  }
  while (immediateQueue.head !== null) clearImmediate(immediateQueue.head);
}

/** A timer or the head of a list of them, linked in a ring. */
interface TimerNode {
  readonly _idleNext?: TimerNode;
}

/** What libraries probe of `process.stdout`; text written to it is a log line. */
function standardStream(): Record<string, unknown> {
  return {
    isTTY: false,
    columns: 80,
    writable: true,
    fd: -1,
    write: (text: unknown) => {
      (globalThis.console as Console).log(String(text).replace(/\n$/, ""));
      return true;
    },
    on: nothing,
    once: nothing,
    off: nothing,
    emit: nothing,
    end: nothing,
    removeListener: nothing,
    getColorDepth: () => 1,
    hasColors: () => false,
  };
}

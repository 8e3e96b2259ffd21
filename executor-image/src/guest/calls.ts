/** The call loop: reads calls from the inbox, runs each closure, and writes answers to the outbox, all inside the entry that the host has put a time limit on. */
import {
  type BlobPlace,
  BonfireError,
  type EncodeOptions,
  encode,
  fillBlobs,
  handleEnded,
} from "@bonfire/wire";
import { memoryError } from "../sandbox/stop.ts";
import { actors, isActor } from "./actors.ts";
import { currentCall, enterCall, loopTime, requestTick, whileTicking } from "./bindings/scheduling.ts";
import { bridge } from "./bridge.ts";
import { importBuiltin, requireBuiltin } from "./builtins.ts";
import { BundleTable, MissingBundle, type ShipFactory } from "./bundles.ts";
import { type CallSite, callSite } from "./call-site.ts";
import { encodeError } from "./encode-error.ts";
import { forgetRequests, request } from "./host.ts";
import { forgetHostObjects } from "./host-modules.ts";
import { CALL_WORDS, FLAGS_SHIFT, RecordKind, State } from "./layout.ts";
import { facts, setWorkdir } from "./library.ts";
import { LiveCalls } from "./live-calls.ts";
import { consoleOf, logLine } from "./log.ts";
import { commit, place } from "./outbox.ts";
import { clearAllTimers, processImmediate, processTimers, runTicks } from "./process-object.ts";

/** What V8 says when the isolate's allocator refuses a buffer: the memory limit, seen by the code as an exception. */
const NO_BUFFER = "Array buffer allocation failed";

const state = new Int32Array(bridge.state);
const words = new Uint32Array(bridge.inbox);
const bundles = new BundleTable(requireBuiltin, importBuiltin);
/** Calls that wait for a promise, with the controller of their signal where one was asked for. */
const unanswered = new Map<number, AbortController | undefined>();

const live = new LiveCalls(bundles, {
  send(call, packet) {
    place(packet.length).set(packet);
    commit(RecordKind.handle, call, packet.length);
  },
  over: (call) => commit(RecordKind.over, call, 0),
  console: consoleOf,
  load: loadByHash,
});

/** The call whose value is being encoded, and the Blobs in it. */
let answering = 0;
let blobs: BlobPlace[] = [];

const errorOptions: EncodeOptions = {
  root: "error",
  reference: (value) => bundles.reference(value),
  allocate: place,
};
const resultOptions: EncodeOptions = {
  ...errorOptions,
  root: "result",
  handle: (value) => live.export(answering, value),
  blobAt: (offset, blob) => blobs.push({ offset, blob }),
  // With Blobs it is not complete before others write to the outbox.
  allocate: (size) => (blobs.length > 0 ? new Uint8Array(size) : place(size)),
};

/** Runs the `count` calls in the inbox. */
export function run(count: number): void {
  const before = unanswered.size;
  let offset = count * CALL_WORDS * 4;
  for (let i = 0; i < count; i++) {
    const at = i * CALL_WORDS;
    const length = words[at + 3]!;
    const body = new Uint8Array(bridge.inbox, offset, length);
    offset += (length + 3) & ~3;
    state[State.started] = i + 1;
    const site = words[at + 2]!;
    begin({ id: words[at]!, bundle: words[at + 1]!, site: site & 0xffff, flags: site >>> FLAGS_SHIFT }, body);
  }
  // Which call a continuation is of cannot be told when several wait; better no call than the wrong one.
  if (unanswered.size > before + 1) enterCall(0);
  runTicks();
}

/** Runs one call whose body is in a buffer of its own. */
export function runLarge(
  id: number,
  bundle: number,
  site: number,
  flags: number,
  buffer: SharedArrayBuffer,
  offset: number,
  length: number,
): void {
  state[State.started] = 1;
  begin({ id, bundle, site, flags }, new Uint8Array(buffer, offset, length));
  runTicks();
}

function begin(call: CallSite, body: Uint8Array): void {
  const { id } = call;
  enterCall(id);
  try {
    const loading = bundles.loading(call.bundle);
    if (loading === undefined) settle(id, invoke(call, body));
    else {
      // The inbox is overwritten by the time the module is there.
      const kept = body.slice();
      settle(
        id,
        loading.then(() => resume(id, () => invoke(call, kept))),
      );
    }
  } catch (error) {
    if (error instanceof MissingBundle) settle(id, fetchBundle(call, error, body.slice()));
    else fail(id, error);
  }
}

/** A value of the call refers to a bundle that this isolate has not loaded yet. */
async function fetchBundle(call: CallSite, missing: MissingBundle, body: Uint8Array): Promise<unknown> {
  await loadByHash(missing.hash);
  return resume(call.id, () => invoke(call, body));
}

async function loadByHash(hash: string): Promise<void> {
  const { value } = await request("bundle.load", [hash]);
  await bundles.loading(value as number);
}

function resume<T>(id: number, work: () => T): T {
  enterCall(id);
  return work();
}

function invoke(call: CallSite, body: Uint8Array): unknown {
  return callSite(bundles, live, actors, call, body, consoleOf(call.id));
}

function settle(id: number, result: unknown): void {
  // Results of host modules are functions that may be awaited.
  if (
    (typeof result !== "object" && typeof result !== "function") ||
    result === null ||
    typeof (result as PromiseLike<unknown>).then !== "function"
  ) {
    if (unanswered.size > 0) unanswered.delete(id);
    answer(id, result);
    return;
  }
  if (!unanswered.has(id)) unanswered.set(id, undefined);
  (result as PromiseLike<unknown>).then(
    (value) => {
      if (unanswered.delete(id)) answer(id, value);
    },
    (error) => {
      if (unanswered.delete(id)) fail(id, error);
    },
  );
}

function answer(id: number, value: unknown): void {
  answering = id;
  try {
    const bytes = encode(value, resultOptions);
    if (blobs.length > 0) void answerLater(id, bytes);
    else commit(answered(id), id, bytes.length);
  } catch (error) {
    fail(id, error);
  }
}

/** The value has Blobs, which are read first. */
async function answerLater(id: number, bytes: Uint8Array): Promise<void> {
  const places = blobs;
  blobs = [];
  unanswered.set(id, undefined);
  try {
    await fillBlobs(bytes, places);
    if (!unanswered.delete(id)) return;
    place(bytes.length).set(bytes);
    commit(answered(id), id, bytes.length);
  } catch (error) {
    if (unanswered.delete(id)) fail(id, error);
  }
}

function answered(id: number): number {
  return isActor(id) || (live.size > 0 && live.answered(id)) ? RecordKind.liveValue : RecordKind.value;
}

function fail(id: number, thrown: unknown): void {
  blobs = [];
  const refused = thrown instanceof RangeError && thrown.message === NO_BUFFER;
  const error = refused ? memoryError(facts.memoryBytes / 2 ** 20, thrown) : thrown;
  commit(RecordKind.error, id, encodeError(error, errorOptions).length);
  if (live.size > 0) live.close(id, handleEnded());
}

/** The call's caller is gone or impatient: its answer is dropped, and its signal fires. */
export function cancel(id: number): void {
  const controller = unanswered.get(id);
  unanswered.delete(id);
  controller?.abort();
  live.close(id, new BonfireError("CALL_CANCELLED", "The call was ended before this was done"));
  runTicks();
}

/** A packet for the live handles of a call that goes on. */
export function handle(id: number, length: number): void {
  enterCall(id);
  live.receive(id, new Uint8Array(bridge.inbox, 0, length));
  runTicks();
}

/** The signal that fires when the running call is cancelled; `undefined` outside of a call. */
export function callSignal(): AbortSignal | undefined {
  const id = currentCall();
  if (id === 0) return undefined;
  const controller = unanswered.get(id) ?? new AbortController();
  unanswered.set(id, controller);
  return controller.signal;
}

/** Runs what timers and immediates are due. */
export function tick(): void {
  whileTicking(() => {
    guarded(processImmediate);
    guarded(() => {
      const next = Math.abs(processTimers(loopTime()));
      if (next !== 0) requestTick(next - loopTime());
    });
    runTicks();
  });
}

/** An error that no promise takes up fails the call it belongs to, where that is known. */
function guarded(work: () => void): void {
  for (;;) {
    try {
      work();
      return;
    } catch (error) {
      const id = currentCall();
      if (unanswered.delete(id)) fail(id, error);
      else logLine(id, "error", `Uncaught ${stackOf(error)}`);
    }
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? String(error.stack) : String(error);
}

/** Takes in a bundle's code, compiled by the host. */
export function load(bundle: number, hash: string, factory: ShipFactory): void {
  bundles.load(bundle, hash, factory);
}

/** Lets go of a bundle's module. */
export function unload(bundle: number): void {
  bundles.unload(bundle);
}

/** Gives the isolate to one call, with the directory that its relative paths are of. */
export function assign(path: string): void {
  setWorkdir(path);
}

/** Ends what the isolate's last call left running, so that nothing of it can run during the next. */
export function forget(): void {
  unanswered.clear();
  live.closeAll(handleEnded());
  forgetRequests();
  forgetHostObjects();
  clearAllTimers();
}

/** Does once, while nobody waits, what the first error or class instance would otherwise pay for: the codec's tables. */
export function warm(): void {
  encode(new RangeError("warm"), { root: "warm" });
}

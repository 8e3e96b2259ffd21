/**
 * The natives under timers, ticks and asynchronous context. Timers are Node's own lists inside; the host only ever
 * holds one timer per isolate. Asynchronous context is one variable: Node's timers, ticks and event emitters carry
 * it, and so does every request to the host; a bare `await` does not, because V8 shows that hook to embedders only.
 */

import { bridge } from "../bridge.ts";
import { STATE_CLOCK, State } from "../layout.ts";
import { microtask } from "../microtask.ts";
import type { Binding } from "./binding.ts";
import { nothing } from "./binding.ts";

const state = new Int32Array(bridge.state);
const clock = new Float64Array(bridge.state);

/** Node's context frames are maps; ours also know the call that they belong to. */
type Frame = Map<unknown, unknown> & { call?: number };

let context: Frame | undefined;

/** The call whose code runs, as far as it can be known; 0 = none. */
export function currentCall(): number {
  return state[State.current]!;
}

/** Makes `call` the current one, in a context of its own. */
export function enterCall(call: number): void {
  state[State.current] = call;
  context = undefined;
}

/** The context to give back later with `setContext`, so that what resumes is known to be of the same call. */
export function currentContext(): Frame {
  context ??= Object.assign(new Map<unknown, unknown>(), { call: currentCall() });
  return context;
}

/** Whether timers are being run, whose promise reactions come only after all of them. */
let ticking = false;

/** Runs timers so that what each of them resolves is known to be of its call. */
export function whileTicking(work: () => void): void {
  ticking = true;
  try {
    work();
  } finally {
    ticking = false;
  }
}

/** Makes `frame` the context. Leaving a call's context does not unset the call: its promise reactions are still to come. */
export function setContext(frame: Frame | undefined): void {
  context = frame;
  if (frame === undefined) return;
  frame.call ??= currentCall();
  if (frame.call === 0) return;
  state[State.current] = frame.call;
  // Queued before the timer's own reactions, as they will run after the next timer has changed the context.
  if (ticking) microtask(() => setContext(frame));
}

export function contextBinding(): Binding {
  return {
    getContinuationPreservedEmbedderData: currentContext,
    setContinuationPreservedEmbedderData: setContext,
  };
}

/** In shared memory, so that the host sees waiting immediates without asking. */
const immediateInfo = new Uint32Array(bridge.state, State.immediates * 4, 3);

/** Asks the host for one `tick` after this many milliseconds; the last request before leaving wins. */
export function requestTick(milliseconds: number): void {
  state[State.timer] = Math.max(1, Math.min(2 ** 31 - 2, Math.ceil(milliseconds))) + 1;
}

export function loopTime(): number {
  return Math.trunc(clock[STATE_CLOCK]!);
}

export function timersBinding(): Binding {
  return {
    setupTimers: nothing,
    scheduleTimer: requestTick,
    toggleTimerRef: nothing,
    toggleImmediateRef: nothing,
    getLibuvNow: loopTime,
    immediateInfo,
    timerInfo: new Int32Array(1),
    timeoutInfo: new Int32Array(1),
  };
}

export function taskQueueBinding(): Binding {
  return {
    tickInfo: new Uint8Array(2),
    runMicrotasks: nothing,
    setTickCallback: nothing,
    enqueueMicrotask: (callback: () => void) => microtask(callback),
    setPromiseRejectCallback: nothing,
    promiseRejectEvents: {
      kPromiseRejectWithNoHandler: 0,
      kPromiseHandlerAddedAfterReject: 1,
      kPromiseResolveAfterResolved: 2,
      kPromiseRejectAfterResolved: 3,
    },
  };
}

export function asyncWrapBinding(): Binding {
  return {
    setupHooks: nothing,
    setCallbackTrampoline: nothing,
    registerDestroyHook: nothing,
    setPromiseHooks: nothing,
    getPromiseHooks: () => [undefined, undefined, undefined, undefined],
    async_hook_fields: new Uint32Array(9),
    async_id_fields: new Float64Array(4),
    async_ids_stack: new Float64Array(64),
    execution_async_resources: [],
    pushAsyncContext: nothing,
    popAsyncContext: () => false,
    clearAsyncIdStack: nothing,
    executionAsyncResource: nothing,
    queueDestroyAsyncId: nothing,
    Providers: {},
    constants: {
      kInit: 0,
      kBefore: 1,
      kAfter: 2,
      kDestroy: 3,
      kPromiseResolve: 4,
      kTotals: 5,
      kCheck: 6,
      kStackLength: 7,
      kUsesExecutionAsyncResource: 8,
      kExecutionAsyncId: 0,
      kTriggerAsyncId: 1,
      kAsyncIdCounter: 2,
      kDefaultTriggerAsyncId: 3,
    },
  };
}

const NANOSECONDS = 1e6;

export function performanceBinding(): Binding {
  const origin = bridge.now();
  const milestones = new Float64Array(8).fill(origin * NANOSECONDS);
  milestones[1] = Date.now() * 1e3;
  return {
    now: () => bridge.now() - origin,
    milestones,
    observerCounts: new Uint32Array(8),
    constants: {
      NODE_PERFORMANCE_ENTRY_TYPE_GC: 0,
      NODE_PERFORMANCE_ENTRY_TYPE_HTTP: 1,
      NODE_PERFORMANCE_ENTRY_TYPE_HTTP2: 2,
      NODE_PERFORMANCE_ENTRY_TYPE_NET: 3,
      NODE_PERFORMANCE_ENTRY_TYPE_DNS: 4,
      NODE_PERFORMANCE_MILESTONE_TIME_ORIGIN: 0,
      NODE_PERFORMANCE_MILESTONE_TIME_ORIGIN_TIMESTAMP: 1,
      NODE_PERFORMANCE_MILESTONE_ENVIRONMENT: 2,
      NODE_PERFORMANCE_MILESTONE_NODE_START: 3,
      NODE_PERFORMANCE_MILESTONE_V8_START: 4,
      NODE_PERFORMANCE_MILESTONE_LOOP_START: 5,
      NODE_PERFORMANCE_MILESTONE_LOOP_EXIT: 6,
      NODE_PERFORMANCE_MILESTONE_BOOTSTRAP_COMPLETE: 7,
    },
    loopIdleTime: () => 0,
    uvMetricsInfo: () => [0, 0, 0],
    getTimeOrigin: () => 0,
    getTimeOriginTimestamp: () => milestones[1]! / 1e3,
    setupObservers: nothing,
    installGarbageCollectionTracking: nothing,
    removeGarbageCollectionTracking: nothing,
    notify: nothing,
    markBootstrapComplete: nothing,
  };
}

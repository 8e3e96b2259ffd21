/** The globals that a closure finds, each made by Node's own library when it is first used. */
import { defineLazy } from "./bindings/inspection.ts";
import { webCrypto } from "./crypto.ts";
import { fetchApi, fetchInterface } from "./fetch.ts";
import { processObject, requireInternal, structuredClone } from "./library.ts";
import { globalConsole } from "./log.ts";
import { messageClasses } from "./message-channel.ts";
import { installWebAssembly } from "./web-assembly.ts";

const LAZY: Readonly<Record<string, readonly string[]>> = {
  "internal/url": ["URL", "URLSearchParams"],
  "internal/encoding": ["TextEncoder", "TextDecoder"],
  "internal/abort_controller": ["AbortController", "AbortSignal"],
  "internal/event_target": ["Event", "EventTarget", "CustomEvent"],
  "internal/blob": ["Blob"],
  "internal/file": ["File"],
  buffer: ["Buffer", "atob", "btoa"],
  "internal/util/domexception": ["DOMException"],
  timers: ["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"],
  "internal/process/task_queues": ["queueMicrotask"],
  "internal/webstreams/readablestream": [
    "ReadableStream",
    "ReadableStreamDefaultReader",
    "ReadableStreamBYOBReader",
    "ReadableStreamBYOBRequest",
    "ReadableByteStreamController",
    "ReadableStreamDefaultController",
  ],
  "internal/webstreams/writablestream": [
    "WritableStream",
    "WritableStreamDefaultController",
    "WritableStreamDefaultWriter",
  ],
  "internal/webstreams/transformstream": ["TransformStream", "TransformStreamDefaultController"],
  "internal/webstreams/queuingstrategies": ["ByteLengthQueuingStrategy", "CountQueuingStrategy"],
  "internal/webstreams/encoding": ["TextEncoderStream", "TextDecoderStream"],
  "internal/webstreams/compression": ["CompressionStream", "DecompressionStream"],
  perf_hooks: [
    "performance",
    "PerformanceEntry",
    "PerformanceMark",
    "PerformanceMeasure",
    "PerformanceObserver",
  ],
};

export function installGlobals(): void {
  const target = globalThis as unknown as Record<string, unknown>;
  for (const [id, names] of Object.entries(LAZY)) {
    for (const name of names) defineLazy(target, name, false, () => requireInternal(id)[name]);
  }
  for (const name of ["Headers", "Request", "Response", "FormData"]) {
    defineLazy(target, name, false, () => fetchInterface(name));
  }
  for (const name of ["MessageChannel", "MessagePort", "MessageEvent"] as const) {
    defineLazy(target, name, false, () => messageClasses()[name]);
  }
  defineLazy(target, "crypto", false, webCrypto);
  const plain = {
    global: globalThis,
    process: processObject,
    console: globalConsole,
    // What else it takes is for ports.
    structuredClone: (value: unknown, options?: { transfer?: readonly object[] }) =>
      structuredClone(value, options),
    fetch: fetchApi,
  };
  for (const [name, value] of Object.entries(plain)) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
  }
  installWebAssembly();
}

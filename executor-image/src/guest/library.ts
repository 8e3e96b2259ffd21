/**
 * Node's own JavaScript library inside the isolate: its sources, over bindings of ours. That makes `node:util`,
 * `node:stream` and the rest the real ones, error codes and all.
 */

import type { Binding } from "./bindings/binding.ts";
import { nothing, symbolBag } from "./bindings/binding.ts";
import { blobBinding } from "./bindings/blob.ts";
import { bufferBinding } from "./bindings/buffer.ts";
import { utilBinding } from "./bindings/inspection.ts";
import type { Facts } from "./bindings/platform.ts";
import * as platform from "./bindings/platform.ts";
import { noting } from "./bindings/promise-states.ts";
import * as scheduling from "./bindings/scheduling.ts";
import * as textCodecs from "./bindings/text-codecs.ts";
import { typesBinding } from "./bindings/type-checks.ts";
import { urlBinding } from "./bindings/url.ts";
import { bridge, library } from "./bridge.ts";
import { ask, askFor } from "./host.ts";
import { isPort, messageClasses, transferPort } from "./message-channel.ts";
import { type PlatformObjects, structuredCloneWith } from "./structured-clone.ts";
import { zlibModule } from "./zlib.ts";

export const facts: Facts = JSON.parse(bridge.facts);

/** The directory of the running call, or the sandbox's own. */
export function workdir(): string {
  return workingDirectory;
}
let workingDirectory = facts.workdir;
export function setWorkdir(path: string): void {
  workingDirectory = path;
}

const privateSymbols = symbolBag();
const perIsolateSymbols = symbolBag();
const domException: { DOMException?: new (message: string, name: string) => Error } = {};

const transferModes = new WeakMap<object, number>();

/** As Node's: bit 1 for what can be transferred, bit 2 for what can be cloned. */
function markTransferMode(object: unknown, cloneable: boolean, transferable: boolean): void {
  if ((typeof object !== "object" && typeof object !== "function") || object === null) return;
  transferModes.set(object, (transferable ? 1 : 0) | (cloneable ? 2 : 0));
}

const platformObjects: PlatformObjects = {
  modeOf: (value) => transferModes.get(value),
  clone(value) {
    const { data, deserializeInfo } = (value as Record<symbol, () => Cloned>)[
      perIsolateSymbols.messaging_clone_symbol!
    ]!();
    const [id, name] = deserializeInfo.split(":") as [string, string];
    const Kind = requireInternal(id)[name] as new () => Record<symbol, (data: unknown) => void>;
    const copy = new Kind();
    copy[perIsolateSymbols.messaging_deserialize_symbol!]!(data);
    return copy;
  },
  isTransferable: isPort,
  transfer: transferPort,
};

/** What an object of the library says of itself so that it can be cloned. */
interface Cloned {
  readonly data: unknown;
  /** `internal/blob:ClonedBlob` */
  readonly deserializeInfo: string;
}

export const structuredClone = structuredCloneWith(platformObjects, (value) => {
  const shown =
    typeof value === "symbol"
      ? String(value)
      : typeof value === "function"
        ? `${value}`
        : `#<${value?.constructor?.name ?? "Object"}>`;
  throw new domException.DOMException!(`${shown} could not be cloned.`, "DataCloneError");
});

const factories: Readonly<Record<string, () => Binding>> = {
  async_context_frame: scheduling.contextBinding,
  async_wrap: scheduling.asyncWrapBinding,
  blob: blobBinding,
  buffer: bufferBinding,
  builtins: () => ({ natives: {}, builtinIds: Object.keys(library), builtinCategories: {} }),
  config: platform.configBinding,
  constants: () => platform.constantsBinding(facts),
  contextify: () => ({ constants: { measureMemory: {} } }),
  credentials: () => ({ safeGetenv: nothing, getTempDir: workdir, implementsPosixCredentials: false }),
  diagnostics_channel: platform.diagnosticsBinding,
  encoding_binding: () => textCodecs.encodingBinding(requireInternal),
  errors: platform.errorsBinding,
  icu: () => textCodecs.icuBinding(requireInternal, askFor),
  messaging: () => ({
    get MessageChannel() {
      return messageClasses().MessageChannel;
    },
    get MessagePort() {
      return messageClasses().MessagePort;
    },
    JSTransferable: class JSTransferable {},
    structuredClone,
    get DOMException() {
      return domException.DOMException;
    },
    exposeLazyDOMExceptionProperty: (target: object) =>
      Object.defineProperty(target, "DOMException", {
        configurable: true,
        get: () => domException.DOMException,
      }),
    setDeserializerCreateFunction: nothing,
  }),
  mksnapshot: () => ({
    isBuildingSnapshotBuffer: [0],
    setSerializeCallback: nothing,
    setDeserializeCallback: nothing,
    setDeserializeMainFunction: nothing,
    anonymousMainPath: "__node_anonymous_main",
  }),
  module_wrap: () => ({
    kInstantiated: 2,
    kEvaluated: 4,
    kErrored: 5,
    kUninstantiated: 0,
    kSourcePhase: 1,
    kEvaluationPhase: 2,
  }),
  os: () => platform.osBinding(facts, bridge.now, workdir),
  performance: scheduling.performanceBinding,
  string_decoder: textCodecs.stringDecoderBinding,
  symbols: () => perIsolateSymbols as Binding,
  task_queue: scheduling.taskQueueBinding,
  timers: scheduling.timersBinding,
  trace_events: platform.traceBinding,
  types: typesBinding,
  url: () => urlBinding(ask, requireInternal),
  url_pattern: () => ({ URLPattern: class URLPattern {} }),
  util: () => utilBinding(privateSymbols, requireInternal),
  uv: () => platform.uvBinding(facts),
  worker: () => ({ isMainThread: true, isInternalThread: false, ownsProcessState: true, threadId: 0 }),
};

const bindings = new Map<string, Binding>();

function internalBinding(name: string): Binding {
  let binding = bindings.get(name);
  if (binding === undefined) {
    binding = factories[name]?.() ?? {};
    bindings.set(name, binding);
  }
  return binding;
}

const OPTIONS: Readonly<Record<string, unknown>> = { "--async-context-frame": true, "--warnings": true };

/** Modules of Node that make no sense here, replaced by what others read from them. */
const replaced: Readonly<Record<string, () => unknown>> = {
  "internal/bootstrap/realm": () => ({
    BuiltinModule: {
      exists: (id: string) => Object.hasOwn(library, id),
      canBeRequiredByUsers: (id: string) => !id.startsWith("internal/") && Object.hasOwn(library, id),
      canBeRequiredByUsersWithoutScheme: (id: string) =>
        !id.startsWith("internal/") && Object.hasOwn(library, id),
      normalizeRequirableId: (id: string) => id.replace(/^node:/, ""),
      getSchemeOnlyModuleNames: () => [],
      isBuiltin: (id: string) => Object.hasOwn(library, id),
    },
    internalBinding,
  }),
  "internal/options": () => ({
    getOptionValue: (name: string) => OPTIONS[name],
    getEmbedderOptions: () => ({}),
    getAllowUnauthorized: nothing,
    refreshOptions: nothing,
    getOptionsAsFlagsFromBinding: () => [],
  }),
  "internal/process/per_thread": () => ({ toggleTraceCategoryState: nothing }),
  "internal/source_map/source_map_cache": () => ({
    findSourceMap: nothing,
    getSourceMapsSupport: () => ({ enabled: false }),
  }),
  "internal/util/domexception": () => domException,
  // Marked beside the objects, as only V8's own symbols could hide a mark from the user's code.
  "internal/worker/js_transferable": () => ({
    markTransferMode,
    setup: nothing,
    structuredClone,
    kClone: perIsolateSymbols.messaging_clone_symbol,
    kDeserialize: perIsolateSymbols.messaging_deserialize_symbol,
    kTransfer: perIsolateSymbols.messaging_transfer_symbol,
    kTransferList: perIsolateSymbols.messaging_transfer_list_symbol,
  }),
  "internal/worker/io": () => ({
    get MessageChannel() {
      return messageClasses().MessageChannel;
    },
    structuredClone,
  }),
  zlib: zlibModule,
  // The library wants intrinsics that nobody has tampered with, which takes a second context; there is but one.
  vm: () => ({ runInNewContext: () => globalThis }),
};

const primordials: Record<string, unknown> = {};
const modules = new Map<string, { exports: any; id: string; loaded: boolean }>();
/** What stands for `process` inside the library and as the global. */
export const processObject: Record<string, unknown> = {};

/** A module of Node's library, internal ones included. */
export function requireInternal(id: string): any {
  const name = id.startsWith("node:") ? id.slice(5) : id;
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} as unknown, id: name, loaded: false };
  const replacement = replaced[name];
  if (replacement !== undefined) {
    module.exports = replacement();
    modules.set(name, module);
    return module.exports;
  }
  const define = library[name];
  // Code that merely mentions a module (undici its sockets) loads; only using it fails.
  if (define === undefined) return absent(name);
  modules.set(name, module);
  try {
    define(module.exports, requireInternal, module, processObject, internalBinding, noted);
    module.loaded = true;
  } catch (error) {
    modules.delete(name);
    throw error;
  }
  return module.exports;
}

function absent(name: string): unknown {
  const missing = class {};
  Object.defineProperty(missing, "name", { value: name });
  const exports = new Proxy(missing, {
    get: (target, key) => (key === "prototype" ? target.prototype : key === "__esModule" ? false : undefined),
  });
  return exports;
}

library["internal/per_context/primordials"]!({}, primordials, privateSymbols, perIsolateSymbols);
const noted = noting(primordials);
library["internal/per_context/domexception"]!(domException, primordials, privateSymbols, perIsolateSymbols);

/** The natives that describe the machine and the build: configuration, constants, error numbers, `node:os`. */
import type { Grants } from "@bonfire/wire";
import type { Binding } from "./binding.ts";
import { nothing } from "./binding.ts";

/** What the host tells about itself when it builds an isolate. */
export interface Facts {
  readonly grants: Grants;
  readonly env: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly arch: string;
  readonly hostname: string;
  readonly release: string;
  readonly memoryBytes: number;
  /** `os.constants` and `fs.constants` of the host. */
  readonly constants: {
    readonly os: Record<string, unknown>;
    readonly fs: Record<string, unknown>;
    readonly zlib: Record<string, unknown>;
  };
  /** `[number, name, message]` of every system error. */
  readonly systemErrors: readonly (readonly [number, string, string])[];
  readonly workdir: string;
}

export function configBinding(): Binding {
  return {
    hasIntl: true,
    hasSmallICU: false,
    hasInspector: false,
    hasOpenSSL: false,
    hasCrypto: false,
    fipsMode: false,
    hasTracing: false,
    hasNodeOptions: false,
    noBrowserGlobals: false,
    isDebugBuild: false,
    bits: 64,
    getDefaultLocale: () => "en-US",
  };
}

export function constantsBinding(facts: Facts): Binding {
  return {
    os: { UV_UDP_REUSEADDR: 4, dlopen: {}, ...facts.constants.os },
    fs: facts.constants.fs,
    zlib: facts.constants.zlib,
    crypto: {},
    trace: {
      TRACE_EVENT_PHASE_BEGIN: 66,
      TRACE_EVENT_PHASE_END: 69,
      TRACE_EVENT_PHASE_NESTABLE_ASYNC_BEGIN: 98,
      TRACE_EVENT_PHASE_NESTABLE_ASYNC_END: 101,
      TRACE_EVENT_PHASE_COUNTER: 67,
      TRACE_EVENT_PHASE_NESTABLE_ASYNC_INSTANT: 110,
    },
    internal: { EXTENSIONLESS_FORMAT_JAVASCRIPT: 0, EXTENSIONLESS_FORMAT_WASM: 1 },
  };
}

export function uvBinding(facts: Facts): Binding {
  const byNumber = new Map(
    facts.systemErrors.map(([number, name, message]) => [number, [name, message] as const]),
  );
  return {
    ...Object.fromEntries(facts.systemErrors.map(([number, name]) => [`UV_${name}`, number])),
    errname: (number: number) => byNumber.get(number)?.[0] ?? `Unknown system error ${number}`,
    getErrorMap: () => byNumber,
    getErrorMessage: (number: number) => byNumber.get(number)?.[1] ?? `Unknown system error ${number}`,
  };
}

/** `node:os` describes the sandbox, not the machine's owner: no users, no interfaces, no load. */
export function osBinding(facts: Facts, now: () => number, home: () => string): Binding {
  return {
    getAvailableParallelism: () => 1,
    getCPUs: () => [],
    getFreeMem: () => facts.memoryBytes,
    getTotalMem: () => facts.memoryBytes,
    getHomeDirectory: home,
    getHostname: () => facts.hostname,
    getOSInformation: () => ["Linux", "", facts.release, facts.arch === "x64" ? "x86_64" : facts.arch],
    getInterfaceAddresses: () => [],
    getLoadAvg: nothing,
    getPriority: () => 0,
    setPriority: () => 0,
    getUptime: () => now() / 1000,
    getUserInfo: () => ({ uid: -1, gid: -1, username: "sandbox", homedir: home(), shell: null }),
    isBigEndian: false,
  };
}

export function errorsBinding(): Binding {
  return {
    noSideEffectsToString: String,
    triggerUncaughtException(error: unknown) {
      throw error;
    },
    setPrepareStackTraceCallback: nothing,
    setGetSourceMapErrorSource: nothing,
    setSourceMapsEnabled: nothing,
    setMaybeCacheGeneratedSourceMap: nothing,
    setEnhanceStackForFatalException: nothing,
    exitCodes: { kNoFailure: 0, kGenericUserError: 1 },
  };
}

export function traceBinding(): Binding {
  return {
    trace: nothing,
    available: false,
    isTraceCategoryEnabled: () => false,
    setTraceCategoryStateUpdateHandler: nothing,
    getCategoryEnabledBuffer: () => new Uint8Array(1),
    getEnabledCategories: nothing,
  };
}

export function diagnosticsBinding(): Binding {
  return { linkNativeChannel: nothing, subscribers: new Uint32Array(64), getOrCreateChannelIndex: () => 0 };
}

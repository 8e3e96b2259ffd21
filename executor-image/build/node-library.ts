/**
 * Takes the JavaScript sources of Node's own library out of the running binary, so that the sandbox has exactly the
 * library of the Node that the image pins. `process.binding` is deprecated, but it is the only place that has them.
 */
import { type TransformOptions, transform } from "esbuild";
import type { NodeSources } from "./node-sources.ts";

/** What closures may reach, directly or through a global. Everything these require comes along. */
const ROOTS = [
  ...[
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "diagnostics_channel",
    "events",
    "os",
    "path",
    "path/posix",
  ],
  ...["path/win32", "perf_hooks", "punycode", "querystring", "stream", "stream/consumers", "stream/promises"],
  ...["stream/web", "string_decoder", "timers", "timers/promises", "url", "util", "util/types"],
  ...[
    "internal/per_context/primordials",
    "internal/per_context/domexception",
    "internal/console/constructor",
  ],
  ...["internal/process/task_queues", "internal/blob", "internal/file", "internal/deps/undici/undici"],
  "internal/webstreams/compression",
];

/** What is not followed: the parts that need the real process, and those that guest/library.ts replaces. */
const LEFT_OUT =
  /^(?:fs|fs\/promises|net|tls|https?|http2|crypto|worker_threads|child_process|dgram|dns|dns\/promises|zlib|vm|v8|module|repl|readline|readline\/promises|inspector|cluster|sqlite|tty|wasi|internal\/(?:bootstrap|crypto|modules|fs|http|http2|dns|dgram|inspector|test|test_runner|vm|v8\/(?!startup_snapshot)|deps\/(?!undici)|streams\/iter|process\/(?!task_queues|promises)|source_map)(?:\/.*)?|internal\/(?:options|worker|worker\/(?!js_transferable).*|socket_list|histogram|histogram\/.*|heap_utils|tty|net|freeze_intrinsics|error_serdes|wasm_web_api|inspector.*|trace_events_async_hooks|util\/inspector|util\/trace_sigint|readline\/.*|watchdog|stream_base_commons|js_stream_socket|repl.*|webstorage|perf\/event_loop_delay|process))$/;

const REQUIRED =
  /require\(\s*['"](?:node:)?([^'"]+)['"]\s*\)|defineLazyProperties\(\s*[\w.]+,\s*['"]([^'"]+)/g;

const PARAMETERS = "exports, require, module, process, internalBinding, primordials";
const CONTEXT_PARAMETERS = "exports, primordials, privateSymbols, perIsolateSymbols";

/** An object literal that maps each module's id to a function of its source. */
export async function libraryLiteral(sources: NodeSources): Promise<string> {
  const entries = [...closureOf(ROOTS, sources)].map(async (id) => {
    const parameters = id.startsWith("internal/per_context/") ? CONTEXT_PARAMETERS : PARAMETERS;
    // One by one: in one scope the names of one module would be changed to keep clear of another's.
    const { code } = await transform(`(function (${parameters}) {${textOf(id, sources)}\n})`, SMALLER);
    // Without its parentheses, which tell V8 to compile it at once, most isolates never compile it at all.
    return `${JSON.stringify(id)}: ${code.trim().replace(/^\((.*)\);$/s, "$1")}`;
  });
  return `{\n${(await Promise.all(entries)).join(",\n")}\n}`;
}

/** Names stay: they show in stacks, and the library reads some of its own functions' names. */
const SMALLER: TransformOptions = { minifyWhitespace: true, target: "es2024", legalComments: "inline" };

function closureOf(roots: readonly string[], sources: NodeSources): Set<string> {
  const found = new Set<string>();
  const queue = [...roots];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (found.has(id) || typeof sources[id] !== "string" || LEFT_OUT.test(id)) continue;
    found.add(id);
    for (const [, required, lazy] of textOf(id, sources).matchAll(REQUIRED)) queue.push((required ?? lazy)!);
  }
  return found;
}

/** Of undici only the classes of the Fetch standard are used; its client would load sockets when evaluated. */
const UNDICI_ENTRY = "// index-fetch.js";
/** Only tested for with `instanceof`; the sandbox has no ports. */
const UNDICI_GLOBALS = "const MessagePort = class MessagePort {};";
const UNDICI_EXPORTS = `
module.exports.FormData = require_formdata().FormData;
module.exports.Headers = require_headers().Headers;
module.exports.Response = require_response().Response;
module.exports.Request = require_request2().Request;
`;

function textOf(id: string, sources: NodeSources): string {
  const text = sources[id]!;
  if (id !== "internal/deps/undici/undici") return text;
  const entry = text.lastIndexOf(UNDICI_ENTRY);
  if (entry === -1)
    throw new Error(`Cannot find "${UNDICI_ENTRY}" in Node's undici: this Node bundles it differently`);
  return UNDICI_GLOBALS + text.slice(0, entry) + UNDICI_EXPORTS;
}

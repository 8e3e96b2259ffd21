/** `node:child_process` for the programs that a pool names: Node's streams and events over children of the host. */
import { BonfireError, hasCode } from "@bonfire/wire";
import { currentCall } from "./bindings/scheduling.ts";
import { asBuffer } from "./file-operations.ts";
import { askFor, notify, request } from "./host.ts";
import { requireInternal } from "./library.ts";
import { logLine } from "./log.ts";

interface SpawnOptions {
  readonly cwd?: string | URL;
  readonly env?: Record<string, string | undefined>;
  readonly stdio?: unknown;
  readonly shell?: unknown;
  readonly signal?: AbortSignal;
  readonly timeout?: number;
  readonly killSignal?: string | number;
  readonly encoding?: string | null;
  readonly maxBuffer?: number;
  readonly input?: string | Uint8Array;
}

type Callback = (error: unknown, stdout: unknown, stderr: unknown) => void;
type Stream = any;

const STREAMS = ["stdin", "stdout", "stderr"] as const;
const OUTPUTS = ["stdout", "stderr"] as const;
const LEVELS = { stdout: "log", stderr: "error" } as const;
const CHUNK = 64 * 1024;
const MAX_BUFFER = 1024 * 1024;

function refuseShell(name: string): never {
  throw new BonfireError(
    "GRANT_MISSING",
    `Cannot use child_process.${name} as a shell could start any program: use execFile or spawn with the program's name and its arguments as an array`,
  );
}

/** The three standard streams' dispositions: "pipe", "ignore" or "inherit" (which goes to the call's log). */
function stdioOf(given: unknown): string[] {
  const list = Array.isArray(given) ? given : [given, given, given];
  return STREAMS.map((_, index) =>
    list[index] === "ignore" || list[index] === "inherit" ? (list[index] as string) : "pipe",
  );
}

function splitArguments(args: unknown, options: unknown): [string[], SpawnOptions] {
  return Array.isArray(args)
    ? [args.map(String), (options ?? {}) as SpawnOptions]
    : [[], (args ?? {}) as SpawnOptions];
}

function settingsOf(options: SpawnOptions): unknown {
  if (options.shell) refuseShell("spawn with shell");
  return {
    cwd: options.cwd === undefined ? null : String(options.cwd),
    env: options.env ?? null,
    // What is inherited is read here, as the call's log is where the output of this process goes.
    stdio: stdioOf(options.stdio).map((kind, index) => (kind === "inherit" && index > 0 ? "pipe" : kind)),
  };
}

/** A running child, as `spawn` returns it. */
function spawn(file: string, givenArgs?: unknown, givenOptions?: unknown): any {
  const [args, options] = splitArguments(givenArgs, givenOptions);
  const settings = settingsOf(options);
  const EventEmitter = requireInternal("events");
  const child = new EventEmitter();
  const { value } = askFor("programs.spawn", [file, args, settings]);
  const [id, pid] = value as [number, number | null];
  const piped = stdioOf(options.stdio);
  const abort = new (requireInternal("internal/abort_controller").AbortController)();
  Object.assign(child, {
    pid: pid ?? undefined,
    exitCode: null,
    signalCode: null,
    killed: false,
    spawnfile: file,
    spawnargs: [file, ...args],
    stdin: piped[0] === "pipe" ? inputOf(id) : null,
    stdout: piped[1] === "pipe" ? outputOf(id, "stdout") : null,
    stderr: piped[2] === "pipe" ? outputOf(id, "stderr") : null,
    kill(signal: string | number = "SIGTERM") {
      const sent = askFor("programs.kill", [id, signal]).value === true;
      child.killed ||= sent;
      return sent;
    },
    ref() {},
    unref() {},
    [Symbol.dispose]() {
      child.kill();
    },
  });
  child.stdio = [child.stdin, child.stdout, child.stderr];
  const logged = OUTPUTS.filter((_, index) => piped[index + 1] === "inherit").map((name) =>
    logOutput(id, name),
  );
  if (options.signal !== undefined) followSignal(child, options.signal, options.killSignal, abort.signal);
  if (options.timeout) {
    const timer = requireInternal("timers").setTimeout(() => child.kill(options.killSignal), options.timeout);
    child.once("exit", () => requireInternal("timers").clearTimeout(timer));
  }
  void watch(child, id, pid, logged).finally(() => abort.abort());
  return child;
}

function followSignal(child: any, signal: AbortSignal, killSignal: unknown, done: AbortSignal): void {
  const stop = () => {
    const { AbortError } = requireInternal("internal/errors");
    child.kill(killSignal);
    child.emit("error", new AbortError(undefined, { cause: signal.reason }));
  };
  if (signal.aborted) requireInternal("timers").setImmediate(stop);
  else signal.addEventListener("abort", stop, { once: true, signal: done });
}

async function watch(child: any, id: number, pid: number | null, logged: readonly Stream[]): Promise<void> {
  if (pid !== null) requireInternal("timers").setImmediate(() => child.emit("spawn"));
  try {
    const [code, signal] = (await request("programs.wait", [id])).value as [number | null, string | null];
    child.exitCode = code;
    child.signalCode = signal;
    child.stdin?.destroy();
    emit(child, "exit", code, signal);
    await Promise.all([child.stdout, child.stderr, ...logged].map(ended));
    emit(child, "close", code, signal);
  } catch (error) {
    child.stdin?.destroy();
    child.stdout?.destroy();
    child.stderr?.destroy();
    if (isUnwatchedEnd(error, child)) return;
    emit(child, "error", error);
    emit(child, "close", -2, null);
  }
}

/** A closure need not wait for the exit of what it started, nor read all of its output. */
function isUnwatchedEnd(error: unknown, emitter: Stream): boolean {
  return hasCode(error, "CALL_ENDED") && emitter.listenerCount("error") === 0;
}

/** From a timer's turn, so that what a listener throws is uncaught, as in Node, and not a rejection of ours. */
function emit(child: any, event: string, ...values: unknown[]): void {
  requireInternal("timers").setImmediate(() => child.emit(event, ...values));
}

function ended(stream: Stream): Promise<void> {
  if (stream === null || stream.closed || stream.destroyed) return Promise.resolve();
  // Output that nobody reads must not hold back "close" for ever; Node lets it flow off, too.
  if (stream.readableFlowing === null && stream.listenerCount("readable") === 0) stream.resume();
  return new Promise((resolve) => stream.once("close", resolve));
}

function outputOf(id: number, name: "stdout" | "stderr"): Stream {
  const { Readable } = requireInternal("stream");
  const stream = new Readable({
    highWaterMark: CHUNK,
    read() {
      request("programs.read", [id, name]).then(
        ({ bytes }) => stream.push(bytes === undefined ? null : asBuffer(bytes)),
        (error: unknown) => stream.destroy(isUnwatchedEnd(error, stream) ? undefined : error),
      );
    },
    destroy(error: unknown, done: (error: unknown) => void) {
      notify("programs.discard", id, name);
      done(error);
    },
  });
  return stream;
}

/** Makes log lines of the call of what a child prints. */
function logOutput(id: number, name: "stdout" | "stderr"): Stream {
  const stream = outputOf(id, name).setEncoding("utf8");
  const call = currentCall();
  let rest = "";
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) logLine(call, LEVELS[name], line);
  });
  stream.on("end", () => {
    if (rest !== "") logLine(call, LEVELS[name], rest);
  });
  return stream;
}

function logText(name: "stdout" | "stderr", text: string): void {
  if (text === "") return;
  for (const line of text.replace(/\n$/, "").split("\n")) logLine(currentCall(), LEVELS[name], line);
}

function inputOf(id: number): Stream {
  const { Writable } = requireInternal("stream");
  type Done = (error?: unknown) => void;
  const finish = (asked: Promise<unknown>, done: Done) =>
    void asked.then(
      () => done(),
      (error: unknown) => done(isUnwatchedEnd(error, stream) ? undefined : error),
    );
  const stream = new Writable({
    highWaterMark: CHUNK,
    decodeStrings: true,
    write: (chunk: Uint8Array, _encoding: string, done: Done) =>
      finish(request("programs.write", [id], { bytes: chunk }), done),
    final: (done: Done) => finish(request("programs.end", [id]), done),
  });
  return stream;
}

function failure(
  file: string,
  args: readonly string[],
  code: number | null,
  signal: string | null,
  killed: boolean,
  stderr: unknown,
): Error {
  const command = [file, ...args].join(" ");
  return Object.assign(new Error(`Command failed: ${command}\n${stderr}`), {
    code,
    killed,
    signal,
    cmd: command,
  });
}

function execFile(file: string, ...rest: unknown[]): any {
  const callback = typeof rest.at(-1) === "function" ? (rest.pop() as Callback) : undefined;
  const [args, options] = splitArguments(rest[0], rest[1]);
  const child = spawn(file, args, { ...options, timeout: options.timeout ?? 0 });
  const limit = options.maxBuffer ?? MAX_BUFFER;
  const encoding = options.encoding === undefined ? "utf8" : options.encoding;
  let failed: unknown;
  const gather = (stream: Stream, name: string) => {
    const parts: Uint8Array[] = [];
    let size = 0;
    stream?.on("data", (part: Uint8Array) => {
      size += part.length;
      if (size <= limit) parts.push(part);
      else if (failed === undefined) {
        const { ERR_CHILD_PROCESS_STDIO_MAXBUFFER } = requireInternal("internal/errors").codes;
        failed = new ERR_CHILD_PROCESS_STDIO_MAXBUFFER(name);
        child.kill(options.killSignal);
      }
    });
    return () => {
      const whole = requireInternal("buffer").Buffer.concat(parts);
      return encoding === null || encoding === "buffer" ? whole : whole.toString(encoding);
    };
  };
  const stdout = gather(child.stdout, "stdout");
  const stderr = gather(child.stderr, "stderr");
  child.on("error", (error: unknown) => {
    failed ??= error;
  });
  child.on("close", (code: number | null, signal: string | null) => {
    const texts = [stdout(), stderr()] as const;
    if (failed === undefined && (code !== 0 || signal !== null)) {
      failed = failure(file, args, code, signal, child.killed, texts[1]);
    }
    callback?.(failed ?? null, ...texts);
  });
  return child;
}

function promisifiedExecFile(file: string, ...rest: unknown[]): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const child = execFile(file, ...rest, (error: unknown, stdout: unknown, stderr: unknown) => {
    if (error) reject(Object.assign(error, { stdout, stderr }));
    else resolve({ stdout, stderr });
  });
  return Object.assign(promise, { child });
}

function spawnSync(file: string, givenArgs?: unknown, givenOptions?: unknown): any {
  const [args, options] = splitArguments(givenArgs, givenOptions);
  const input =
    typeof options.input === "string" ? requireInternal("buffer").Buffer.from(options.input) : options.input;
  const limits = {
    timeout: options.timeout ?? 0,
    killSignal: options.killSignal ?? "SIGTERM",
    maxBuffer: options.maxBuffer ?? MAX_BUFFER,
  };
  const { value, bytes } = askFor("programs.spawnSync", [file, args, settingsOf(options), limits], input);
  const result = value as {
    pid: number;
    status: number | null;
    signal: string | null;
    split: number;
    error: { message: string; own: object } | null;
  };
  const whole = asBuffer(bytes) as any;
  const kinds = stdioOf(options.stdio);
  const shown = (name: "stdout" | "stderr", part: any) => {
    const kind = kinds[STREAMS.indexOf(name)];
    if (kind === "inherit") logText(name, part.toString());
    if (kind !== "pipe") return null;
    return options.encoding && options.encoding !== "buffer" ? part.toString(options.encoding) : part;
  };
  const stdout = shown("stdout", whole.subarray(0, result.split));
  const stderr = shown("stderr", whole.subarray(result.split));
  const { pid, status, signal, error } = result;
  const done: Record<string, unknown> = {
    pid,
    status,
    signal,
    stdout,
    stderr,
    output: [null, stdout, stderr],
  };
  if (error !== null) done.error = Object.assign(new Error(error.message), error.own);
  return done;
}

function execFileSync(file: string, givenArgs?: unknown, givenOptions?: unknown): unknown {
  const [args, options] = splitArguments(givenArgs, givenOptions);
  const result = spawnSync(file, args, options);
  // As in Node: nobody would see it otherwise.
  if (options.stdio === undefined) logText("stderr", String(result.stderr));
  if (result.error) throw Object.assign(result.error, result);
  if (result.status !== 0) {
    throw Object.assign(failure(file, args, result.status, result.signal, false, result.stderr), result);
  }
  return result.stdout;
}

export function childProcessModule(): Record<string, unknown> {
  const { promisify } = requireInternal("internal/util");
  Object.defineProperty(execFile, promisify.custom, { value: promisifiedExecFile, configurable: true });
  return {
    spawn,
    spawnSync,
    execFile,
    execFileSync,
    exec: () => refuseShell("exec"),
    execSync: () => refuseShell("execSync"),
    fork: () => refuseShell("fork"),
  };
}

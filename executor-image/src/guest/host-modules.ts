/**
 * Packages that the cell runs for us. A module is a proxy; reading a property gives a proxy at once, calling or `new`
 * asks the host to do it and gives a proxy for the result, so that `sharp(a).resize(9).toBuffer()` needs one `await`.
 * Awaiting gives data by value, and anything else as a proxy that is no promise any more.
 */
import { BonfireError } from "@bonfire/wire";
import { packValue, type Reference, unpackValue, writeParts } from "../grants/host-values.ts";
import { currentCall } from "./bindings/scheduling.ts";
import { notify, notifyWith, type Reply, request } from "./host.ts";
import { requireInternal } from "./library.ts";
import { logLine } from "./log.ts";
import { putBlock } from "./outbox.ts";

/** An object by its number, or a module by its name. */
type Target = number | string;
type Action = "call" | "new" | "get" | "set" | "iterate";
type Callback = (...args: unknown[]) => unknown;

interface Expression {
  readonly target: Target;
  readonly path: readonly string[];
  /** Whether `await` has something to do: the result of an action, or a property. */
  readonly pending: boolean;
  settled?: Promise<unknown>;
}

const NO_BYTES = new Uint8Array(0);
const expressions = new WeakMap<object, Expression>();
const callbackNumbers = new WeakMap<object, number>();
const callbacks = new Map<number, Callback>();
const modules = new Map<string, object>();
let lastObject = 0;
let lastCallback = 0;
let listening = false;

/** The proxy of a granted package, which the host loads when it is first used. */
export function hostModule(specifier: string): object {
  let module = modules.get(specifier);
  if (module === undefined) {
    module = proxyOf({ target: specifier, path: [], pending: false });
    modules.set(specifier, module);
  }
  return module;
}

/** What `import()` of it gives: its exports, with the module itself as default, and no promise. */
export function hostNamespace(specifier: string): object {
  const module = hostModule(specifier) as Record<PropertyKey, unknown>;
  return new Proxy(Object.create(null) as object, {
    get: (_, key) => (key === "default" ? module : module[key]),
  });
}

/** Lets go of what the last call used: its numbers mean nothing to the next one. */
export function forgetHostObjects(): void {
  callbacks.clear();
  listening = false;
}

/** Keys that lead from any object to all others; the host refuses them too. */
const CLIMBS = new Set(["constructor", "prototype", "__proto__", "caller", "callee", "arguments"]);

const handler: ProxyHandler<object> = {
  get(shell, key, receiver) {
    const expression = expressions.get(receiver as object) ?? expressions.get(shell)!;
    if (typeof key === "symbol") return symbolOf(expression, key);
    if (CLIMBS.has(key) || key.startsWith("__")) return undefined;
    if (key === "then" || key === "catch" || key === "finally") {
      if (expression.pending) return promised(expression, key);
      if (key === "then") return undefined;
    }
    const { target, path } = expression;
    return proxyOf({ target, path: [...path, key], pending: true });
  },
  set(shell, key, value) {
    const { target, path } = expressions.get(shell)!;
    if (typeof key === "symbol") return false;
    act("set", target, [...path, key], [value]);
    return true;
  },
  apply: (shell, _, args) => actOn(shell, "call", args),
  construct: (shell, args) => actOn(shell, "new", args),
};

/** Bound, it can be called and constructed and yet has no property that a proxy must admit to. */
class Shell {}

function proxyOf(expression: Expression): object {
  const shell = Shell.bind(undefined);
  const proxy = new Proxy(shell, handler);
  expressions.set(shell, expression);
  expressions.set(proxy, expression);
  return proxy;
}

function actOn(shell: object, action: Action, args: unknown[]): object {
  const { target, path } = expressions.get(shell)!;
  return proxyOf({ target: act(action, target, path, args), path: [], pending: true });
}

/** Has the host do something; returns the number of the result. */
function act(action: Action, target: Target, path: readonly string[], args: unknown[]): number {
  const number = ++lastObject;
  const [packed, bytes] = pack(args);
  notifyWith(bytes, "host.act", [number, action, target, path, packed]);
  return number;
}

function symbolOf(expression: Expression, key: symbol): unknown {
  const { target, path } = expression;
  const isObject = path.length === 0 && typeof target === "number";
  switch (key) {
    case Symbol.dispose:
      return isObject ? () => notify("host.release", target, true) : undefined;
    case Symbol.asyncDispose:
      return isObject ? () => request("host.release", [target, true]).then(() => undefined) : undefined;
    case Symbol.asyncIterator:
      return () => iteratorOf(act("iterate", target, path, []));
    default:
      return undefined;
  }
}

function iteratorOf(number: number): AsyncIterator<unknown> & AsyncDisposable {
  const iterator = proxyOf({ target: number, path: [], pending: false }) as any;
  const end = () => notify("host.release", number, false);
  return {
    async next() {
      const step = await iterator.next();
      if (step.done) end();
      return step;
    },
    async return(value) {
      // Most iterators have no cleaning up to do, and so no such method.
      if ((await iterator.return) !== undefined) await iterator.return();
      end();
      return { done: true, value };
    },
    async [Symbol.asyncDispose]() {
      await this.return!();
    },
  };
}

function promised(expression: Expression, key: "then" | "catch" | "finally"): unknown {
  return (...reactions: never[]) => {
    expression.settled ??= settle(expression);
    return (expression.settled[key] as (...reactions: never[]) => unknown)(...reactions);
  };
}

async function settle({ target, path }: Expression): Promise<unknown> {
  const number = path.length > 0 ? act("get", target, path, []) : target;
  return unpack(await request("host.settle", [number]));
}

function pack(value: unknown): [packed: unknown, bytes: number | null] {
  const { packed, parts, size } = packValue(value, bufferClass(), refer);
  return [packed, parts.length === 0 ? null : putBlock(size, (block) => writeParts(parts, block))];
}

function unpack({ value, bytes = NO_BYTES }: Reply): unknown {
  return unpackValue(value, bytes, bufferClass(), ([, number]) =>
    proxyOf({ target: number, path: [], pending: false }),
  );
}

function bufferClass() {
  return requireInternal("buffer").Buffer;
}

function refer(value: object): Reference {
  const expression = expressions.get(value);
  if (expression !== undefined) {
    const { target, path } = expression;
    return ["h", path.length === 0 && typeof target === "number" ? target : act("get", target, path, [])];
  }
  if (typeof value === "function") return ["f", callbackNumber(value as Callback)];
  const name = (Object.getPrototypeOf(value) as object).constructor?.name ?? "object";
  throw new BonfireError(
    "VALUE_REFUSED",
    `Cannot pass a ${name} to a host module as only plain data, bytes, functions and its own objects can: pass a plain object`,
  );
}

function callbackNumber(callback: Callback): number {
  let number = callbackNumbers.get(callback);
  if (number === undefined) {
    number = ++lastCallback;
    callbackNumbers.set(callback, number);
  }
  callbacks.set(number, callback);
  if (!listening) void listen();
  return number;
}

/** Fetches the calls of our functions, one after another, for as long as the call lasts. */
async function listen(): Promise<void> {
  listening = true;
  try {
    for (;;) {
      const { value, bytes = NO_BYTES } = await request("host.listen");
      if (value === null) return;
      const [invocation, number, args] = value as [number, number, unknown];
      void run(invocation, number, unpack({ value: args, bytes }) as unknown[]);
    }
  } finally {
    listening = false;
  }
}

async function run(invocation: number, number: number, args: unknown[]): Promise<void> {
  try {
    const [packed, bytes] = pack(await callbacks.get(number)?.(...args));
    notifyWith(bytes, "host.answer", [invocation, true, packed]);
  } catch (error) {
    // The module may ignore it, as it may what a callback returns.
    logLine(currentCall(), "error", `Error in a function that was given to a host module: ${String(error)}`);
    const [packed, bytes] = pack(plainError(error));
    notifyWith(bytes, "host.answer", [invocation, false, packed]);
  }
}

/** What a module may know of an error; its own properties might be nothing that can be passed. */
function plainError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { name, code } = error as Error & { code?: unknown };
  const plain = new (name === "TypeError" ? TypeError : name === "RangeError" ? RangeError : Error)(
    error.message,
  );
  return typeof code === "string" ? Object.assign(plain, { code }) : plain;
}

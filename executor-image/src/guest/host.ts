/**
 * How the guest asks its host for something. Synchronous requests cross at once; asynchronous ones are gathered as
 * JSON and fetched by the host when the isolate has been left, and their answers come back in one batch.
 */

import { BonfireError } from "@bonfire/wire";
import { currentCall, currentContext, setContext } from "./bindings/scheduling.ts";
import { bridge } from "./bridge.ts";
import type { Answer, Bytes, DescribedError, Request } from "./layout.ts";
import { State } from "./layout.ts";
import { microtask } from "./microtask.ts";
import { putBytes } from "./outbox.ts";

const state = new Int32Array(bridge.state);
const { parse, stringify } = JSON;

/** A request's result: its JSON value, and bytes in memory of the guest's own. */
export interface Reply {
  readonly value: unknown;
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
}

interface Waiting {
  readonly context: ReturnType<typeof currentContext>;
  resolve(reply: Reply): void;
  reject(error: unknown): void;
}

const waiting = new Map<number, Waiting>();
let requests: Request[] = [];
let lastRequest = 0;

/** Performs an operation at once; `bytes` go with the arguments. Throws the operation's error. */
export function askFor(operation: string, args: readonly unknown[], bytes?: Uint8Array): Reply {
  const blob = bytes === undefined ? -1 : putBytes(bytes);
  const [ok, value, where] = parse(bridge.ask(currentCall(), operation, stringify(args), blob)) as [
    boolean,
    unknown,
    Bytes,
  ];
  if (!ok) throw revive(value as DescribedError);
  return { value, bytes: take(where) };
}

/** As `askFor`, when only the value is of interest. */
export function ask(operation: string, ...args: unknown[]): unknown {
  return askFor(operation, args).value;
}

/**
 * Begins an operation; the promise settles when the host has delivered its answer. `call` is whose it is, for things
 * that belong to one call although other code may drive them on. Default: the call whose code runs.
 */
export function request(
  operation: string,
  args: readonly unknown[] = [],
  options: { bytes?: Uint8Array | undefined; signal?: AbortSignal | undefined; call?: number } = {},
): Promise<Reply> {
  const { bytes, signal, call = currentCall() } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const id = ++lastRequest;
  return new Promise((resolve, reject) => {
    waiting.set(id, { context: currentContext(), resolve, reject });
    post([id, call, operation, args as unknown[], bytes === undefined ? null : putBytes(bytes)]);
    signal?.addEventListener(
      "abort",
      () => {
        if (!waiting.delete(id)) return;
        post([0, currentCall(), "abort", [id], null]);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}

/** Tells the host something without wanting an answer. */
export function notify(operation: string, ...args: unknown[]): void {
  notifyWith(null, operation, args);
}

/** As `notify`, for something that belongs to `call`. */
export function notifyFor(call: number, operation: string, ...args: unknown[]): void {
  post([0, call, operation, args, null]);
}

/** As `notify`, with the bytes that have this number. */
export function notifyWith(bytes: number | null, operation: string, args: unknown[]): void {
  post([0, currentCall(), operation, args, bytes]);
}

function post(message: Request): void {
  requests.push(message);
  state[State.mail] = 1;
}

/** Drops every request that waits: nothing of what asked for them is wanted any more. */
export function forgetRequests(): void {
  waiting.clear();
  requests = [];
  state[State.mail] = 0;
}

/** Everything asked for since the last time, for the host. */
export function collect(): string {
  const taken = requests;
  requests = [];
  state[State.mail] = 0;
  return stringify(taken);
}

/** Settles what the host has answered. */
export function deliver(answers: string): void {
  for (const [id, ok, value, where] of parse(answers) as Answer[]) {
    const bytes = take(where);
    const waiter = waiting.get(id);
    if (waiter === undefined) continue;
    waiting.delete(id);
    // Queued before the promise's own reactions, so that they run as code of the call that asked.
    microtask(() => setContext(waiter.context));
    if (ok) waiter.resolve({ value, bytes });
    else waiter.reject(revive(value as DescribedError));
  }
}

const inbox = new Uint8Array(bridge.inbox);

function take(where: Bytes): Uint8Array<ArrayBuffer> | undefined {
  if (where === null) return undefined;
  if (typeof where !== "number") return inbox.slice(where[0], where[0] + where[1]);
  const shared = new Uint8Array(bridge.open(where));
  const own = new Uint8Array(shared.length);
  own.set(shared);
  return own;
}

const KINDS: Readonly<Record<string, new (message: string) => Error>> = {
  TypeError,
  RangeError,
  SyntaxError,
};

/** An operation's error as itself, with a stack of the guest's own: the host's would name the host's files. */
export function revive(described: DescribedError): Error {
  const { name, message, own } = described;
  if (name === "BonfireError") return new BonfireError(String(own.code), message);
  const error = new (KINDS[name] ?? Error)(message);
  if (error.name !== name)
    Object.defineProperty(error, "name", { value: name, writable: true, configurable: true });
  return Object.assign(error, own);
}

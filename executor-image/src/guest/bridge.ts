/**
 * The handful of things that the host hands to the guest when an isolate is built: shared memory, callbacks that take
 * and give primitives only, and Node's own library. They are parameters of the function that build/main.ts wraps
 * around the bundled guest; no isolated-vm object is among them, because whoever holds one can leave the sandbox.
 */
export interface Bridge {
  readonly inbox: SharedArrayBuffer;
  readonly outbox: SharedArrayBuffer;
  readonly state: SharedArrayBuffer;
  readonly text: SharedArrayBuffer;
  /** Performs an operation now and returns `[ok, value, bytes]` as JSON. */
  readonly ask: (call: number, operation: string, args: string, blob: number) => string;
  /** Lets the host take everything out of the outbox. */
  readonly drain: () => void;
  /** A buffer of this size for the bytes with this number. */
  readonly lend: (number: number, size: number) => SharedArrayBuffer;
  /** The buffer in which the host put the bytes with this number. */
  readonly open: (number: number) => SharedArrayBuffer;
  /** Native UTF-8 decoding of a range of the text buffer (0) or the inbox (1). */
  readonly decodeText: (source: number, offset: number, length: number) => string;
  /** Native UTF-8 encoding into the text buffer; returns the bytes written, or -1 when they do not fit. */
  readonly encodeText: (text: string) => number;
  /** Milliseconds on the host's monotonic clock, with fractions. */
  readonly now: () => number;
  /** What `process` and `node:os` show, and the grants, as JSON. */
  readonly facts: string;
}

/** Node's own library, by module id; each takes `(exports, require, module, process, internalBinding, primordials)`. */
export type NodeLibrary = Readonly<Record<string, (...parameters: unknown[]) => unknown>>;

declare const hostBridge: Bridge;
declare const nodeLibrary: NodeLibrary;

export const bridge: Bridge = hostBridge;
export const library: NodeLibrary = nodeLibrary;

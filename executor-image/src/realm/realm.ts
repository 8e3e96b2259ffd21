/** The thing inside a cell that runs code: bytes in, bytes out. It knows nothing of the bus. */
import type { BonfireError, Grants } from "@bonfire/wire";
import type { Cluster } from "./cluster.ts";

/** What a realm tells its cell. None of these may throw. */
export interface RealmEvents {
  /**
   * Exactly once per call. `kind` is `ReplyKind.value`, `.liveValue` or `.error`; `bytes` are the receiver's to keep. Those of a
   * large result are backed by a SharedArrayBuffer of their own.
   */
  reply(id: number, kind: number, bytes: Uint8Array): void;
  /** A packet of the call's live handles, for the driver; it is the receiver's to keep. */
  handle(id: number, packet: Uint8Array): void;
  /** Exactly once per call that was answered with a `.liveValue`, at its end: the encoded error, or empty. */
  over(id: number, error: Uint8Array): void;
  /** A line that the call's code logged; `call` 0 = none is known. */
  log(call: number, level: "debug" | "log" | "info" | "warn" | "error", text: string): void;
  /** The whole process can't go on. */
  broken(error: BonfireError): void;
  /** Code runs on that nobody waits for, and nothing else: the process is to take no more calls, and to end. Before the replies of those calls. */
  retire(error: BonfireError): void;
  /** A child process leads the process group `group`, which must be killed if this process dies. */
  spawned(group: number): void;
  /** The group has been killed or has ended. */
  ended(group: number): void;
}

export interface RealmOptions {
  /** Most memory that the code of one isolate may take, in MB. */
  readonly memoryMb: number;
  readonly grants: Grants;
  /** Packages that do not travel with a closure are found from here, as by a program in this directory. */
  readonly directory: string;
  /** A directory of the realm's own, which exists; each call with files gets one inside of it. */
  readonly workdir: string;
  readonly events: RealmEvents;
  /** Asked for when the first actor is started. */
  readonly cluster: () => Cluster;
}

export interface IncomingCall {
  readonly id: number;
  /** The number under which the bundle was loaded. */
  readonly bundle: number;
  /** Which closure of the bundle. */
  readonly site: number;
  /** See `CallFlag`. */
  readonly flags: number;
  /** Milliseconds left until the deadline; 0 = none. */
  readonly budget: number;
  /** Valid only during the call of `run`. When large, it may be backed by a SharedArrayBuffer, which saves a copy. */
  readonly body: Uint8Array;
}

/** What a realm says of itself. */
export interface RealmFacts {
  /** Calls that have not been answered. */
  readonly calls: number;
  /** Whether an isolate is ready for the next call that needs one, and how often a call had to wait for one to be built. */
  readonly spareIsolate?: { readonly ready: boolean; readonly builtOnDemand: number };
}

export interface Realm {
  /** Makes a bundle known under this number; its code runs when a call first needs it. */
  load(bundle: number, hash: string, code: string): void;
  /** Whether it is known and has not been dropped for others; a call that asks is about to use it. */
  has(bundle: number): boolean;
  /** The code of a bundle that is known. */
  code(bundle: number): string | undefined;
  inspect(): RealmFacts;
  /** Runs everything that arrived in one tick. */
  run(calls: readonly IncomingCall[]): void;
  /** A packet from the driver for the call's live handles, valid only now. Unknown ids are ignored. */
  receive(id: number, packet: Uint8Array): void;
  /**
   * Ends a call: its reply is `reason`, its signal fires, its children are killed. False if its code runs on; then the
   * reply comes when that has ended, or is about to, with the process. True for unknown ids.
   */
  cancel(id: number, reason: BonfireError): boolean;
  /** Stops the actors in order, each within so many ms; resolves when that has been done. */
  retire(patience: number): Promise<void>;
  /** Drops every call without a reply, kills its children, removes its directories. Idempotent. */
  close(): Promise<void>;
}

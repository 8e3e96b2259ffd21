/**
 * One isolate with its guest: shared memory, the functions through which it is entered, and the callbacks that it has.
 * Building one takes about ten milliseconds, so it happens ahead of need.
 */
import ivm from "isolated-vm";
import { BRIDGE_PARTS, INBOX_BYTES, OUTBOX_BYTES, STATE_BYTES, TEXT_BYTES } from "../guest/layout.ts";
import { compileGuest } from "./guest-script.ts";

/** What the guest may call. All of it runs inside an entry, so none of it may enter the isolate again. */
export interface HostCalls {
  ask(call: number, operation: string, args: string, blob: number): string;
  drain(): void;
  lend(number: number, size: number): SharedArrayBuffer;
  open(number: number): SharedArrayBuffer;
}

const ENTRIES = [
  "run",
  "runLarge",
  "deliver",
  "tick",
  "collect",
  "load",
  "unload",
  "cancel",
  "assign",
  "forget",
  "warm",
  "handle",
  "openActor",
  "mail",
  "news",
] as const;
type EntryName = (typeof ENTRIES)[number];

export class GuestIsolate {
  readonly isolate: ivm.Isolate;
  readonly context: ivm.Context;
  readonly enter: Readonly<Record<EntryName, ivm.Reference<(...args: any[]) => any>>>;
  readonly inbox = new Uint8Array(new SharedArrayBuffer(INBOX_BYTES));
  readonly outbox = new Uint8Array(new SharedArrayBuffer(OUTBOX_BYTES));
  readonly state = new Int32Array(new SharedArrayBuffer(STATE_BYTES));
  readonly #text = Buffer.from(new SharedArrayBuffer(TEXT_BYTES));
  readonly memoryBytes: number;
  /** Set by whoever uses the isolate before it is first entered. */
  host: HostCalls | undefined;

  constructor(memoryMb: number, facts: string) {
    this.memoryBytes = memoryMb * 1024 * 1024;
    this.isolate = new ivm.Isolate({ memoryLimit: memoryMb });
    this.context = this.isolate.createContextSync();
    const guest = compileGuest(this.isolate).runSync(this.context, { reference: true });
    const entry = guest.applySync(undefined, this.#bridge(facts), { result: { reference: true } });
    this.enter = Object.fromEntries(
      ENTRIES.map((name) => [name, entry.applySync(undefined, [name], { result: { reference: true } })]),
    ) as typeof this.enter;
  }

  /** Shares memory with the guest without giving it a handle of isolated-vm. */
  shared(buffer: SharedArrayBuffer): ivm.Copy<SharedArrayBuffer> {
    return new ivm.ExternalCopy(buffer).copyInto({ release: true });
  }

  /** Does what the first error would otherwise pay for: tens of milliseconds. Only before any tenant's code ran. */
  warm(): void {
    this.enter.warm.applySync(undefined, []);
  }

  dispose(): void {
    if (!this.isolate.isDisposed) this.isolate.dispose();
  }

  /** What the guest's script is called with, in the order of `BRIDGE_PARTS`. */
  #bridge(facts: string): unknown[] {
    const text = this.#text;
    const inboxText = Buffer.from(this.inbox.buffer);
    const parts: Record<(typeof BRIDGE_PARTS)[number], unknown> = {
      inbox: this.shared(this.inbox.buffer),
      outbox: this.shared(this.outbox.buffer),
      state: this.shared(this.state.buffer),
      text: this.shared(text.buffer as SharedArrayBuffer),
      ask: (call: number, operation: string, args: string, blob: number) =>
        this.#host().ask(call, operation, args, blob),
      drain: () => this.#host().drain(),
      lend: (number: number, size: number) => this.shared(this.#host().lend(number, size)),
      open: (number: number) => this.shared(this.#host().open(number)),
      decodeText: (source: number, offset: number, length: number) =>
        (source === 0 ? text : inboxText).toString("utf8", offset, offset + length),
      encodeText: (value: string) =>
        value.length * 3 > TEXT_BYTES ? -1 : text.write(value, 0, TEXT_BYTES, "utf8"),
      now: () => performance.now(),
      facts,
    };
    return BRIDGE_PARTS.map((name) => {
      const part = parts[name];
      return typeof part === "function" ? new ivm.Callback(part as (...args: unknown[]) => unknown) : part;
    });
  }

  #host(): HostCalls {
    if (this.host === undefined) throw new Error("Cannot serve the guest as nobody uses its isolate yet");
    return this.host;
  }
}

/**
 * One end of a call's live handles: what it owns and the other end uses, and what stands here for things of the other
 * end. Both ends are this class; whoever makes it carries the packets, and knows the codec's options.
 */
import { decode } from "../codec/decode.ts";
import { encode } from "../codec/encode.ts";
import type { HandleReference } from "../codec/reference.ts";
import { ValueRefused } from "../codec/refusal.ts";
import { BonfireError, hasCode } from "../error.ts";
import type { Exports } from "./exports.ts";
import { Inflow } from "./inflow.ts";
import { HandleKind } from "./kind.ts";
import { Outflow, WINDOW_BYTES } from "./outflow.ts";
import { type Exchange, makeOwner, type Owner } from "./owner.ts";
import { creditPacket, PacketKind, packet, readCredit, readPacket } from "./packet.ts";
import { makeStandIn, type StandIn, standsFor } from "./stand-in.ts";

/** The encoder's and decoder's hooks for handles. */
export interface HandleHooks {
  readonly export: Exports["add"];
  readonly import: (kind: number, id: number, detail: unknown) => unknown;
}

export interface SessionHost {
  send(packet: Uint8Array): void;
  /** Throws or rejects with `VALUE_REFUSED`. */
  encode(value: unknown, hooks: HandleHooks): Uint8Array | Promise<Uint8Array>;
  decode(bytes: Uint8Array, hooks: HandleHooks): unknown;
  /** What came from the other end as an error, as it should be thrown here. */
  received?(error: unknown): unknown;
  /** Told of the error with which it is about to close, as whoever waits is going to get it. */
  ending?(error: unknown): void;
  /** The answer is out, and every stream in it has ended. */
  idle?(): void;
  /** The session has closed itself because of this error. */
  broken(error: BonfireError): void;
}

/** What a message of channel 0 is. */
const Op = { call: 0, result: 1, failed: 2, notify: 3 } as const;
/** Notices for things that have not arrived yet, at most. */
const MOST_EARLY = 1_000;

/** The error of whoever uses a handle when its call has ended. */
export function handleEnded(): BonfireError {
  return new BonfireError(
    "HANDLE_ENDED",
    "Cannot use this as the call that it belongs to has ended: await everything that the closure starts",
  );
}

export class Session implements Exchange {
  readonly #host: SessionHost;
  readonly #exports: Exports;
  /** The parity of the numbers that this end gives. */
  readonly #parity: number;
  readonly #owners = new Map<number, Owner>();
  readonly #standIns = new Map<number, StandIn>();
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #early = new Map<number, unknown>();
  readonly #control: Outflow;
  readonly #controlled: Inflow;
  readonly #hooks: HandleHooks;
  #lastAsked = 0;
  /** Calls of the other end that are being served. */
  #serving = 0;
  #started: boolean;
  #answered = false;
  #closed: { readonly error: unknown } | undefined;
  /** performance.now() of the last use. */
  usedAt = 0;

  /** @param started false if nothing may be sent yet: see `start` */
  constructor(exports: Exports, first: 1 | 2, host: SessionHost, started = true) {
    this.#host = host;
    this.#exports = exports;
    this.#parity = first & 1;
    this.#started = started;
    this.#control = new Outflow((kind, payload) => this.send(kind, 0, payload), WINDOW_BYTES);
    this.#controlled = new Inflow(
      {
        grant: (bytes) => this.grant(0, bytes),
        deliver: (bytes, cost) => this.#deliver(bytes, cost),
        failed: (error) => this.broken(error),
      },
      WINDOW_BYTES,
    );
    this.#hooks = {
      export: (value) => this.returned(value) ?? exports.add(value),
      import: (kind, id, detail) => this.#import(kind, id, detail),
    };
    exports.onAdd = (exported) => {
      // A signal that was aborted already needs no owner.
      if (exported.kind !== HandleKind.signal || exported.detail === undefined)
        this.#owners.set(exported.id, makeOwner(exported, this));
    };
    for (const exported of exports) exports.onAdd(exported);
  }

  get hooks(): HandleHooks {
    return this.#hooks;
  }

  /** How a stand-in for a ref of the other end goes back to it; undefined for anything else. */
  returned(value: object): HandleReference | undefined {
    const id = standsFor(value, this);
    return id === undefined ? undefined : { kind: HandleKind.actor, id };
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Whether somebody of this end waits for the other. */
  get isAwaited(): boolean {
    if (this.#asked.size > 0 || this.#serving > 0) return true;
    for (const one of this.#standIns.values()) if (one.isAwaited) return true;
    return false;
  }

  /** How many things it keeps for each end. */
  inspect() {
    return { owned: this.#owners.size, used: this.#standIns.size };
  }

  /** The message with the handles is on its way, so what happened to them since may be told. */
  start(): void {
    this.#started = true;
    for (const { id, kind, value, detail } of this.#exports) {
      const signal = value as AbortSignal;
      if (kind === HandleKind.signal && signal.aborted && detail === undefined) {
        this.notify(id, signal.reason);
      }
    }
  }

  /** Whatever the packet is: one that may not come now breaks the session. */
  receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    try {
      this.#receive(bytes);
    } catch (error) {
      this.broken(error);
    }
  }

  #receive(bytes: Uint8Array): void {
    this.touched();
    const { kind, channel, payload } = readPacket(bytes);
    if (kind === PacketKind.over) {
      return this.close(payload.length === 0 ? handleEnded() : this.received(decode(payload)));
    }
    if (channel === 0) {
      if (kind === PacketKind.credit) this.#control.grant(readCredit(payload));
      else this.#controlled.receive(kind, payload);
      return this.#checkIdle();
    }
    const isOwn = (channel & 1) === this.#parity;
    const end = isOwn ? this.#owners.get(channel) : this.#standIns.get(channel);
    if (kind === PacketKind.credit) end?.grant(readCredit(payload));
    else if (end) end.receive(kind, payload);
    // A stream that had failed before its writer was known over there; else the notice comes late, and is ignored.
    else if (isOwn) this.notify(channel, handleEnded());
  }

  /** The call has its answer. True if something in it is still open, so that the session goes on until `idle`. */
  answered(): boolean {
    for (const owner of this.#owners.values()) {
      if (!owner.isOpen) continue;
      this.#answered = true;
      return true;
    }
    return false;
  }

  /** Lets go of everything; whoever waits gets the error. */
  close(error: unknown): void {
    if (this.#closed) return;
    this.#closed = { error };
    this.#host.ending?.(error);
    const regular = hasCode(error, "HANDLE_ENDED");
    this.#control.close(error);
    for (const asked of this.#asked.values()) asked.reject(error);
    for (const standIn of this.#standIns.values()) standIn.close(error, regular);
    for (const owner of [...this.#owners.values()]) owner.close(error);
    this.#asked.clear();
    this.#standIns.clear();
    this.#owners.clear();
    this.#early.clear();
    this.#exports.onAdd = undefined;
    this.#checkIdle();
  }

  /** As `close`, and tells the other end. */
  end(error: BonfireError): void {
    if (this.#closed) return;
    this.close(error);
    this.#host.send(packet(PacketKind.over, 0, encode(error)));
  }

  #checkIdle(): void {
    if (!this.#answered) return;
    if (!this.#closed) {
      if (this.#serving > 0 || !this.#control.empty) return;
      for (const owner of this.#owners.values()) if (owner.isOpen) return;
    }
    this.#answered = false;
    this.#host.idle?.();
  }

  #import(kind: number, id: number, detail: unknown): unknown {
    if (this.#closed) throw this.#closed.error;
    if (kind === HandleKind.pair) return detail;
    const own = kind === HandleKind.actor ? this.#owners.get(id) : undefined;
    if (own) return own.value;
    // A message may be read twice: the first time a bundle was missing.
    const known = this.#standIns.get(id);
    if (known) return known.value;
    const made = makeStandIn(kind, id, detail, this);
    if (!made || (id & 1) === this.#parity) {
      throw new BonfireError(
        "MALFORMED_VALUE",
        `Cannot read a value as handle ${id} of kind ${kind} is unknown`,
      );
    }
    this.#standIns.set(id, made);
    if (this.#early.has(id)) {
      made.notify(this.#early.get(id));
      this.#early.delete(id);
    }
    return made.value;
  }

  // Messages of channel 0

  #deliver(bytes: Uint8Array, cost: number): Promise<void> | undefined {
    this.#controlled.consumed(cost);
    const message = this.decode(bytes);
    if (message instanceof Promise) return message.then((known) => this.#obey(known));
    this.#obey(message);
    return undefined;
  }

  #obey(message: unknown): void {
    if (this.#closed) return;
    const [op, id, ...rest] = message as [op: number, id: number, ...rest: unknown[]];
    switch (op) {
      case Op.call:
        return void this.#serve(id, rest[0] as number, rest[1] as unknown[]);
      case Op.notify: {
        const [value] = rest;
        const standIn = this.#standIns.get(id);
        if (standIn) standIn.notify(value);
        else if (this.#early.size < MOST_EARLY) this.#early.set(id, value);
        return;
      }
      case Op.result:
      case Op.failed: {
        const asked = this.#asked.get(id);
        this.#asked.delete(id);
        if (op === Op.result) asked?.resolve(rest[0]);
        else asked?.reject(this.received(rest[0]));
      }
    }
  }

  async #serve(id: number, question: number, args: readonly unknown[]): Promise<void> {
    this.#serving++;
    let answer: Uint8Array | Promise<Uint8Array>;
    try {
      // What has ended has nothing to say against being stopped.
      const value = await this.#owners.get(id)?.call(args);
      answer = await this.encode([Op.result, question, value], "result", 2);
    } catch (error) {
      answer = this.encodeFailure([Op.failed, question, error]);
    }
    this.#tell(answer);
    this.#serving--;
    this.#checkIdle();
  }

  #tell(bytes: Uint8Array | Promise<Uint8Array>): void {
    // Whoever closes the session gives everybody who waits the reason.
    this.#control.push(bytes).catch(() => undefined);
  }

  // What owners and stand-ins ask for

  async call(id: number, args: readonly unknown[]): Promise<unknown> {
    if (this.#closed) throw this.#closed.error;
    this.touched();
    const question = ++this.#lastAsked;
    const bytes = this.encode([Op.call, id, question, args], "arguments", 3);
    const asked = Promise.withResolvers<unknown>();
    this.#asked.set(question, asked);
    this.#control.push(bytes).catch((error: unknown) => {
      this.#asked.delete(question);
      asked.reject(error);
    });
    return asked.promise;
  }

  notify(id: number, value: unknown): void {
    if (!this.#closed && this.#started) this.#tell(this.encodeFailure([Op.notify, id, value]));
  }

  send(kind: number, channel: number, payload: Uint8Array): void {
    if (!this.#closed) this.#host.send(packet(kind, channel, payload));
  }

  grant(channel: number, bytes: number): void {
    if (!this.#closed) this.#host.send(creditPacket(channel, bytes));
  }

  encode(message: readonly unknown[], root: string, depth = 1): Uint8Array | Promise<Uint8Array> {
    try {
      return this.#host.encode(message, this.#hooks);
    } catch (error) {
      if (!(error instanceof ValueRefused)) throw error;
      throw new ValueRefused(root, { path: error.path.slice(depth), reason: error.reason });
    }
  }

  encodeFailure(message: readonly unknown[]): Uint8Array | Promise<Uint8Array> {
    const head = message.slice(0, -1);
    try {
      return this.encode(message, "error", head.length);
    } catch (refusal) {
      const reason = refusal instanceof BonfireError ? refusal.message : "its properties could not be read";
      const error = new BonfireError(
        "VALUE_REFUSED",
        `It failed with an error that cannot travel: ${reason}`,
      );
      return encode([...head, error]);
    }
  }

  decode(bytes: Uint8Array): unknown {
    return this.#host.decode(bytes, this.#hooks);
  }

  received(error: unknown): unknown {
    return this.#host.received ? this.#host.received(error) : error;
  }

  broken(error: unknown): void {
    if (this.#closed) return;
    const told =
      error instanceof BonfireError
        ? error
        : new BonfireError("PROTOCOL", `A live handle got what it cannot read: ${String(error)}`);
    this.end(told);
    this.#host.broken(told);
  }

  dropped(id: number): void {
    this.#standIns.delete(id);
    const owner = this.#owners.get(id);
    if (!owner) return;
    this.#owners.delete(id);
    this.#exports.forget(owner.value);
    // What it still has to say goes first.
    queueMicrotask(() => this.#checkIdle());
  }

  touched(): void {
    this.usedAt = performance.now();
  }
}

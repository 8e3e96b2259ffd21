/** A realm for tests: bundles from source text, calls as promises, and what was logged. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRealm, type IncomingCall, type Realm, type RealmKind } from "@bonfire/executor/internal";
import {
  type BonfireError,
  decode,
  type EncodeOptions,
  Exports,
  encode,
  type Grants,
  ReplyKind,
  Session,
} from "@bonfire/wire";

export interface Line {
  readonly call: number;
  readonly level: string;
  readonly text: string;
}

export interface RealmSettings {
  readonly kind?: RealmKind;
  readonly memoryMb?: number;
  readonly grants?: Grants;
  /** Where packages are found. Default: the folder of these tests. */
  readonly directory?: string;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export interface CallSettings {
  readonly args?: unknown[];
  readonly captures?: unknown[];
  readonly budget?: number;
  readonly flags?: number;
  /** How functions among the arguments travel. */
  readonly encoding?: EncodeOptions;
}

export class TestRealm implements AsyncDisposable {
  readonly realm: Realm;
  readonly lines: Line[] = [];
  readonly replies: number[] = [];
  readonly broken: BonfireError[] = [];
  readonly groups = new Set<number>();
  readonly workdir = mkdtempSync(join(tmpdir(), "bonfire-realm-"));
  /** Set for a driver that says nothing more. */
  deaf = false;
  /** Packets that have left the realm, and their bytes. */
  readonly sent = { packets: 0, bytes: 0 };
  /** Calls whose live values have ended, with the error if there was one. */
  readonly over = new Map<number, unknown>();
  readonly #sessions = new Map<number, Session>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #bundles = new Map<string, number>();
  #lastCall = 0;

  constructor({
    kind = "isolate",
    memoryMb = 128,
    grants = {},
    directory = import.meta.dirname,
  }: RealmSettings = {}) {
    this.realm = createRealm(kind, {
      memoryMb,
      grants,
      directory,
      workdir: this.workdir,
      cluster: () => {
        throw new Error("these tests start no actor");
      },
      events: {
        reply: (id, reply, bytes) => this.#reply(id, reply, bytes),
        handle: (id, packet) => this.#handle(id, packet),
        over: (id, error) => void this.over.set(id, decode(error)),
        log: (call, level, text) => void this.lines.push({ call, level, text }),
        broken: (error) => void this.broken.push(error),
        retire: (error) => void this.broken.push(error),
        spawned: (group) => void this.groups.add(group),
        ended: (group) => void this.groups.delete(group),
      },
    });
  }

  get lastCall(): number {
    return this.#lastCall;
  }

  /** The number of a bundle whose sites are these function expressions, with `require`, `importModule` and `console` in scope. */
  bundle(sites: readonly string[], before = ""): number {
    const list = sites.map((site) => `(captures, console) => (${site})`).join(",\n");
    return this.code(
      `(async (require, importModule) => { "use strict"; ${before}\nreturn { sites: [${list}], classes: {} }; })`,
    );
  }

  code(code: string): number {
    const known = this.#bundles.get(code);
    if (known !== undefined) return known;
    const number = this.#bundles.size + 1;
    this.#bundles.set(code, number);
    this.realm.load(number, number.toString(16).padStart(16, "0"), code);
    return number;
  }

  incoming(
    bundle: number,
    settings: CallSettings = {},
    site = 0,
  ): { call: IncomingCall; result: Promise<unknown> } {
    const { args = [], captures = [], budget = 0, flags = 0 } = settings;
    const id = ++this.#lastCall;
    const session = this.#session(id);
    const encoding = { handle: session.hooks.export, ...settings.encoding };
    const { promise: result, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    return { call: { id, bundle, site, flags, budget, body: bodyOf(captures, args, encoding) }, result };
  }

  /** Runs one function expression. */
  call(source: string, settings: CallSettings = {}): Promise<unknown> {
    const { call, result } = this.incoming(this.bundle([source]), settings);
    this.realm.run([call]);
    return result;
  }

  /** Runs several function expressions, which arrive in one tick. */
  batch(sources: readonly (readonly [string, CallSettings?])[]): Promise<PromiseSettledResult<unknown>[]> {
    const bundle = this.bundle(sources.map(([source]) => source));
    const incoming = sources.map(([, settings], site) => this.incoming(bundle, settings, site));
    this.realm.run(incoming.map(({ call }) => call));
    return Promise.allSettled(incoming.map(({ result }) => result));
  }

  /** Several calls of one loaded bundle in one tick. */
  run(calls: readonly IncomingCall[]): void {
    this.realm.run(calls);
  }

  /** The driver's end of a call's live handles. */
  #session(id: number): Session {
    let session = this.#sessions.get(id);
    if (session) return session;
    session = new Session(new Exports(1), 1, {
      send: (packet) => queueMicrotask(() => this.realm.receive(id, packet)),
      encode: (value, hooks) => encode(value, { handle: hooks.export }),
      decode: (bytes, hooks) => decode(bytes, { handle: hooks.import }),
      broken: (error) => void this.broken.push(error),
    });
    this.#sessions.set(id, session);
    return session;
  }

  #handle(id: number, packet: Uint8Array): void {
    this.sent.packets++;
    this.sent.bytes += packet.length;
    if (!this.deaf) this.#session(id).receive(packet);
  }

  #reply(id: number, kind: number, bytes: Uint8Array): void {
    this.replies.push(id);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    const { hooks } = this.#session(id);
    const value = decode(bytes, { handle: hooks.import });
    if (kind !== ReplyKind.error) waiting?.resolve(value);
    else waiting?.reject(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.realm.close();
    rmSync(this.workdir, { recursive: true, force: true });
  }
}

function bodyOf(captures: unknown[], args: unknown[], encoding: EncodeOptions): Uint8Array {
  const first = captures.length > 0 ? encode(captures, encoding) : new Uint8Array(0);
  const second = args.length > 0 ? encode(args, encoding) : new Uint8Array(0);
  const body = new Uint8Array(4 + first.length + second.length);
  new DataView(body.buffer).setUint32(0, first.length, true);
  body.set(first, 4);
  body.set(second, 4 + first.length);
  return body;
}

/** The error that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error & { code?: string };
  }
  throw new Error("it did not fail");
}

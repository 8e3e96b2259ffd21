/** Carries calls from NATS into the realm and replies back; everything that arrives in one tick enters together. */
import { channel } from "node:diagnostics_channel";
import { Bus, type Message, subject } from "@bonfire/runtime/internal";
import {
  BonfireError,
  encode,
  FrameKind,
  HEADER_BYTES,
  pack,
  ReplyKind,
  readHeader,
  unpack,
} from "@bonfire/wire";
import { createRealm } from "../realm/create-realm.ts";
import type { IncomingCall, Realm } from "../realm/realm.ts";
import type { CellStart, ToAgent } from "./messages.ts";
import { Replies } from "./replies.ts";

const NOTHING = new Uint8Array(0);
/** Messages that could not be read: `{ to, error }`. */
const deadLetters = channel("bonfire:dead-letter");

type LogLine = [call: number, level: string, text: string];

export class Cell {
  /** Where the reply to each running call goes. */
  readonly #running = new Map<number, string>();
  #bus!: Bus;
  #realm!: Realm;
  #arrived: Message[] = [];
  #lines: LogLine[] = [];
  #tenant = "";
  #calls: ReturnType<Bus["subscribe"]> | undefined;
  #replies: Replies | undefined;
  /** Set once no more calls are taken; called when nothing is left to do. */
  #drained: (() => void) | undefined;
  /** Where the replies to calls go that came too late. */
  #tooLate: string[] = [];

  /** Connects and makes the realm, both at the same time. */
  static async start(start: CellStart, say: (message: ToAgent) => void): Promise<Cell> {
    const { node, nats, realm, grants, memoryMb, directory, workdir } = start;
    const connecting = Bus.connect(nats, node);
    const cell = new Cell();
    cell.#realm = createRealm(realm, {
      memoryMb,
      grants,
      directory,
      workdir,
      events: {
        reply: (id, kind, bytes) => cell.#reply(id, kind, bytes),
        log: (call, level, text) => cell.#log(call, level, text),
        broken: (error) => say({ kind: "broken", code: error.code, message: error.message }),
        spawned: (group) => say({ kind: "spawned", group }),
        ended: (group) => say({ kind: "ended", group }),
      },
    });
    cell.#bus = await connecting;
    return cell;
  }

  /** Takes calls of `tenant`; the subscription is in force when this resolves. */
  async serve(tenant: string): Promise<void> {
    this.#tenant = tenant;
    this.#replies = new Replies(this.#bus, tenant, () => this.#checkDrained());
    this.#calls = this.#bus.subscribe(subject.call(this.#bus.node, tenant), (message) => {
      if (this.#arrived.push(message) === 1) queueMicrotask(() => this.#enter());
    });
    await this.#bus.flush();
  }

  /**
   * Takes no more calls, and resolves when those that run have their replies on the way. Later ones wait until then,
   * so that their driver does not take the cell for gone, and are then sent elsewhere by it.
   */
  async drained(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = resolve;
    this.#checkDrained();
    await promise;
    if (!this.#bus.link.up) return;
    this.#calls?.unsubscribe();
    await this.#bus.flush();
    for (const answerTo of this.#tooLate) this.#bus.decline(answerTo);
  }

  #checkDrained(): void {
    if (this.#drained && this.#running.size === 0 && this.#replies?.allSent !== false) this.#drained();
  }

  async close(): Promise<void> {
    await this.#realm.close();
    await this.#bus.close();
  }

  /** Hands over what has arrived, in order: a bundle is loaded before the calls behind it run. */
  #enter(): void {
    const messages = this.#arrived;
    this.#arrived = [];
    let calls: IncomingCall[] = [];
    for (const message of messages) {
      if (message.data.length < HEADER_BYTES) {
        deadLetters.publish({
          to: message.subject,
          error: new BonfireError("PROTOCOL", "A frame is too short"),
        });
        continue;
      }
      const header = readHeader(message.data);
      const body = message.data.subarray(HEADER_BYTES);
      const answerTo = message.reply ?? "";
      if (header.kind === FrameKind.call) {
        if (this.#accept(header.id, header.bundle, answerTo)) calls.push({ ...header, body });
        continue;
      }
      if (calls.length > 0) this.#realm.run(calls);
      calls = [];
      try {
        this.#control(header, body, answerTo);
      } catch (error) {
        // The body is not what its kind says; the calls around it must run all the same.
        deadLetters.publish({ to: message.subject, error });
      }
    }
    if (calls.length > 0) this.#realm.run(calls);
  }

  #control(header: ReturnType<typeof readHeader>, body: Uint8Array, answerTo: string): void {
    switch (header.kind) {
      case FrameKind.load: {
        const [hash, code] = unpack(body) as [string, string];
        return this.#realm.load(header.bundle, hash, code);
      }
      case FrameKind.loadByTransfer:
        return void this.#loadLarge(header.bundle, body, answerTo);
      case FrameKind.callByTransfer:
        return void this.#callLarge(header, body, answerTo);
      case FrameKind.cancel: {
        const reason = new BonfireError("CALL_CANCELLED", String(unpack(body)));
        this.#realm.cancel(header.id, reason);
        // Unknown to the realm, its body is still on its way: it must not run when that arrives.
        this.#reply(header.id, ReplyKind.error, encode(reason));
        return this.#publish(answerTo, NOTHING);
      }
    }
  }

  /** Notes a call; answers at once if its bundle is not here. */
  #accept(id: number, bundle: number, answerTo: string): boolean {
    if (this.#drained) {
      this.#tooLate.push(answerTo);
      return false;
    }
    if (!this.#realm.has(bundle)) {
      const error = new BonfireError(
        "BUNDLE_MISSING",
        `This cell has no bundle ${bundle}; it must be loaded again`,
      );
      this.#replies?.send({ answerTo, kind: ReplyKind.error, bytes: encode(error) });
      return false;
    }
    this.#running.set(id, answerTo);
    return true;
  }

  async #loadLarge(bundle: number, body: Uint8Array, answerTo: string): Promise<void> {
    try {
      const [hash, code] = unpack(await this.#receive(body)) as [string, string];
      this.#realm.load(bundle, hash, code);
      this.#publish(answerTo, NOTHING);
    } catch (error) {
      // The sender of a broken transfer has been told by the transfer itself.
      deadLetters.publish({ to: answerTo, error });
    }
  }

  async #callLarge(header: ReturnType<typeof readHeader>, body: Uint8Array, answerTo: string): Promise<void> {
    if (!this.#accept(header.id, header.bundle, answerTo)) return;
    try {
      const bytes = await this.#receive(body);
      // It may have been cancelled while it was on its way.
      if (this.#running.get(header.id) === answerTo) this.#realm.run([{ ...header, body: bytes }]);
    } catch (error) {
      this.#reply(header.id, ReplyKind.error, encode(error));
    }
  }

  /** Into shared memory, so that an isolate can read it without another copy. */
  async #receive(body: Uint8Array): Promise<Uint8Array> {
    const [transfer, total] = unpack(body) as [number, number];
    const transfers = await this.#bus.transfers();
    return transfers.accept(
      this.#tenant,
      transfer,
      total,
      (bytes) => new Uint8Array(new SharedArrayBuffer(bytes)),
    );
  }

  #reply(id: number, kind: number, bytes: Uint8Array): void {
    const answerTo = this.#running.get(id);
    if (answerTo === undefined) return;
    this.#running.delete(id);
    this.#replies?.send({ answerTo, kind, bytes });
    this.#checkDrained();
  }

  #log(call: number, level: string, text: string): void {
    if (this.#lines.push([call, level, text]) > 1) return;
    queueMicrotask(() => {
      const lines = this.#lines;
      this.#lines = [];
      this.#publish(subject.log(this.#tenant, this.#bus.node), pack(lines));
    });
  }

  /** For what only makes a wait shorter, and log lines: while the link is down they are lost. */
  #publish(to: string, payload: Uint8Array): void {
    if (this.#bus.link.up) this.#bus.publish(to, payload);
  }
}

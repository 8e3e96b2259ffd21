/** Carries calls from NATS into the realm and replies back; everything that arrives in one tick enters together. */
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

const NOTHING = new Uint8Array(0);

type LogLine = [call: number, level: string, text: string];

export class Cell {
  /** Where the reply to each running call goes. */
  readonly #running = new Map<number, string>();
  #bus!: Bus;
  #realm!: Realm;
  #arrived: Message[] = [];
  #lines: LogLine[] = [];
  #tenant = "";

  /** Connects and makes the realm, both at the same time. */
  static async start(start: CellStart, say: (message: ToAgent) => void): Promise<Cell> {
    const { node, nats, realm, grants, memoryMb, workdir } = start;
    const connecting = Bus.connect(nats, node);
    const cell = new Cell();
    cell.#realm = createRealm(realm, {
      memoryMb,
      grants,
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
    this.#bus.subscribe(subject.call(this.#bus.node, tenant), (message) => {
      if (this.#arrived.push(message) === 1) queueMicrotask(() => this.#enter());
    });
    await this.#bus.flush();
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
      const header = readHeader(message.data);
      const body = message.data.subarray(HEADER_BYTES);
      const answerTo = message.reply ?? "";
      if (header.kind === FrameKind.call) {
        if (this.#accept(header.id, header.bundle, answerTo)) calls.push({ ...header, body });
        continue;
      }
      if (calls.length > 0) this.#realm.run(calls);
      calls = [];
      this.#control(header, body, answerTo);
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
      case FrameKind.cancel:
        this.#realm.cancel(header.id, new BonfireError("CALL_CANCELLED", String(unpack(body))));
        return this.#publish(answerTo, NOTHING);
    }
  }

  /** Notes a call; answers at once if its bundle is not here. */
  #accept(id: number, bundle: number, answerTo: string): boolean {
    if (!this.#realm.has(bundle)) {
      const error = new BonfireError(
        "BUNDLE_MISSING",
        `This cell has no bundle ${bundle}; it must be loaded again`,
      );
      this.#publish(answerTo, replyFrame(ReplyKind.error, encode(error)));
      return false;
    }
    this.#running.set(id, answerTo);
    return true;
  }

  async #loadLarge(bundle: number, body: Uint8Array, answerTo: string): Promise<void> {
    const bytes = await this.#receive(body).catch(() => undefined);
    if (!bytes) return; // the sender of a broken transfer has been told by the transfer itself
    const [hash, code] = unpack(bytes) as [string, string];
    this.#realm.load(bundle, hash, code);
    this.#publish(answerTo, NOTHING);
  }

  async #callLarge(header: ReturnType<typeof readHeader>, body: Uint8Array, answerTo: string): Promise<void> {
    if (!this.#accept(header.id, header.bundle, answerTo)) return;
    try {
      const bytes = await this.#receive(body);
      // It may have been cancelled, or its time may have run out, while it was on its way.
      if (this.#running.has(header.id)) this.#realm.run([{ ...header, body: bytes }]);
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
    if (bytes.length < this.#bus.maxPayload) this.#publish(answerTo, replyFrame(kind, bytes));
    else if (kind === ReplyKind.value) void this.#replyLarge(answerTo, bytes);
    else {
      const error = new BonfireError("VALUE_REFUSED", "The call failed with an error too large to send");
      this.#publish(answerTo, replyFrame(kind, encode(error)));
    }
  }

  async #replyLarge(answerTo: string, bytes: Uint8Array): Promise<void> {
    const transfers = await this.#bus.transfers();
    const { id, total, sent } = transfers.offer(this.#tenant, [bytes]);
    this.#publish(answerTo, replyFrame(ReplyKind.valueByTransfer, pack([id, total])));
    // If it does not get across, the receiver's own wait fails and tells the caller.
    await sent.catch((error: Error) => this.#log(0, "warn", error.message));
  }

  #log(call: number, level: string, text: string): void {
    if (this.#lines.push([call, level, text]) > 1) return;
    queueMicrotask(() => {
      const lines = this.#lines;
      this.#lines = [];
      this.#publish(subject.log(this.#tenant, this.#bus.node), pack(lines));
    });
  }

  /** While the link is down nobody can be told; the driver asks again, or its deadline ends the wait. */
  #publish(to: string, payload: Uint8Array): void {
    if (this.#bus.link.up) this.#bus.publish(to, payload);
  }
}

function replyFrame(kind: number, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + bytes.length);
  frame[0] = kind;
  frame.set(bytes, 1);
  return frame;
}

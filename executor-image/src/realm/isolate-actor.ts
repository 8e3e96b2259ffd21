/**
 * The host's side of an actor in an isolate: takes its messages in and out. The actor names the subjects, and is not
 * trusted: what it sends must bear its own node as the sender, or the actor is ended.
 */

import { subject } from "@bonfire/runtime/internal";
import type { Mail, Receiving } from "@bonfire/runtime/internal/actor-host";
import { FRAME_BYTES, POST_BYTES, Post } from "../guest/layout.ts";
import { actorScript } from "../sandbox/actor-script.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Stop } from "../sandbox/stop.ts";
import type { Cluster } from "./cluster.ts";

/** The rest of a subject, with neither wildcards nor empty tokens. */
const TOKENS = "(?:\\.[^\\s*>.]+)+";
/** More bytes of subjects than this end the cell's connection, as nats-server takes 4,096 with all that is around. */
const MOST_SUBJECT_BYTES = 2_048;
/** Nodes that one actor may watch. */
const MOST_WATCHES = 10_000;
/** Where a message between actors says how long its asker waits: u32 milliseconds; see runtime/src/actor/envelope.ts. */
const BUDGET_AT = 4;
/** A part of a large message begins so; where it belongs, and the bytes before its own: see runtime/src/actor/parts.ts. */
const PART = 0x50;
const PART_AT = 12;
const PART_BYTES = 16;

export class IsolateActor {
  readonly node: string;
  readonly #call: number;
  readonly #sandbox: Sandbox;
  readonly #cluster: Cluster;
  readonly #inbox: Buffer;
  readonly #mayPublish: RegExp;
  readonly #mayReply: RegExp;
  readonly #watches = new Map<string, () => void>();
  readonly #subscriptions: Receiving[] = [];
  #unfollow: (() => void) | undefined;
  #lastTo = "";
  #arrived: Mail[] = [];
  /** Until when somebody waits for an answer, on the clock of `performance.now()`. */
  askedUntil = 0;

  constructor(call: number, sandbox: Sandbox, cluster: Cluster) {
    this.#call = call;
    this.#sandbox = sandbox;
    this.#cluster = cluster;
    this.#inbox = Buffer.from(sandbox.inbox.buffer);
    this.node = cluster.enter();
    const { node } = this;
    this.#mayPublish = new RegExp(`^bf\\.[\\w-]+\\.(?:(?:mail|ans)\\.${node}|nobody\\.${node}${TOKENS})$`);
    this.#mayReply = new RegExp(`^bf\\.${node}\\.(?:re|nobody)${TOKENS}$`);
  }

  /** Makes the isolate ready for its actor. */
  open(): Stop | undefined {
    const { carrier, driver } = this.#cluster;
    const { node } = this;
    const receive = (message: Mail) => this.#receive(message);
    const mails = carrier.subscribe(subject.everyMail(node), ({ subject, data, reply = "" }) => {
      const isAsk = this.#noteBudget(data);
      // To an ask it is answered elsewhere; there the server says if nobody listens.
      receive({ subject, data, reply: isAsk ? "" : reply });
    });
    const others = [subject.everyReply(node), subject.everyAnswer(node), subject.everyNobody(node)];
    this.#subscriptions.push(mails, ...others.map((to) => carrier.subscribe(to, receive)));
    this.#unfollow = carrier.onReconnect(() => this.#news("link", "", "up"));
    const { link, maxPayload } = carrier;
    return this.#sandbox.openActor(this.#call, actorScript(), [node, driver, maxPayload, link.up]);
  }

  /** Stops it in order. */
  retire(patience: number): void {
    this.#news("retire", "", String(patience));
  }

  /** Whoever still sends to an actor that has ended is told so by its isolate. */
  async drain(): Promise<void> {
    if (!this.#cluster.carrier.link.up) return;
    await Promise.all(this.#subscriptions.map((subscription) => subscription.drain()));
  }

  /** Its isolate is gone, or about to go; `detail` says why, if it did not end in order. */
  close(detail?: string): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    for (const unwatch of this.#watches.values()) unwatch();
    this.#unfollow?.();
    this.#watches.clear();
    this.#arrived = [];
    this.#cluster.leave(this.node, detail);
  }

  /** What the guest posted. False if it may not do that. */
  posted(bytes: Uint8Array): boolean {
    if (bytes.length < POST_BYTES) return false;
    const [what, toLow = 0, toHigh = 0, replyLow = 0, replyHigh = 0] = bytes;
    const toEnd = POST_BYTES + (toLow | (toHigh << 8));
    const replyEnd = toEnd + (replyLow | (replyHigh << 8));
    if (replyEnd > bytes.length || replyEnd > MOST_SUBJECT_BYTES) return false;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, replyEnd);
    const to = text.toString("latin1", POST_BYTES, toEnd);
    if (what === Post.publish) {
      const reply = text.toString("latin1", toEnd, replyEnd);
      // Most go where the one before went.
      if (to !== this.#lastTo && !this.#mayPublish.test(to)) return false;
      if (reply !== "" && !this.#mayReply.test(reply)) return false;
      this.#lastTo = to;
      const payload = bytes.subarray(replyEnd);
      if (payload.length > this.#cluster.carrier.maxPayload) return false;
      this.#publish(to, payload, reply);
    } else if (what === Post.watch && /^[\w-]+$/.test(to) && this.#watches.size < MOST_WATCHES)
      this.#watch(to);
    else if (what === Post.unwatch) this.#unwatch(to);
    else return false;
    return true;
  }

  #publish(to: string, payload: Uint8Array, reply: string): void {
    const { carrier } = this.#cluster;
    if (carrier.link.up) return carrier.publish(to, payload, reply || undefined);
    // As while any link is down, what is sent is lost; from now on the actor knows.
    queueMicrotask(() => this.#news("link", "", "down"));
  }

  #watch(node: string): void {
    this.#unwatch(node);
    const unwatch = this.#cluster.watchNode(node, (detail) => {
      this.#watches.delete(node);
      this.#news("gone", node, detail);
    });
    this.#watches.set(node, unwatch);
  }

  #unwatch(node: string): void {
    this.#watches.get(node)?.();
    this.#watches.delete(node);
  }

  #news(what: "gone" | "link" | "retire", node: string, detail: string): void {
    if (!this.#sandbox.gone) this.#sandbox.news(this.#call, what, node, detail);
  }

  /** Whether the message is one for whose answer somebody waits. */
  #noteBudget(message: Uint8Array): boolean {
    if (message[0] === PART && message.length > PART_BYTES) {
      const isFirst = message.subarray(PART_AT, PART_BYTES).every((byte) => byte === 0);
      return isFirst && this.#noteBudget(message.subarray(PART_BYTES));
    }
    if (message[0] !== 1 || message.length < BUDGET_AT + 4) return false;
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const budget = view.getUint32(BUDGET_AT, true);
    this.askedUntil = Math.max(this.askedUntil, performance.now() + budget);
    return budget > 0;
  }

  /** Everything that arrives in one tick enters together. */
  #receive(message: Mail): void {
    if (this.#arrived.push(message) === 1) queueMicrotask(() => this.#enter());
  }

  #enter(): void {
    const messages = this.#arrived;
    this.#arrived = [];
    let count = 0;
    let at = 0;
    const flush = () => {
      if (count > 0 && !this.#sandbox.gone) this.#sandbox.mail(this.#call, count);
      count = at = 0;
    };
    for (const message of messages) {
      const size = sizeOf(message);
      if (at + size > this.#inbox.length) flush();
      if (size > this.#inbox.length) {
        const buffer = new SharedArrayBuffer(size);
        write(Buffer.from(buffer), 0, message);
        if (!this.#sandbox.gone) this.#sandbox.mail(this.#call, 1, buffer);
        continue;
      }
      write(this.#inbox, at, message);
      at += size;
      count++;
    }
    flush();
  }
}

function sizeOf({ subject, reply = "", data }: Mail): number {
  return FRAME_BYTES + subject.length + reply.length + data.length;
}

function write(into: Buffer, at: number, { subject, reply = "", data, headers }: Mail): void {
  into.writeUInt32LE(data.length, at);
  into.writeUInt16LE(subject.length, at + 4);
  into.writeUInt16LE(reply.length, at + 6);
  into.writeUInt16LE(headers?.code ?? 0, at + 8);
  const start = at + FRAME_BYTES;
  into.write(subject, start, "latin1");
  into.write(reply, start + subject.length, "latin1");
  into.set(data, start + subject.length + reply.length);
}

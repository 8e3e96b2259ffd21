/** Gets replies to the driver: small ones in a message, large ones by transfer, and later if the link is down. */
import { setTimeout as pause } from "node:timers/promises";
import type { Bus } from "@bonfire/runtime/internal";
import { BonfireError, encode, pack, ReplyKind } from "@bonfire/wire";
import { inboxListens } from "./inbox-probe.ts";
import { Outbox, type Reply } from "./outbox.ts";
import { SentReplies } from "./sent-replies.ts";

/** Whoever has been cut off for so long is taken for gone. */
const BACK_MS = 30_000;
const AGAIN_MS = 100;

export class Replies {
  readonly #bus: Bus;
  readonly #tenant: string;
  readonly #onSent: () => void;
  readonly #outbox = new Outbox();
  readonly #sent = new SentReplies();
  /** Large replies that are on their way. */
  #sending = 0;
  #reconnects = 0;
  /** We have a link again, but it is not known yet whether the driver has. */
  #apart = false;

  /** `onSent` is called when nothing is left to send. */
  constructor(bus: Bus, tenant: string, onSent: () => void) {
    this.#bus = bus;
    this.#tenant = tenant;
    this.#onSent = onSent;
    bus.onReconnect(() => void this.#catchUp());
  }

  /** Whether nothing is on its way or kept. */
  get allSent(): boolean {
    return this.#sending === 0 && this.#outbox.size === 0;
  }

  send(reply: Reply): void {
    const { kind, bytes } = reply;
    if (this.#apart || !this.#bus.link.up) this.#outbox.keep(reply);
    else if (bytes.length < this.#bus.maxPayload) this.#publish(reply);
    else if (kind === ReplyKind.value) void this.#sendLarge(reply, ReplyKind.valueByTransfer);
    else if (kind === ReplyKind.liveValue) void this.#sendLarge(reply, ReplyKind.liveValueByTransfer);
    else {
      const error = new BonfireError("VALUE_REFUSED", "The call failed with an error too large to send");
      this.#publish({ ...reply, bytes: encode(error) });
    }
  }

  #publish({ id, answerTo, kind, bytes }: Reply): void {
    const frame = replyFrame(kind, bytes);
    this.#bus.publish(answerTo, frame);
    // A transfer brings its own receipt, and what is alive does not outlast the link.
    if (kind === ReplyKind.value || kind === ReplyKind.error) this.#sent.add(id, answerTo, frame);
  }

  /** Sends once more what was sent for these calls and is still kept. Throws `LINK_DOWN`. */
  repeat(ids: readonly number[]): void {
    for (const id of ids) {
      const sent = this.#sent.get(id);
      if (sent) this.#bus.publish(sent.answerTo, sent.frame);
    }
  }

  /** If it does not get across, the receiver's own wait fails and tells the caller. */
  async #sendLarge(reply: Reply, kind: number): Promise<void> {
    const { id: call, answerTo, bytes } = reply;
    this.#sending++;
    try {
      const transfers = await this.#bus.transfers();
      const { id, total, sent } = transfers.offer(this.#tenant, [bytes]);
      this.send({ id: call, answerTo, kind, bytes: pack([id, total]) });
      await sent;
    } catch (error) {
      // For a caller that has not heard of the transfer yet; for any other it is late, and ignored.
      if (!this.#bus.link.up) this.#outbox.keep(reply);
      else this.send({ id: call, answerTo, kind: ReplyKind.error, bytes: encode(error) });
    }
    this.#sending--;
    if (this.allSent) this.#onSent();
  }

  /** The link is up again; the driver's own may take a moment longer, and until then nothing would reach it. */
  async #catchUp(): Promise<void> {
    const turn = ++this.#reconnects;
    this.#apart = true;
    const giveUpAt = performance.now() + BACK_MS;
    // If the link breaks once more, the next reconnect goes on from here.
    while (this.#bus.link.up && turn === this.#reconnects) {
      if (performance.now() > giveUpAt || (await inboxListens(this.#bus, this.#tenant))) {
        this.#apart = false;
        for (const reply of this.#outbox.take()) this.send(reply);
        if (this.allSent) this.#onSent();
        return;
      }
      await pause(AGAIN_MS);
    }
  }
}

function replyFrame(kind: number, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + bytes.length);
  frame[0] = kind;
  frame.set(bytes, 1);
  return frame;
}

/** Carries calls from NATS into the realm and replies back; everything that arrives in one tick enters together. */
import { channel } from "node:diagnostics_channel";
import { actorNode, Bus, type Message, subject, type Timing, watchHere } from "@bonfire/runtime/internal";
import {
  BonfireError,
  CallFlag,
  type CodePart,
  encode,
  FrameKind,
  HEADER_BYTES,
  handleEnded,
  joinCode,
  PacketKind,
  pack,
  packet,
  ReplyKind,
  readHeader,
  unpack,
} from "@bonfire/wire";
import type { Cluster } from "../realm/cluster.ts";
import { ProcessRealm } from "../realm/process-realm.ts";
import type { IncomingCall, Realm, RealmOptions } from "../realm/realm.ts";
import type { CellStart, ToAgent } from "./messages.ts";
import { Replies } from "./replies.ts";

const NOTHING = new Uint8Array(0);
/** Tells whoever ended a call that this process is about to end, and only with it whatever the call left running. */
const WITH_PROCESS = new Uint8Array(1);
/** Messages that could not be read: `{ to, error }`. */
const deadLetters = channel("bonfire:dead-letter");

/** How long actors may take to stop when nobody waits for the cell any more. */
const RETIRE_MS = 1_000;
/** The agent ends the cell before this. */
const LONGEST_MS = 2 ** 31 - 1;
/** Packets that are kept for a call whose body is on its way. */
const MOST_EARLY = 1_000;

type LogLine = [call: number, level: string, text: string];

export class Cell {
  /** Where the reply to each running call goes. */
  readonly #running = new Map<number, string>();
  /** Calls that have been answered with something that is still alive. */
  readonly #open = new Set<number>();
  /** Those of them, and of the running ones, that are for actors: they outlast the link. */
  readonly #actors = new Set<number>();
  /** Actors of whose end the driver has not heard. */
  readonly #unsaid = new Set<number>();
  /** Calls whose live handles have been used. */
  readonly #live = new Set<number>();
  /** Calls that have been cancelled but run on, and who is to be told of their end. */
  readonly #ending = new Map<number, string>();
  /** Questions of the driver about calls of which it has not heard. */
  readonly #checks: { readonly ids: readonly number[]; readonly answerTo: string }[] = [];
  /** Packets for calls whose body is still on its way. */
  readonly #early = new Map<number, Uint8Array[]>();
  /** Calls that were not taken, and that their driver sends again, here or elsewhere. */
  readonly #declined = new Set<number>();
  #bus!: Bus;
  #realm!: Realm;
  #arrived: Message[] = [];
  #lines: LogLine[] = [];
  #tenant = "";
  #calls: ReturnType<Bus["subscribe"]> | undefined;
  #replies: Replies | undefined;
  #isRetiring = false;
  /** Set once no more calls are taken; called when nothing is left to do. */
  #drained: (() => void) | undefined;
  #draining: Promise<void> | undefined;
  /** What those are told who have ended a call. */
  #ended = NOTHING;
  /** The realm knows its calls no more while their code may go on: until the process ends nothing is said of them. */
  #isClosing = false;
  /** Where the replies to calls go that came too late. */
  #tooLate: string[] = [];

  /** Connects and makes the realm, both at the same time. */
  static async start(start: CellStart, say: (message: ToAgent) => void): Promise<Cell> {
    const { node, nats, realm, grants, timing, memoryMb, directory, workdir } = start;
    const connecting = Bus.connect(nats, node);
    const cell = new Cell();
    cell.#realm = await makeRealm(realm, {
      memoryMb,
      grants,
      directory,
      workdir,
      events: {
        reply: (id, kind, bytes) => cell.#reply(id, kind, bytes),
        handle: (id, packet) => cell.#handle(id, packet),
        over: (id, error) => cell.#over(id, error),
        log: (call, level, text) => cell.#log(call, level, text),
        broken: (error) => say({ kind: "broken", code: error.code, message: error.message }),
        retire: (error) => {
          cell.#ended = WITH_PROCESS;
          void cell.drained().then(() => say({ kind: "broken", code: error.code, message: error.message }));
        },
        spawned: (group) => say({ kind: "spawned", group }),
        ended: (group) => say({ kind: "ended", group }),
      },
      cluster: () => clusterOf(cell.#bus, cell.#tenant, timing, say),
    });
    cell.#bus = await connecting;
    return cell;
  }

  /** Takes calls of `tenant`; the subscription is in force when this resolves. */
  async serve(tenant: string): Promise<void> {
    this.#tenant = tenant;
    this.#replies = new Replies(this.#bus, tenant, () => {
      this.#checkDrained();
      this.#answerChecks();
    });
    // After the replies, which then wait until the driver is back: a call that loses its handles may end at once.
    this.#bus.onReconnect(() => this.#cutOff());
    this.#calls = this.#bus.subscribe(subject.call(this.#bus.node, tenant), (message) => {
      if (this.#arrived.push(message) === 1) queueMicrotask(() => this.#enter());
    });
    await this.#bus.flush();
  }

  /**
   * Takes no more calls, and resolves when those that run have their replies on the way. Later ones wait until then,
   * so that their driver does not take the cell for gone, and are then sent elsewhere by it.
   */
  drained(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async #drain(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = resolve;
    void this.#realm.retire(LONGEST_MS);
    this.#checkDrained();
    await promise;
    if (!this.#bus.link.up) return;
    // Not by unsubscribe(), after which the client drops what the server has sent by then.
    await this.#calls?.drain();
    // What came last enters at the end of this turn.
    await new Promise(setImmediate);
    for (const answerTo of this.#tooLate) this.#bus.decline(answerTo);
    await this.#bus.flush();
  }

  #checkDrained(): void {
    if (
      this.#drained &&
      this.#running.size === 0 &&
      this.#open.size === 0 &&
      this.#replies?.allSent !== false
    )
      this.#drained();
  }

  /** Its end is wanted, and not that of an agent that was lost: actors are to be told of it. */
  retireFirst(): void {
    this.#isRetiring = true;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#isRetiring && this.#actors.size > 0) await this.#realm.retire(RETIRE_MS);
    await this.#realm.close();
    await this.#bus.close();
  }

  /** Hands over what has arrived, in order: a bundle is loaded before the calls behind it run. */
  #enter(): void {
    const messages = this.#arrived;
    this.#arrived = [];
    if (this.#isClosing) return;
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
        if (this.#accept(header, answerTo)) calls.push({ ...header, body });
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
        return this.#load(header.bundle, body);
      }
      case FrameKind.loadByTransfer:
        return void this.#loadLarge(header.bundle, body, answerTo);
      case FrameKind.callByTransfer:
        return void this.#callLarge(header, body, answerTo);
      case FrameKind.handle:
        return this.#receiveHandle(header.id, body);
      case FrameKind.cancel: {
        const reason = new BonfireError("CALL_CANCELLED", String(unpack(body)));
        if (!this.#realm.cancel(header.id, reason)) {
          this.#ending.set(header.id, answerTo);
          return;
        }
        // Unknown to the realm, its body is still on its way: it must not run when that arrives.
        this.#reply(header.id, ReplyKind.error, encode(reason));
        return this.#publish(answerTo, this.#ended);
      }
      case FrameKind.check: {
        this.#checks.push({ ids: unpack(body) as number[], answerTo });
        return this.#answerChecks();
      }
    }
  }

  /**
   * Tells the driver which calls are not here. Behind their replies, as far as these are kept: it then has those that
   * were sent as the link broke, and takes no others for lost.
   */
  #answerChecks(): void {
    if (!this.#replies?.allSent || !this.#bus.link.up) return;
    for (const { ids, answerTo } of this.#checks.splice(0)) {
      const lost = ids.filter((id) => !this.#running.has(id) && !this.#open.has(id));
      // One that was not taken is sent anew by its driver, and must not be twice.
      this.#replies.repeat(lost.filter((id) => !this.#declined.has(id)));
      this.#publish(answerTo, pack(lost));
    }
  }

  /** Without the code that its parts refer to it stays unknown, and its calls are answered so. */
  #load(bundle: number, body: Uint8Array): void {
    const [hash, parts] = unpack(body) as [string, CodePart[]];
    const code = joinCode(parts, (base) => this.#realm.code(base));
    if (code !== undefined) this.#realm.load(bundle, hash, code);
  }

  /** Notes a call; answers at once if its bundle is not here. */
  #accept({ id, bundle, flags }: ReturnType<typeof readHeader>, answerTo: string): boolean {
    if (this.#drained) {
      this.#tooLate.push(answerTo);
      this.#declined.add(id);
      return false;
    }
    if (!this.#realm.has(bundle)) {
      const error = new BonfireError(
        "BUNDLE_MISSING",
        `This cell has no bundle ${bundle}; it must be loaded again`,
      );
      this.#replies?.send({ id, answerTo, kind: ReplyKind.error, bytes: encode(error) });
      this.#declined.add(id);
      return false;
    }
    this.#declined.delete(id);
    this.#running.set(id, answerTo);
    if (flags & CallFlag.actor) this.#actors.add(id);
    return true;
  }

  async #loadLarge(bundle: number, body: Uint8Array, answerTo: string): Promise<void> {
    try {
      this.#load(bundle, await this.#receive(body));
      this.#publish(answerTo, NOTHING);
    } catch (error) {
      // The sender of a broken transfer has been told by the transfer itself.
      deadLetters.publish({ to: answerTo, error });
    }
  }

  async #callLarge(header: ReturnType<typeof readHeader>, body: Uint8Array, answerTo: string): Promise<void> {
    const { id } = header;
    if (!this.#accept(header, answerTo)) return;
    const early: Uint8Array[] = [];
    this.#early.set(id, early);
    try {
      const bytes = await this.#receive(body);
      // It may have been cancelled while it was on its way.
      if (this.#running.get(id) === answerTo) this.#realm.run([{ ...header, body: bytes }]);
    } catch (error) {
      this.#reply(id, ReplyKind.error, encode(error));
    }
    if (this.#early.get(id) === early) this.#early.delete(id);
    for (const one of early) this.#realm.receive(id, one);
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
    if (kind === ReplyKind.liveValue) this.#open.add(id);
    else {
      this.#live.delete(id);
      this.#actors.delete(id);
    }
    this.#replies?.send({ id, answerTo, kind, bytes });
    const canceller = this.#ending.get(id);
    if (canceller !== undefined) {
      this.#ending.delete(id);
      this.#publish(canceller, this.#ended);
    }
    this.#checkDrained();
  }

  #receiveHandle(id: number, bytes: Uint8Array): void {
    if (!this.#running.has(id) && !this.#open.has(id)) {
      // Its driver must not wait for what has ended, e.g. while the link was down. One that did not run here runs elsewhere.
      if (!this.#declined.has(id)) this.#sendPacket(id, packet(PacketKind.over, 0, encode(handleEnded())));
      return;
    }
    // Its driver only asks whether it is still there.
    if (this.#actors.has(id)) return;
    this.#live.add(id);
    const early = this.#early.get(id);
    if (!early) this.#realm.receive(id, bytes);
    else if (early.length < MOST_EARLY) early.push(bytes.slice());
  }

  #handle(id: number, packet: Uint8Array): void {
    this.#live.add(id);
    this.#sendPacket(id, packet);
  }

  #sendPacket(id: number, packet: Uint8Array): void {
    this.#publish(subject.handle(this.#tenant, this.#bus.node), ofCall(id, packet));
  }

  #over(id: number, error: Uint8Array): void {
    if (this.#actors.delete(id) && !this.#bus.link.up) this.#unsaid.add(id);
    this.#handle(id, packet(PacketKind.over, 0, error));
    this.#open.delete(id);
    this.#live.delete(id);
    this.#checkDrained();
  }

  /** Packets were lost while the link was down, so whatever was alive is not to be trusted any more. */
  #cutOff(): void {
    const error = new BonfireError("LINK_DOWN", "The link to NATS broke while this was in use");
    const over = packet(PacketKind.over, 0, encode(error));
    for (const id of this.#unsaid) this.#sendPacket(id, packet(PacketKind.over, 0, NOTHING));
    this.#unsaid.clear();
    for (const id of [...this.#live, ...this.#open]) {
      if (this.#actors.has(id)) continue;
      this.#realm.receive(id, over);
      if (this.#running.has(id)) this.#handle(id, over);
    }
    // The driver's own link may have held: it has to ask what became of its calls.
    this.#sendPacket(0, NOTHING);
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

/** What the actors of the realm have of this cell's connection. */
function clusterOf(bus: Bus, driver: string, timing: Timing, say: (message: ToAgent) => void): Cluster {
  let entered = 0;
  return {
    carrier: bus,
    driver,
    watchNode: watchHere(bus, timing),
    enter() {
      const node = actorNode(bus.node, ++entered);
      say({ kind: "entered", node, detail: "" });
      return node;
    },
    async leave(node, detail = "") {
      // Its monitors are to hear its reason before the agent says that its node is gone.
      await bus.drain();
      say({ kind: "left", node, detail });
    },
  };
}

/** Isolates are a native addon, which has no place in a driver. */
async function makeRealm(kind: CellStart["realm"], options: RealmOptions): Promise<Realm> {
  if (kind !== "isolate") return new ProcessRealm(options, kind === "process");
  const { createRealm } = await import("../realm/create-realm.ts");
  return createRealm(kind, options);
}

/** What goes to a driver's handle subject. */
function ofCall(id: number, bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(4 + bytes.length);
  new DataView(message.buffer).setUint32(0, id, true);
  message.set(bytes, 4);
  return message;
}

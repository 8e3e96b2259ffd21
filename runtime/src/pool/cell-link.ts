/** A driver's end of one cell: sends it bundles once, then calls, on the slots that the driver holds. */
import {
  BonfireError,
  callFrame,
  FrameKind,
  HEADER_BYTES,
  hasCode,
  pack,
  SentCode,
  unpack,
  writeHeader,
} from "@bonfire/wire";
import type { Address } from "../actor/address.ts";
import type { Bus } from "../bus/bus.ts";
import { Question } from "../bus/inbox.ts";
import { subject } from "../bus/subject.ts";
import type { TimerWheel } from "../bus/timer-wheel.ts";
import type { Bundle } from "../closure/bundle.ts";
import type { Resources } from "../supervisor/resources.ts";
import type { CellOffer } from "./agent-port.ts";
import type { Call } from "./call.ts";
import type { GrantOffer } from "./client.ts";
import { Taken } from "./taken.ts";
import { WaitingQueue } from "./waiting-queue.ts";

const LOAD_MS = 60_000;
/** How much longer than the call's own deadline the driver waits: the cell enforces it and knows more. */
const BACKSTOP_MS = 250;
const CANCEL_MS = 200;
const CHECK_MS = 2_000;
const NOTHING = new Uint8Array(0);

const numbers = new Map<string, number>();

/**
 * The number under which this process loads a bundle into cells. It belongs to the content for the life of the
 * process: a cell that is given back and granted again still has what it was sent under its number.
 */
function numberOf(hash: string): number {
  let number = numbers.get(hash);
  if (number === undefined) {
    number = numbers.size + 1;
    numbers.set(hash, number);
  }
  return number;
}

export class CellLink {
  readonly executor: string;
  /** The actor that stands for the executor. */
  readonly agent: Address;
  /** The actor on the executor that keeps the cell. */
  readonly keeper: Address;
  /** The cell's own node. */
  readonly node: string;
  readonly inFlight = new Set<Call>();
  /** Calls of keys that belong here, while all slots are taken. */
  readonly atHome = new WaitingQueue<Call>();
  /** Slots that this driver may use here; 0 while it holds none. */
  slots = 0;
  busy = 0;
  /** What the executor has. */
  readonly resources: Resources;
  /** Each slot is for one call. */
  readonly once: boolean;
  /** The supervisor wants its slots back, as they become free. */
  withdrawn = false;
  /** A call did not end in time here: no other is sent until the cell has answered. */
  suspect = false;
  /** Nobody listened here when a call was sent: no other is until somebody does. */
  isAway = false;
  idleSince = performance.now();
  /** Bytes of code that have been sent here. */
  codeBytes = 0;
  /** Its process has surely ended, and with it whatever ran there. */
  hasEnded = false;
  /** Ends the watch over the cell's keeper. */
  unwatch: () => void = () => undefined;
  readonly #bus: Bus;
  readonly #waiting: TimerWheel;
  readonly #calls: string;
  /** Bundles that the cell has; a promise while one is on its way that calls have to wait for. */
  readonly #loaded = new Map<string, Promise<void> | true>();
  readonly #sentCode = new SentCode();
  readonly #taken: Taken;

  constructor(
    bus: Bus,
    waiting: TimerWheel,
    agent: Address,
    { keeper, node }: CellOffer,
    { resources, once }: Pick<GrantOffer, "resources" | "once">,
  ) {
    this.executor = agent.node;
    this.agent = agent;
    this.keeper = keeper;
    this.node = node;
    this.resources = resources;
    this.once = once;
    this.#bus = bus;
    this.#waiting = waiting;
    this.#calls = subject.call(node, bus.node);
    this.#taken = new Taken(resources);
  }

  /** The actors that this driver has here. */
  get actors(): Address[] {
    return [...this.inFlight].flatMap(({ actor }) => actor ?? []);
  }

  /** Whether calls may be sent here at present. */
  get isOpen(): boolean {
    return !this.suspect && !this.isAway;
  }

  get free(): number {
    return this.isOpen ? this.slots - this.busy : 0;
  }

  canTake({ resources }: Call): boolean {
    return this.free > 0 && (resources === undefined || this.#taken.leaves(resources));
  }

  /** The call has a slot here until `release`. */
  take(call: Call): void {
    this.busy++;
    if (call.resources) this.#taken.add(call.resources, 1);
  }

  release(call: Call): void {
    this.busy--;
    if (call.resources) this.#taken.add(call.resources, -1);
  }

  /** Sends a call that has its slot. Failures reach the call. */
  send(call: Call): void {
    this.inFlight.add(call);
    try {
      const pending = this.#loadAll(call.bundles);
      if (pending) this.#sendAfter(pending, call);
      else this.#sendFrame(call);
    } catch (error) {
      // Not from within, as its slot goes to the next call, which most likely fails just so: thousands may wait.
      queueMicrotask(() => this.#failed(call, error));
    }
  }

  /** The cell has said that it lacks the call's bundles, so the call did not run: loads them and sends it again. */
  resend(call: Call): void {
    for (const { hash } of call.bundles) this.#loaded.delete(hash);
    this.#sentCode.forget();
    this.send(call);
  }

  /** Its deadline is watched on the waiting calls' wheel until it has been sent, then by the inbox. */
  #sendAfter(loaded: Promise<unknown>, call: Call): void {
    this.#waiting.add(call, Math.max(1, call.deadlineAt - performance.now()));
    loaded
      .finally(() => this.#waiting.remove(call))
      .then(() => this.#sendFrame(call))
      .catch((error) => this.#failed(call, error));
  }

  /** Sends a packet of a call's live handles. Throws `LINK_DOWN`. */
  sendPacket(id: number, packet: Uint8Array): void {
    this.#bus.publish(this.#calls, withBody(FrameKind.handle, 0, 0, id, packet));
  }

  /** Loads what the cell has not got of these; undefined if what needs them may follow at once. Throws `LINK_DOWN`. */
  load(bundles: readonly Bundle[]): Promise<unknown> | undefined {
    return this.#loadAll(bundles);
  }

  /**
   * Ends the call's work over there. `"ending"`: it ends with the cell's process, which is about to end. `"silent"`:
   * the cell does not say in time that it has ended. Rejects if the cell is gone.
   */
  async cancel(id: number, message: string): Promise<"ended" | "ending" | "silent"> {
    const frame = withBody(FrameKind.cancel, 0, 0, id, pack(message));
    try {
      const answer = await this.#request(frame, CANCEL_MS);
      return answer.length === 0 ? "ended" : "ending";
    } catch (error) {
      if (hasCode(error, "CELL_SILENT")) return "silent";
      throw error;
    }
  }

  /** Which of these calls the cell does not have, though it has sent all that it had to say. Rejects if it is silent. */
  async missing(ids: readonly number[]): Promise<number[]> {
    const answer = await this.#request(withBody(FrameKind.check, 0, 0, 0, pack(ids)), CHECK_MS);
    return unpack(answer) as number[];
  }

  #failed(call: Call, error: unknown): void {
    if (this.inFlight.delete(call)) call.unsent(this, error);
  }

  #sendFrame(call: Call): void {
    if (call.settled) return;
    const own = call.bundles[0] as Bundle;
    const now = performance.now();
    const budget = Math.max(1, Math.ceil(call.deadlineAt - now));
    const { captures, site } = call.closure;
    const bundle = numberOf(own.hash);
    const { flags } = call;
    const header = { kind: FrameKind.call, flags, site, bundle, budget, id: call.id };
    if (HEADER_BYTES + 4 + captures.length + call.args.length <= this.#bus.maxPayload) {
      this.#bus.ask(this.#calls, callFrame(header, captures, call.args), call, budget + BACKSTOP_MS);
      call.sent(this, now);
      return;
    }
    const prefix = new Uint8Array(4);
    new DataView(prefix.buffer).setUint32(0, captures.length, true);
    this.#offer([prefix, captures, call.args], call)
      .then((body) => {
        if (call.settled) return;
        const frame = withBody(FrameKind.callByTransfer, site, bundle, call.id, body, budget, flags);
        this.#bus.ask(this.#calls, frame, call, budget + BACKSTOP_MS);
        call.sent(this, performance.now());
      })
      .catch((error) => this.#failed(call, error));
  }

  async #offer(parts: readonly Uint8Array[], call: Call): Promise<Uint8Array> {
    const transfers = await this.#bus.transfers();
    const { id, total, sent } = transfers.offer(this.node, parts);
    sent.catch((error) => {
      this.#bus.forget(call);
      this.#failed(call, error);
    });
    return pack([id, total]);
  }

  /** Loads what the cell has not got. Undefined if the calls may follow at once. Throws `LINK_DOWN`. */
  #loadAll(bundles: readonly Bundle[]): Promise<unknown> | undefined {
    let pending: Promise<unknown> | undefined;
    for (const bundle of bundles) {
      const ready = this.#loaded.get(bundle.hash) ?? this.#load(bundle);
      if (ready !== true) pending = pending ? Promise.all([pending, ready]) : ready;
    }
    return pending;
  }

  #load(bundle: Bundle): Promise<void> | true {
    const number = numberOf(bundle.hash);
    const body = pack([bundle.hash, this.#sentCode.add(number, bundle.code)]);
    this.codeBytes += body.length;
    if (HEADER_BYTES + body.length <= this.#bus.maxPayload) {
      // Messages of one connection arrive in order: calls may be sent behind a small bundle without waiting for it.
      this.#bus.publish(this.#calls, withBody(FrameKind.load, 0, number, 0, body));
      this.#loaded.set(bundle.hash, true);
      return true;
    }
    const loading = this.#loadByTransfer(number, body).then(
      () => {
        this.#loaded.set(bundle.hash, true);
      },
      (error) => {
        this.#loaded.delete(bundle.hash);
        this.#sentCode.forget();
        throw error;
      },
    );
    this.#loaded.set(bundle.hash, loading);
    return loading;
  }

  async #loadByTransfer(number: number, body: Uint8Array): Promise<void> {
    const transfers = await this.#bus.transfers();
    const { id, total, sent } = transfers.offer(this.node, [body]);
    const frame = withBody(FrameKind.loadByTransfer, 0, number, 0, pack([id, total]));
    await Promise.all([sent, this.#request(frame, LOAD_MS)]);
  }

  #request(frame: Uint8Array, deadline: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#bus.ask(this.#calls, frame, new Request(this.node, deadline, resolve, reject), deadline);
    });
  }
}

function withBody(
  kind: number,
  site: number,
  bundle: number,
  id: number,
  body: Uint8Array = NOTHING,
  budget = 0,
  flags = 0,
) {
  const frame = new Uint8Array(HEADER_BYTES + body.length);
  writeHeader(frame, { kind, flags, site, bundle, budget, id });
  frame.set(body, HEADER_BYTES);
  return frame;
}

class Request extends Question {
  readonly #node: string;
  readonly #deadline: number;
  readonly #resolve: (data: Uint8Array) => void;
  readonly #reject: (error: BonfireError) => void;

  constructor(
    node: string,
    deadline: number,
    resolve: (data: Uint8Array) => void,
    reject: (error: BonfireError) => void,
  ) {
    super();
    this.#node = node;
    this.#deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override onReply(data: Uint8Array): void {
    this.#resolve(data);
  }

  override onNobody(): void {
    this.#reject(new BonfireError("EXECUTOR_LOST", `Cell ${this.#node} is gone`));
  }

  override onExpire(): void {
    this.#reject(
      new BonfireError("CELL_SILENT", `Cell ${this.#node} did not answer within ${this.#deadline} ms`),
    );
  }
}

/** A nats-server and a few processes, which stay for many sequences; one that was killed is replaced by a spare. */
import { setTimeout as pause } from "node:timers/promises";
import { connect, type Fire, type Ref } from "@bonfire/runtime";
import { Bus, Question, subject } from "@bonfire/runtime/internal";
import type { Cut } from "../harness/cut-link.ts";
import { programsBelow } from "../harness/gone.ts";
import { NatsServer } from "../harness/nats.ts";
import { clock, type Event, type News } from "./event.ts";
import type { Entry } from "./ledger.ts";
import type { Keeper } from "./near-probe.ts";
import { FENCED_EXIT } from "./orders.ts";
import { type Place, ServiceProcess } from "./place.ts";
import { Scribe } from "./scribe.ts";

export const PLACES = 3;
/** Presence's link has to be back within this time of the node's own; the pauses between its attempts are shorter. */
const PRESENT_MS = 3_000;
const PROBE_MS = 50;
/** Whose connections are closed for so long is taken for gone, at the earliest; and how long it takes to hear so. */
const NOBODY_MS = 1_000;
const TOLD_MS = 10_000;

export class Cluster implements AsyncDisposable {
  static #starting: Promise<unknown> = Promise.resolve();
  readonly #server: NatsServer;
  /** For what actors on executors write down; undefined in a cluster without any. */
  #scribe: Ref<Scribe> | undefined;
  #fire: Fire | undefined;
  readonly #bus: Bus;
  readonly #places: (Place | undefined)[] = [];
  readonly #histories = new Map<string, Event[]>();
  readonly #disturbed = new Set<Place>();
  /** Until when nodes may be told that they were taken for gone. */
  readonly #fenceable = new Map<string, number>();
  /** Faults that end by themselves. */
  readonly #passing = new Set<Promise<void>>();
  #spare: Promise<Place> | undefined;
  #failure: Error | undefined;

  private constructor(server: NatsServer, bus: Bus) {
    this.#server = server;
    this.#bus = bus;
  }

  /** One at a time, as a machine that starts many processes at once is too slow for each. `executors`: see #scribe. */
  static start(options: { readonly executors: boolean }): Promise<Cluster> {
    const starting = Cluster.#starting.then(() => Cluster.#start(options));
    Cluster.#starting = starting.catch(() => "whoever started it is told");
    return starting;
  }

  static async #start({ executors }: { readonly executors: boolean }): Promise<Cluster> {
    const server = await NatsServer.start({ hints: true, jetstream: true });
    const { protocol, host, username: user, password } = new URL(server.url);
    const address = { servers: [`${protocol}//${host}`], user, password };
    const cluster = new Cluster(server, await Bus.connect(address, "model"));
    if (executors) {
      cluster.#fire = await connect({ servers: cluster.#server.url });
      const hear = (entry: Entry) => cluster.#heard(entry);
      cluster.#scribe = await cluster.#fire.spawn(Scribe, [hear], { maxMailbox: 1_000_000 });
    }
    const places = await Promise.all(Array.from({ length: PLACES }, () => cluster.#launch()));
    cluster.#places.push(...places);
    await cluster.#introduce();
    return cluster;
  }

  #launch(): Promise<Place> {
    const died = (node: string, exitCode: number | null) => this.#died(node, exitCode);
    const { url } = this.#server;
    return ServiceProcess.start(url, this.#scribe?.address, (entry) => this.#heard(entry), died);
  }

  /** One that was cut off for long may be fenced; it counts as killed then. Any other end is a fault. */
  #died(node: string, exitCode: number | null): void {
    const at = this.#places.findIndex((place) => place?.node === node);
    const place = this.#places[at];
    if (exitCode !== FENCED_EXIT || !place || performance.now() > (this.#fenceable.get(node) ?? 0)) {
      const how = exitCode === FENCED_EXIT ? "was fenced, though it was hardly away" : "died by itself";
      this.#failure ??= new Error(`${node} ${how}, with exit code ${exitCode}`);
      return;
    }
    this.#places[at] = undefined;
    this.#record({ kind: "killed", node });
    const leaving = place
      .kill()
      .then(() => this.#introduce())
      .then(() => void this.#passing.delete(leaving));
    this.#passing.add(leaving);
  }

  #heard({ sequence, event }: Entry): void {
    const history = this.#histories.get(sequence);
    if (history) history.push(event);
    else this.#failure ??= new Error(`after the end of ${sequence}: ${JSON.stringify(event)}`);
  }

  /** What cannot be told as one sequence's fault, but makes the run a failure. */
  requireWell(): void {
    if (this.#failure) throw this.#failure;
  }

  open(sequence: string): readonly Event[] {
    const history: Event[] = [];
    this.#histories.set(sequence, history);
    return history;
  }

  /** What is heard of it from now on is a failure. */
  end(sequence: string): void {
    this.#histories.delete(sequence);
  }

  /** The places that are there. */
  get alive(): Place[] {
    return this.#places.filter((place) => place !== undefined);
  }

  /** One of the places, replaced if it was killed. */
  async place(index: number): Promise<Place> {
    const at = index % PLACES;
    const present = this.#places[at];
    if (present) return present;
    const place = await (this.#spare ?? this.#launch());
    this.#spare = undefined;
    this.#places[at] = place;
    await this.#introduce();
    return place;
  }

  #introduce(): Promise<unknown> {
    const nodes = this.alive.map(({ node }) => node);
    return Promise.all(
      this.alive.map((place) =>
        place.obey({ kind: "peers", nodes: nodes.filter((node) => node !== place.node) }),
      ),
    );
  }

  /** Written into the histories of all sequences that run. */
  #record(news: News): void {
    for (const history of this.#histories.values()) history.push({ at: clock(), ...news } as Event);
  }

  /** Kills it with -9. Its successor is started, and used when it is needed. */
  async kill(index: number): Promise<void> {
    const at = index % PLACES;
    const place = this.#places[at];
    if (!place) return;
    this.#spare ??= this.#launch();
    this.#places[at] = undefined;
    this.#record({ kind: "killed", node: place.node });
    await place.kill();
    await this.#introduce();
  }

  /** Ends the cell of a place, or its executor, if it has one and no more: kill -9, or SIGTERM. */
  async strike(index: number, what: "cell" | "executor", how: "kill" | "drain"): Promise<void> {
    const place = this.#places[index % PLACES];
    if (!place) return;
    const cells = ((await place.obey({ kind: "cells" })) ?? []) as string[];
    const pids = await programsBelow(place.pid, what === "cell" ? "cell.js" : "agent.js");
    // While one takes the place of another, it is not certain whose process is whose.
    if (cells.length !== 1 || pids.length !== 1) return;
    const [, executor, nth] = (cells[0] as string).split("-");
    const node = what === "cell" ? `a-${executor}-${nth}-` : `a-${executor}-`;
    this.#record({ kind: how === "kill" ? "killed" : "drained", node });
    process.kill(pids[0] as number, how === "kill" ? "SIGKILL" : "SIGTERM");
  }

  /** Freezes it, and goes on while that lasts. */
  freeze(index: number, ms: number): void {
    this.#pass(
      index,
      ms,
      (place) => place.freeze(),
      (place) => place.thaw(),
    );
  }

  /** Cuts it off from nats-server, and goes on while that lasts. */
  cut(index: number, how: Cut, ms: number): void {
    const node = this.#places[index % PLACES]?.node;
    // A link that is silent is another matter than one that is closed.
    if (node && how === "drop" && ms >= NOBODY_MS) {
      this.#fenceable.set(node, performance.now() + ms + TOLD_MS);
    }
    this.#pass(
      index,
      ms,
      (place) => place.cut(how),
      (place) => place.heal(),
    );
  }

  /** Kills nats-server, and starts it again after `ms`. */
  async restart(ms: number): Promise<void> {
    // A process cannot start while there is none.
    await Promise.all([this.#spare, ...this.#passing]);
    this.#record({ kind: "disturbed", node: "*" });
    await this.#server.kill();
    await pause(ms);
    await this.#server.restart();
    await this.#settled();
    await Promise.all(this.alive.map((place) => this.#present(place)));
    this.#record({ kind: "healed", node: "*" });
  }

  /** One fault at a time for each place. */
  #pass(index: number, ms: number, begin: (place: Place) => void, end: (place: Place) => void): void {
    const place = this.#places[index % PLACES];
    if (!place || this.#disturbed.has(place)) return;
    const { node } = place;
    this.#disturbed.add(place);
    this.#record({ kind: "disturbed", node });
    begin(place);
    const passing = pause(ms).then(async () => {
      end(place);
      await place.obey({ kind: "settle" });
      await this.#present(place);
      this.#record({ kind: "healed", node });
      this.#disturbed.delete(place);
      this.#passing.delete(passing);
    });
    this.#passing.add(passing);
  }

  /** Resolves when presence answers for it, which has a link of its own, or when it was killed. */
  async #present(place: Place): Promise<void> {
    const giveUpAt = performance.now() + PRESENT_MS;
    while (this.#places.includes(place) && !(await answers(this.#bus, subject.ping(place.node)))) {
      if (performance.now() > giveUpAt)
        throw new Error(`presence does not answer for ${place.node} within ${PRESENT_MS} ms of its return`);
    }
  }

  /** All processes are there and reach each other. */
  async calm(): Promise<void> {
    for (let index = 0; index < PLACES; index++) await this.place(index);
    await Promise.all(this.#passing);
    await this.#settled();
    // What was written down for the scribe has arrived before this is answered.
    const [{ node }] = this.alive as [Place];
    await this.#fire?.ref<Keeper>(`${node}/keeper`).ping();
  }

  #settled(): Promise<unknown> {
    return Promise.all(this.alive.map((place) => place.obey({ kind: "settle" })));
  }

  /** Every process ends by itself, or this rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    const spare = await this.#spare;
    const closing = await Promise.allSettled(
      [...this.alive, ...(spare ? [spare] : [])].map((one) => one.close()),
    );
    await this.#fire?.close();
    await this.#bus.close();
    await this.#server[Symbol.asyncDispose]();
    for (const outcome of closing) if (outcome.status === "rejected") throw outcome.reason;
  }
}

/** Whether somebody answers under a subject; takes a moment if nobody does. */
function answers(bus: Bus, to: string): Promise<boolean> {
  return new Promise((resolve) => {
    const question = new Answer((isThere) =>
      isThere ? resolve(true) : setTimeout(() => resolve(false), PROBE_MS),
    );
    if (bus.link.up) bus.ask(to, new Uint8Array(), question, PROBE_MS);
    else setTimeout(() => resolve(false), PROBE_MS);
  });
}

class Answer extends Question {
  readonly #done: (isThere: boolean) => void;

  constructor(done: (isThere: boolean) => void) {
    super();
    this.#done = done;
  }

  onReply(): void {
    this.#done(true);
  }

  onNobody(): void {
    this.#done(false);
  }

  onExpire(): void {
    this.#done(false);
  }
}

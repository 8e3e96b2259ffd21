/**
 * Virtual actors: they are found by class and key, started by the first message in a process that hosts the class, and
 * let go when they are idle. The lease of the key sees to it that there is one.
 */
import { setTimeout as pause } from "node:timers/promises";
import { BonfireError, hasCode } from "@bonfire/wire";
import {
  type ActorClass,
  DEFAULT_TTL_MS,
  type MailboxOptions,
  resolveSpawnOptions,
  type SpawnOptions,
} from "../actor/actor-class.ts";
import {
  type Address,
  formatAddress,
  isSamePlace,
  namedHome,
  parseAddress,
  requireName,
} from "../actor/address.ts";
import { methodTable } from "../actor/method-table.ts";
import { LOCATE_AGAIN_MS } from "../actor/outbox.ts";
import { placeOf, type Ref } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import { type Duration, milliseconds } from "../duration.ts";
import { refuseUnknown } from "../option.ts";
import { type Pool, requirePool } from "../pool/pool.ts";
import type { Store } from "../store/port.ts";
import { type Claim, keeping } from "./claim.ts";
import { Joint } from "./joint.ts";
import { hostGroup, virtualKey } from "./key.ts";
import { Membership, outInTime } from "./membership.ts";

export interface HostOptions extends Omit<SpawnOptions, "name" | "register" | "wait"> {
  /** An actor that has had no message for so long is stopped, and started again by its next one. Default 5 min. */
  idleAfter?: Duration;
  /** Runs them on executors of this pool, of which each takes a slot. Default: in this process. */
  pool?: Pool;
}

/** That a process starts virtual actors of a class. */
export interface Hosting extends AsyncDisposable {
  /** Starts none any more, and stops those that run; the next message to each starts it elsewhere. Idempotent. */
  stop(): Promise<void>;
}

interface Hosted {
  readonly type: ActorClass;
  readonly pool: Pool | undefined;
  /** Those that run on the pool, by key. */
  readonly placed: Map<string, Address>;
  /** Aborted when no more are started. */
  readonly over: AbortController;
  readonly mailbox: Omit<MailboxOptions, "name">;
  readonly claim: (key: string) => Claim;
  /** Those that are being started, by key. */
  readonly starting: Joint<Address>;
}

const KNOWN = [
  "idleAfter",
  "pool",
  "maxMailbox",
  "mailboxPolicy",
  "ttl",
  "state",
  "saveEvery",
  "store",
] as const satisfies readonly (keyof HostOptions)[];
const IDLE_MS = 300_000;
/** For no longer does one that is to be started wait for a slot of its pool. */
const START_MS = 60_000;
/** Between two tries to reach a host. */
const RETRY_MS = 100;

export class Virtual {
  /** The name under which a node is asked to start them; no actor can have it. */
  static readonly ACTOR = "$virtual";

  readonly #system: ActorSystem;
  readonly #store: () => Promise<Store>;
  readonly #hosted = new Map<string, Hosted>();
  readonly #memberships = new Map<string, Membership>();
  readonly #searches = new Joint<Address>();

  constructor(system: ActorSystem, store: () => Promise<Store>) {
    this.#system = system;
    this.#store = store;
  }

  ref<T extends object>(type: ActorClass, key: string): Ref<T> {
    methodTable(type);
    requireName("key", key);
    return this.#system.named<T>(namedHome(Virtual.ACTOR, `${typeNameOf(type)}/${key}`));
  }

  async host(type: ActorClass, options: HostOptions): Promise<Hosting> {
    refuseUnknown("host", options, KNOWN);
    const { idleAfter, pool, ...rest } = options;
    if (pool !== undefined) requirePool(pool);
    const name = typeNameOf(type);
    const { maxMailbox, mailboxPolicy, ...keep } = resolveSpawnOptions(rest);
    methodTable(type);
    const idleMs = idleAfter === undefined ? IDLE_MS : milliseconds("idleAfter", idleAfter);
    const claim = (key: string): Claim => {
      const id = `${name}/${key}`;
      const state = keep.state ? `${keep.state}/${key}` : keep.state;
      return {
        ...keeping(type, virtualKey(id), { ...keep, state }),
        ttl: keep.ttl,
        wait: 0,
        idleAfter: idleMs,
      };
    };
    // Whatever the key: throws now if there can be none.
    claim("");
    pool?.checkClass(type);
    if (this.#hosted.has(name)) {
      throw new BonfireError("NAME_TAKEN", `This process hosts ${name} already: stop that first`);
    }
    const mailbox = { maxMailbox, mailboxPolicy };
    const over = new AbortController();
    const hosted = { type, pool, mailbox, claim, over, starting: new Joint<Address>(), placed: new Map() };
    this.#hosted.set(name, hosted);
    try {
      const store = await this.#store();
      const membership = await Membership.join(store, hostGroup(name), this.#system.node, DEFAULT_TTL_MS);
      this.#memberships.set(name, membership);
      let stopping: Promise<void> | undefined;
      const stop = () => {
        stopping ??= this.#stop(name);
        return stopping;
      };
      return { stop, [Symbol.asyncDispose]: stop };
    } catch (error) {
      this.#hosted.delete(name);
      throw error;
    }
  }

  async #stop(name: string): Promise<void> {
    const hosted = this.#hosted.get(name);
    const leaving = this.#leave(name);
    await hosted?.starting.settled();
    const here = this.#system.locals(`@${name}/`).map((instance) => instance.stop());
    const away = Array.from(hosted?.placed.values() ?? [], (place) => this.#end(place));
    await Promise.all([leaving, ...here, ...away]);
  }

  async #end(place: Address): Promise<void> {
    try {
      await this.#system.controls.end(place, "stop");
    } catch (error) {
      // Its executor is gone, and it with it.
      if (!hasCode(error, "ACTOR_LOST")) throw error;
    }
  }

  async #leave(name: string): Promise<void> {
    const membership = this.#memberships.get(name);
    this.#hosted.get(name)?.over.abort(notHere(name));
    this.#hosted.delete(name);
    this.#memberships.delete(name);
    // If it is not heard, this process refuses until its time is up.
    await membership?.leave().catch(outInTime);
  }

  /** What other nodes' runtimes ask of this one's, and the refs of this one. */
  handle(_sender: string, method: string, args: readonly unknown[]): Promise<Address> {
    const [name, other] = args as [string, unknown];
    if (method === "place") {
      const stale = other as Address;
      return this.#searches.ask(`${name} not at ${formatAddress(stale)}`, (unwanted) =>
        this.#place(name, stale, unwanted),
      );
    }
    if (method === "start") return this.#start(name, other as string);
    throw new BonfireError("PROTOCOL", `There is no question "${method}" about virtual actors`);
  }

  /** Where the actor is; starts it if it is nowhere. `stale`: where somebody could not reach it. */
  async #place(id: string, stale: Address, unwanted: AbortSignal): Promise<Address> {
    const store = await this.#store();
    for (;;) {
      const found = await store.holder(virtualKey(id));
      unwanted.throwIfAborted();
      if (!found) {
        const started = await this.#startSomewhere(id, unwanted);
        if (started) return started;
        await pause(RETRY_MS, undefined, { signal: unwanted, ref: false });
        continue;
      }
      const place = parseAddress(found.holder);
      if (!isSamePlace(place, stale) || (await this.#system.controls.isThere(place))) return place;
      // It stops, or its process is gone: nobody else may start before its lease has ended.
      await store.whenFree(virtualKey(id), unwanted);
    }
  }

  /** Undefined: no host could be reached just now. */
  async #startSomewhere(id: string, unwanted: AbortSignal): Promise<Address | undefined> {
    const [type, key] = split(id);
    const store = await this.#store();
    const hosts = await store.members(hostGroup(type));
    if (hosts.length === 0) {
      throw new BonfireError(
        "NOT_HOSTED",
        `No process hosts ${type}: call fire.host(${type}) in the processes that are to run such actors`,
      );
    }
    for (const node of ranked(hosts, id)) {
      try {
        return await this.#startAt(node, [type, key], unwanted);
      } catch (error) {
        if (!AWAY.some((code) => hasCode(error, code))) throw error;
      }
    }
    return undefined;
  }

  /** A start may take long: it goes on for as long as somebody asks for it. */
  async #startAt(node: string, args: string[], unwanted: AbortSignal): Promise<Address> {
    const to = { node, actor: Virtual.ACTOR };
    for (;;) {
      try {
        return (await this.#system.ask(to, "start", args, LOCATE_AGAIN_MS)) as Address;
      } catch (error) {
        if (!hasCode(error, "ASK_TIMEOUT")) throw error;
      }
      unwanted.throwIfAborted();
    }
  }

  async #start(name: string, key: string): Promise<Address> {
    const hosted = this.#hosted.get(name);
    if (!hosted) throw notHere(name);
    return hosted.starting.ask(key, (unwanted) => this.#begin(hosted, name, key, unwanted));
  }

  async #begin(hosted: Hosted, name: string, key: string, unwanted: AbortSignal): Promise<Address> {
    const actor = `@${name}/${key}`;
    const before = this.#system.local(actor);
    if (before?.isAlive) return before.address;
    // It is about to end, and has its lease until then.
    await before?.ended;
    const claim = hosted.claim(key);
    try {
      const options = { ...hosted.mailbox, name: actor };
      if (hosted.pool) return await this.#beginOn(hosted.pool, hosted, key, options, claim, unwanted);
      const ref = await this.#system.spawnClass(hosted.type, [key], options, { claim });
      return placeOf(ref);
    } catch (error) {
      // Its pool was closed under it.
      if (hasCode(error, "POOL_CLOSED")) {
        await this.#leave(name);
        throw notHere(name);
      }
      // Somebody else was first.
      const found = hasCode(error, "NAME_TAKEN") && (await this.#holder(`${name}/${key}`));
      if (found) return found;
      throw error;
    }
  }

  async #beginOn(
    pool: Pool,
    { type, placed, over }: Hosted,
    key: string,
    options: SpawnOptions,
    claim: Claim,
    unwanted: AbortSignal,
  ): Promise<Address> {
    const call = { deadline: START_MS, signal: AbortSignal.any([over.signal, unwanted]) };
    const place = placeOf(await pool.spawnClaimed(type, [key], options, claim, call));
    placed.set(key, place);
    this.#system.monitor(place, () => {
      if (placed.get(key) === place) placed.delete(key);
    });
    return place;
  }

  async #holder(id: string): Promise<Address | undefined> {
    const found = await (await this.#store()).holder(virtualKey(id));
    return found && parseAddress(found.holder);
  }

  /** Starts none any more in this process; those that run are the caller's to stop. */
  async leave(): Promise<void> {
    await Promise.all([...this.#hosted.keys()].map((name) => this.#leave(name)));
  }
}

/** Why a host did not start one although another may. */
const AWAY = ["NO_SUCH_ACTOR", "NOT_HERE", "ACTOR_LOST", "CLOSED", "LINK_DOWN", "NAME_TAKEN"];

function notHere(name: string): BonfireError {
  return new BonfireError("NOT_HERE", `This process does not host ${name} any more`);
}

function typeNameOf(type: ActorClass): string {
  const name = type.typeName ?? type.name;
  if (/^[\w-]{1,60}$/.test(name)) return name;
  throw new BonfireError(
    "INVALID_ACTOR",
    `A class of virtual actors needs a name of 1 to 60 letters, digits, "_" and "-", got ${JSON.stringify(name)}: name the class, or give it a static typeName`,
  );
}

function split(id: string): [type: string, key: string] {
  const at = id.indexOf("/");
  return [id.slice(0, at), id.slice(at + 1)];
}

/**
 * Hosts in an order that depends on the actor alone (rendezvous hashing), so that all who look for it at once ask the
 * same host first, and a host that comes or goes moves few of them.
 */
function ranked(hosts: readonly string[], id: string): string[] {
  const weight = new Map(hosts.map((host) => [host, hash(`${host} ${id}`)]));
  return hosts.toSorted((a, b) => (weight.get(b) as number) - (weight.get(a) as number));
}

/** FNV-1a with a last mixing, as names that differ in one character must not lie side by side. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}

/** What this process knows of a group: read from the store at most once a second, and corrected by monitors. */
import { BonfireError, decode } from "@bonfire/wire";
import { parseAddress } from "../actor/address.ts";
import { encodeArguments } from "../actor/envelope.ts";
import type { Ref } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import type { Store } from "../store/port.ts";
import { groupKey } from "./key.ts";

const FRESH_MS = 1_000;

interface Member {
  readonly ref: Ref<object>;
  unwatch(): void;
}

export class GroupView {
  readonly #system: ActorSystem;
  readonly #store: () => Promise<Store>;
  readonly #group: string;
  #members = new Map<string, Member>();
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #turn = 0;
  /** Keeps tells in order. */
  #telling: Promise<void> = Promise.resolve();

  constructor(system: ActorSystem, store: () => Promise<Store>, group: string) {
    this.#system = system;
    this.#store = store;
    this.#group = group;
  }

  async members<T extends object>(): Promise<Ref<T>[]> {
    if (performance.now() - this.#readAt > FRESH_MS) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
    return Array.from(this.#members.values(), ({ ref }) => ref as Ref<T>);
  }

  async next<T extends object>(): Promise<Ref<T>> {
    const members = await this.members<T>();
    const member = members[this.#turn++ % members.length];
    if (member) return member;
    throw new BonfireError("GROUP_EMPTY", `Group "${this.#group}" has no member: let one join first`);
  }

  tell(method: string, args: unknown[]): void {
    // Now, as it may be changed before it is sent.
    const encoded = encodeArguments(args);
    this.#telling = this.#telling.then(async () => {
      try {
        for (const ref of await this.members<{ [method: string]: (...args: unknown[]) => void }>()) {
          ref.tell[method]?.(...(decode(encoded, this.#system.decoding) as unknown[]));
        }
      } catch (error) {
        this.#system.undelivered(`group ${this.#group}`, method, error);
      }
    });
  }

  async #read(): Promise<void> {
    const store = await this.#store();
    const found = new Set(await store.members(groupKey(this.#group)));
    this.#readAt = performance.now();
    for (const [address, { unwatch }] of this.#members) {
      if (found.has(address)) continue;
      unwatch();
      this.#members.delete(address);
    }
    for (const address of found) if (!this.#members.has(address)) this.#add(address);
  }

  #add(address: string): void {
    const place = parseAddress(address);
    const unwatch = this.#system.monitor(place, () => {
      this.#members.delete(address);
      void this.#forget(address);
    });
    this.#members.set(address, { ref: this.#system.ref(place), unwatch });
  }

  /** Takes out one that has ended for all; if it was taken for gone and is not, whoever let it join does so again. */
  async #forget(address: string): Promise<void> {
    try {
      await (await this.#store()).leave(groupKey(this.#group), address);
    } catch {
      // Nobody renews it, so it is out when its time is up.
    }
  }

  close(): void {
    for (const { unwatch } of this.#members.values()) unwatch();
    this.#members.clear();
  }
}

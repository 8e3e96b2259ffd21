/** Groups: actors that are found together by a name. Who reads one may be a moment behind. */
import { BonfireError } from "@bonfire/wire";
import { type Address, formatAddress, requireName } from "../actor/address.ts";
import { type AnyRef, type Ref, targetOf } from "../actor/ref.ts";
import type { ActorSystem } from "../actor/system.ts";
import type { Store } from "../store/port.ts";
import { GroupView } from "./group-view.ts";
import { groupKey } from "./key.ts";
import { Membership, outInTime } from "./membership.ts";

const TTL_MS = 5_000;

/** The members of a group, as one to send to. */
export interface Group<T extends object> {
  readonly name: string;
  /** Who is in it, as of a second ago at most. */
  members(): Promise<Ref<T>[]>;
  /** One member after the other, without those that are known to be gone. Rejects with `GROUP_EMPTY`. */
  next(): Promise<Ref<T>>;
  /** Tells every member. Throws `VALUE_REFUSED`; what reaches none is a dead letter. */
  readonly tell: Ref<T>["tell"];
}

interface Joined {
  readonly membership: Membership;
  unwatch(): void;
}

export class Groups {
  readonly #system: ActorSystem;
  readonly #store: () => Promise<Store>;
  readonly #joined = new Map<string, Promise<Joined>>();
  readonly #views = new Map<string, GroupView>();

  constructor(system: ActorSystem, store: () => Promise<Store>) {
    this.#system = system;
    this.#store = store;
  }

  async join(group: string, ref: AnyRef): Promise<void> {
    requireName("group", group);
    const key = groupKey(group);
    if (targetOf(ref)?.isNamed) {
      throw new BonfireError(
        "INVALID_OPTION",
        "Cannot let a ref join that finds its actor by a name itself: pass the one that spawn() gave",
      );
    }
    const store = await this.#store();
    const place = await this.#system.find(ref);
    const member = formatAddress(place);
    const id = `${key} ${member}`;
    const joining = this.#joined.get(id) ?? this.#begin(store, key, place);
    this.#joined.set(id, joining);
    try {
      await joining;
    } catch (error) {
      this.#joined.delete(id);
      throw error;
    }
  }

  async #begin(store: Store, key: string, place: Address): Promise<Joined> {
    const member = formatAddress(place);
    const membership = await Membership.join(store, key, member, TTL_MS);
    const unwatch = this.#system.monitor(place, () => void this.#leave(`${key} ${member}`).catch(outInTime));
    return { membership, unwatch };
  }

  async leave(group: string, ref: AnyRef): Promise<void> {
    requireName("group", group);
    const key = groupKey(group);
    const member = formatAddress(await this.#system.find(ref));
    await this.#leave(`${key} ${member}`);
  }

  async #leave(id: string): Promise<void> {
    const joined = await this.#joined.get(id);
    if (!this.#joined.delete(id)) return;
    joined?.unwatch();
    await joined?.membership.leave();
  }

  group<T extends object>(name: string): Group<T> {
    const view = this.#view(name);
    const teller = {
      get: (_: object, method: string | symbol) =>
        typeof method !== "string" || method === "then"
          ? undefined
          : (...args: unknown[]) => view.tell(method, args),
    };
    return {
      name,
      tell: new Proxy(Object.create(null) as object, teller) as Ref<T>["tell"],
      members: () => view.members<T>(),
      next: () => view.next<T>(),
    };
  }

  #view(group: string): GroupView {
    requireName("group", group);
    const known = this.#views.get(group) ?? new GroupView(this.#system, this.#store, group);
    this.#views.set(group, known);
    return known;
  }

  /** Takes out every member that joined by this process. */
  async close(): Promise<void> {
    for (const view of this.#views.values()) view.close();
    this.#views.clear();
    await Promise.all([...this.#joined.keys()].map((id) => this.#leave(id).catch(outInTime)));
  }
}

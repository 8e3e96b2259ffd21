/** What can be spawned, and how. */
import { BonfireError } from "@bonfire/wire";
import { type Duration, milliseconds } from "../duration.ts";
import { refuseUnknown, wholeNumber } from "../option.ts";
import { isStore, type Store } from "../store/port.ts";
import type { Actor } from "./actor.ts";
import { requireName } from "./address.ts";
import type { Callable } from "./ref.ts";

/** A class of actors. */
export interface ActorClass<T extends Actor = Actor, A extends unknown[] = any[]> {
  new (...args: A): T;
  /** Methods that run as soon as they are asked, also while another one awaits; for reads: `["peek"] as const`. */
  readonly reentrant?: readonly string[];
  /** Linked actors that end are told to `onExit` instead of ending this one. */
  readonly trapExit?: boolean;
  /** What virtual actors of this class are called in the whole cluster. Default: the class's name. */
  readonly typeName?: string;
}

/** Holds a class to it that what it declares reentrant are its methods. */
export type Declared<C extends ActorClass> = { readonly reentrant?: readonly Callable<InstanceType<C>>[] };

/** What becomes of a message for a full mailbox. */
export type MailboxPolicy =
  /** It is refused: an ask fails with `MAILBOX_FULL`, a tell is a dead letter. */
  | "fail"
  /** The oldest waiting message is refused in its place. */
  | "drop-oldest"
  /** An ask waits at the door until there is room or its deadline is over; a tell, for which nobody waits, is refused. */
  | "block";

export interface SpawnOptions {
  /** Unique in this process. Default: the class's name with a number. */
  name?: string;
  /** How many messages may wait. Default: no limit. */
  maxMailbox?: number;
  /** Default `"fail"`. */
  mailboxPolicy?: MailboxPolicy;
  /** A name that it has alone in the whole cluster, from before its constructor runs until it has ended. */
  register?: string;
  /** How long the name and the state are kept for it when its process is gone without a word. Default 5 s. */
  ttl?: Duration;
  /** How long to wait for a name, or a state, that another has. Default 0; for a restart `ttl` and a second. */
  wait?: Duration;
  /**
   * Under which key its `snapshot()` is kept. Default: its registered name, if the class has `snapshot`; `false`: it is
   * not kept.
   */
  state?: string | false;
  /** After how many messages its state is saved; it is also saved when it stops. Default 100. */
  saveEvery?: number;
  /** Where its state is kept, if not in the store of the connection. */
  store?: Store;
}

export interface MailboxOptions {
  readonly name: string | undefined;
  readonly maxMailbox: number;
  readonly mailboxPolicy: MailboxPolicy;
}

export type ResolvedSpawnOptions = MailboxOptions & KeepOptions;

/** How an actor that is the only one of its name is kept. */
export interface KeepOptions {
  readonly register: string | undefined;
  readonly ttl: number;
  readonly wait: number | undefined;
  readonly state: string | false | undefined;
  readonly saveEvery: number;
  readonly store: Store | undefined;
}

export const DEFAULT_TTL_MS = 5_000;

const KNOWN = [
  "name",
  "maxMailbox",
  "mailboxPolicy",
  "register",
  "ttl",
  "wait",
  "state",
  "saveEvery",
  "store",
] as const satisfies readonly (keyof SpawnOptions)[];
/** The options of `spawn` but for the name in its process. */
export const SPAWN_OPTIONS: readonly string[] = KNOWN.slice(1);
const POLICIES: readonly string[] = ["fail", "drop-oldest", "block"] satisfies MailboxPolicy[];

/** Throws `UNKNOWN_OPTION`, `INVALID_OPTION`. */
export function resolveSpawnOptions(options: SpawnOptions): ResolvedSpawnOptions {
  refuseUnknown("spawn", options, KNOWN);
  const { name, maxMailbox = Number.POSITIVE_INFINITY, mailboxPolicy = "fail" } = options;
  const { register, ttl, wait, state, saveEvery = 100, store } = options;
  if (name !== undefined) requireName("name", name);
  if (maxMailbox !== Number.POSITIVE_INFINITY) wholeNumber("maxMailbox", maxMailbox, 1);
  if (!POLICIES.includes(mailboxPolicy)) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "mailboxPolicy" must be one of ${POLICIES.join(", ")}, got ${JSON.stringify(mailboxPolicy)}`,
    );
  }
  if (register !== undefined) requireName("register", register);
  if (state !== undefined && state !== false) requireName("state", state);
  if (store !== undefined && !isStore(store)) {
    throw new BonfireError(
      "INVALID_OPTION",
      'Option "store" must be a store, such as `await fire.store()` gives',
    );
  }
  return {
    name,
    maxMailbox,
    mailboxPolicy,
    register,
    ttl: ttl === undefined ? DEFAULT_TTL_MS : milliseconds("ttl", ttl),
    wait: wait === undefined ? undefined : milliseconds("wait", wait),
    state,
    saveEvery: wholeNumber("saveEvery", saveEvery, 1),
    store,
  };
}

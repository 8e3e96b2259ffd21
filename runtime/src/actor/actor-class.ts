/** What can be spawned, and how. */
import { BonfireError } from "@bonfire/wire";
import { refuseUnknown, wholeNumber } from "../option.ts";
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
}

export interface ResolvedSpawnOptions {
  readonly name: string | undefined;
  readonly maxMailbox: number;
  readonly mailboxPolicy: MailboxPolicy;
}

const KNOWN = ["name", "maxMailbox", "mailboxPolicy"] as const satisfies readonly (keyof SpawnOptions)[];
const POLICIES: readonly string[] = ["fail", "drop-oldest", "block"] satisfies MailboxPolicy[];

/** Throws `UNKNOWN_OPTION`, `INVALID_OPTION`. */
export function resolveSpawnOptions(options: SpawnOptions): ResolvedSpawnOptions {
  refuseUnknown("spawn", options, KNOWN);
  const { name, maxMailbox = Number.POSITIVE_INFINITY, mailboxPolicy = "fail" } = options;
  if (name !== undefined) requireName("name", name);
  if (maxMailbox !== Number.POSITIVE_INFINITY) wholeNumber("maxMailbox", maxMailbox, 1);
  if (!POLICIES.includes(mailboxPolicy)) {
    throw new BonfireError(
      "INVALID_OPTION",
      `Option "mailboxPolicy" must be one of ${POLICIES.join(", ")}, got ${JSON.stringify(mailboxPolicy)}`,
    );
  }
  return { name, maxMailbox, mailboxPolicy };
}

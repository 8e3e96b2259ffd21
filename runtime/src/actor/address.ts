import { BonfireError } from "@bonfire/wire";

/** Where an actor lives. Plain data: it travels in any message. */
export interface Address {
  readonly node: string;
  readonly actor: string;
  /** Which of those that had this name on this node, one after the other; without it, whichever has it. */
  readonly epoch?: number;
}

/** Who restarts an actor, and knows at any time where it lives. */
export interface Home {
  readonly supervision: Address;
  readonly child: string;
}

/** In place of a node: the store of the cluster knows where the actor is. */
const ANYWHERE = "@";
/** The runtime actors of a node that look into the store: for registered names, and for virtual actors. */
export type Registry = "$names" | "$virtual";

/** The home of an actor that is found by a name. */
export function namedHome(registry: Registry, name: string): Home {
  return { supervision: { node: ANYWHERE, actor: registry }, child: name };
}

export function isNamed(home: Home | undefined): boolean {
  return home?.supervision.node === ANYWHERE;
}

/** Where a named actor is as long as nobody has looked. */
export function unknownPlace(name: string): Address {
  return { node: ANYWHERE, actor: name };
}

export function isUnknown({ node }: Address): boolean {
  return node === ANYWHERE;
}

export function isSamePlace(one: Address, other: Address): boolean {
  return one.node === other.node && one.actor === other.actor && one.epoch === other.epoch;
}

const MAX_NAME = 120;

/** Throws `INVALID_OPTION` unless `name` can stand in a message and in a NATS subject. */
export function requireName(option: string, name: string): void {
  if (typeof name === "string" && name.length <= MAX_NAME && /^[\w:@/-]+$/.test(name)) return;
  throw new BonfireError(
    "INVALID_OPTION",
    `Option "${option}" must be 1 to ${MAX_NAME} letters, digits, "_", "-", ":", "@" or "/", got ${JSON.stringify(name)}`,
  );
}

export function gone({ actor, node }: Address): BonfireError {
  return new BonfireError(
    "NO_SUCH_ACTOR",
    `Actor ${actor} on ${node} does not exist: it has ended, or never ran`,
  );
}

/** As `ref.address` gives it. */
export function formatAddress({ node, actor, epoch }: Address): string {
  return epoch === undefined ? `${node}/${actor}` : `${node}/${actor}#${epoch}`;
}

/** The home in an address of a named actor, such as `@names/rates`; undefined for others. */
export function parseNamed(text: string): Home | undefined {
  const match = /^@(names|virtual)\/([\w:@/-]+)$/.exec(text);
  return match ? namedHome(`$${match[1]}` as Registry, match[2] as string) : undefined;
}

/** Reads what `ref.address` gives. Throws `INVALID_OPTION`. */
export function parseAddress(text: string): Address {
  const match = /^([\w-]+)\/([\w:@/-]+)(?:#(\d+))?$/.exec(text);
  if (!match) {
    throw new BonfireError(
      "INVALID_OPTION",
      `An actor's address is the text that its ref's "address" gives, got ${JSON.stringify(text)}`,
    );
  }
  const [, node, actor, epoch] = match as unknown as [string, string, string, string | undefined];
  return epoch === undefined ? { node, actor } : { node, actor, epoch: Number(epoch) };
}

/** Runs one closure of a bundle with the captures and arguments in a call's body: the same in every realm. */
import { BonfireError, CallFlag, type DecodeOptions, decode } from "@bonfire/wire";
import type { BundleTable } from "./bundles.ts";
import { iterated, type LiveCalls } from "./live-calls.ts";

/** What a call asks for. */
export interface CallSite {
  readonly id: number;
  readonly bundle: number;
  readonly site: number;
  /** See `CallFlag`. */
  readonly flags: number;
}

/** What starts the actor of a call. */
export interface ActorStarter {
  /** How refs are read among what it is started with. */
  importer(call: number): NonNullable<DecodeOptions["handle"]>;
  start(call: number, type: unknown, args: unknown, terms: unknown): Promise<unknown>;
}

/** The closure's result, which may be a promise. `body` is `u32 length of the captures | captures | args`. */
export function callSite(
  bundles: BundleTable,
  live: LiveCalls,
  actors: ActorStarter,
  { id, bundle, site, flags }: CallSite,
  body: Uint8Array,
  console: Console,
): unknown {
  const module = bundles.module(bundle);
  const make = module.sites[site];
  if (make === undefined) {
    throw new BonfireError(
      "BUNDLE_BROKEN",
      `Cannot run closure ${site} as its bundle has ${module.sites.length}: the two sides may run different versions`,
    );
  }
  const split = 4 + capturesLength(body);
  if (split >= body.length && split <= 4) return resultOf(make([], console)(), flags);
  const isActor = (flags & CallFlag.actor) !== 0;
  const options = bundles.decoding(console, (isActor ? actors : live).importer(id));
  const captures = split > 4 ? (decode(body.subarray(4, split), options) as unknown[]) : [];
  const args = body.length > split ? (decode(body.subarray(split), options) as never[]) : [];
  if (isActor) return actors.start(id, make(captures, console), args[0], args[1]);
  return resultOf(make(captures, console)(...args), flags);
}

function resultOf(result: unknown, flags: number): unknown {
  return flags & CallFlag.stream ? iterated(result) : result;
}

function capturesLength(body: Uint8Array): number {
  if (body.length < 4) return 0;
  return (body[0]! | (body[1]! << 8) | (body[2]! << 16) | (body[3]! << 24)) >>> 0;
}

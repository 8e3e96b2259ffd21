/**
 * From a function to what is sent of it. The captures are read and encoded at once, before anything is awaited, so
 * that what the caller changes afterwards does not reach the call.
 */
import { types } from "node:util";
import {
  type BlobPlace,
  BonfireError,
  type EncodeOptions,
  encode,
  fillBlobs,
  formatPath,
  type HandleReference,
  ValueRefused,
} from "@bonfire/wire";
import type { Bundle } from "./bundle.ts";
import { explicitClosure, findClosure } from "./find-closure.ts";
import { earlyName } from "./inspector.ts";
import { type Hole, resolveBundles } from "./needed-bundles.ts";
import { spokenPlace } from "./program-map.ts";
import { type Needs, referenceInto } from "./reference.ts";
import { type ShipFile, type Tag, tagOf } from "./registry.ts";
import type { SiteInfo } from "./ship-module.ts";

export interface Closure {
  /** Where the function stands: "src/a.ts:12:7". */
  readonly at: string;
  /** Which closure of the first bundle. */
  readonly site: number;
  /** Encoded; empty when it captures nothing. Final once `bundles` has given its array. */
  readonly captures: Uint8Array;
  /** See `SiteInfo.builtins`; what it uses of other files is not among them. */
  readonly builtins: readonly string[];
  /**
   * The closure's own bundle, then those that its captured values need: an array when all are built already.
   * Packages among `hostModules` are left out of them.
   * @throws BonfireError BUNDLE_FAILED
   */
  bundles(hostModules?: readonly string[]): readonly Bundle[] | Promise<readonly Bundle[]>;
}

export interface CaptureOptions {
  /** More bytes of captures than this are refused. Default 64 MB. */
  maxCaptureBytes?: number;
  /**
   * The captures are given by name as the first argument, so the function may use nothing but that and globals, and
   * needs neither the loader nor the inspector. Default false.
   */
  explicit?: boolean;
  /** How what is alive travels; without it such values are refused. */
  handle?: (value: object) => HandleReference | undefined;
}

const EMPTY = new Uint8Array(0);
const MAX_CAPTURE_BYTES = 64 * 1024 * 1024;
/** How many captures a refusal for size lists. */
const LISTED = 5;

/**
 * What has to be sent to run `target` elsewhere.
 * @throws BonfireError CAPTURE_REFUSED when it, or a value it captures, would not mean the same there.
 */
export function capture(target: object, options: CaptureOptions = {}): Closure {
  return captureTagged(
    tagOf(target) ?? (options.explicit ? explicitClosure(target) : findClosure(target)),
    options,
  );
}

function captureTagged(tag: Tag, options: CaptureOptions): Closure {
  const { file, site } = tag;
  const info = file.source.sites[site]!;
  const problem = info.problems.find(({ severity }) => severity === "error");
  if (problem) {
    const place = spokenPlace(file.source.file, problem.line, problem.column);
    throw new BonfireError(
      "CAPTURE_REFUSED",
      `Cannot ship the function at ${place} as it ${problem.message}`,
    );
  }
  // Without captures there may still be declarations that have to have run.
  const values = tag.captures ? readCaptures(tag, info) : [];
  if (info.names.length === 0) return withoutCaptures(file, site);
  const needs: Needs = new Map();
  const holes: Hole[] = [];
  const blobs: BlobPlace[] = [];
  const encoding = { ...encodeOptions(file, needs, holes, blobs), ...handling(options.handle) };
  let captures: Uint8Array;
  try {
    captures = encode(values, encoding);
  } catch (error) {
    throw refused(error, info.names, placeOf(file, info));
  }
  const limit = options.maxCaptureBytes ?? MAX_CAPTURE_BYTES;
  if (captures.length > limit) throw tooLarge(captures.length, limit, file, info, values, encoding);
  return new Captured(file, site, captures, needs, holes, blobs);
}

export interface EncodedArguments {
  /** Empty when there are none. Final once `bundles` has given its array. */
  readonly bytes: Uint8Array;
  /** The bundles that the arguments need, most often none. */
  bundles(hostModules?: readonly string[]): readonly Bundle[] | Promise<readonly Bundle[]>;
}

const NO_BUNDLES: readonly Bundle[] = [];
const NO_ARGUMENTS: EncodedArguments = { bytes: EMPTY, bundles: () => NO_BUNDLES };

/** @throws BonfireError VALUE_REFUSED naming the path: `arguments[0].socket`. */
export function encodeArguments(
  values: readonly unknown[],
  handle?: CaptureOptions["handle"],
): EncodedArguments {
  return values.length === 0 ? NO_ARGUMENTS : encodeMessage(values, "arguments", handle);
}

/** Any value on its way to a cell. @throws BonfireError VALUE_REFUSED naming the path from `root`. */
export function encodeMessage(
  value: unknown,
  root: string,
  handle?: CaptureOptions["handle"],
): EncodedArguments {
  const needs: Needs = new Map();
  const holes: Hole[] = [];
  const blobs: BlobPlace[] = [];
  const bytes = encode(value, {
    ...encodeOptions(undefined, needs, holes, blobs),
    ...handling(handle),
    root,
  });
  return {
    bytes,
    bundles: (hostModules) => {
      const bundles =
        needs.size === 0 ? NO_BUNDLES : resolveBundles(undefined, needs, bytes, holes, hostModules);
      return blobs.length === 0 ? bundles : fillBlobs(bytes, blobs).then(() => bundles);
    },
  };
}

function handling(handle: CaptureOptions["handle"]): Pick<EncodeOptions, "handle"> | undefined {
  return handle && { handle };
}

function readCaptures({ file, captures }: Tag, info: SiteInfo): unknown[] {
  try {
    return captures!();
  } catch (error) {
    const at = placeOf(file, info);
    const early = earlyName(error);
    const what = early === undefined ? "" : ` "${early}"`;
    const why =
      early === undefined
        ? `: ${(error as Error).message}`
        : " as it is declared further down: move the declaration above the call";
    throw new BonfireError("CAPTURE_REFUSED", `Cannot capture${what} at ${at}${why}`, { cause: error });
  }
}

function encodeOptions(
  own: ShipFile | undefined,
  needs: Needs,
  holes: Hole[],
  blobs: BlobPlace[],
): EncodeOptions {
  return {
    blobAt: (offset, blob) => blobs.push({ offset, blob }),
    reference: referenceInto(needs, own),
    isProxy: types.isProxy,
    hashAt: (offset, key) => holes.push({ offset, key }),
  };
}

const NONE: readonly never[] = [];

class Captured implements Closure {
  readonly site: number;
  readonly captures: Uint8Array;
  readonly #file: ShipFile;
  readonly #needs: Needs;
  readonly #holes: readonly Hole[];
  readonly #blobs: readonly BlobPlace[];
  #filled: Promise<unknown> | undefined;

  constructor(
    file: ShipFile,
    site: number,
    captures: Uint8Array,
    needs: Needs,
    holes: readonly Hole[],
    blobs: readonly BlobPlace[],
  ) {
    this.site = site;
    this.captures = captures;
    this.#file = file;
    // Ten thousand calls may wait, and most need nothing.
    this.#needs = needs.size > 0 ? needs : NO_NEEDS;
    this.#holes = holes.length > 0 ? holes : NONE;
    this.#blobs = blobs.length > 0 ? blobs : NONE;
  }

  get at(): string {
    return placeOf(this.#file, this.#file.source.sites[this.site]!);
  }

  get builtins(): readonly string[] {
    return this.#file.source.sites[this.site]!.builtins;
  }

  bundles(hostModules?: readonly string[]): readonly Bundle[] | Promise<readonly Bundle[]> {
    const bundles = resolveBundles(this.#file, this.#needs, this.captures, this.#holes, hostModules);
    if (this.#blobs.length === 0) return bundles;
    this.#filled ??= fillBlobs(this.captures, this.#blobs);
    return this.#filled.then(() => bundles);
  }
}

const NO_NEEDS: Needs = new Map();
const closuresWithoutCaptures = new WeakMap<ShipFile, Closure[]>();

/** Such closures are all alike, so there is one for each site. */
function withoutCaptures(file: ShipFile, site: number): Closure {
  let list = closuresWithoutCaptures.get(file);
  if (!list) {
    list = [];
    closuresWithoutCaptures.set(file, list);
  }
  list[site] ??= new Captured(file, site, EMPTY, NO_NEEDS, [], []);
  return list[site];
}

function placeOf(file: ShipFile, { line, column }: SiteInfo): string {
  return spokenPlace(file.source.file, line, column);
}

function refused(error: unknown, names: readonly string[], at: string): unknown {
  if (!(error instanceof ValueRefused)) return error;
  const [first, ...rest] = error.path;
  const path = formatPath(typeof first === "number" ? (names[first] ?? "") : "", rest);
  return new BonfireError("CAPTURE_REFUSED", `Cannot capture "${path}" at ${at} as it ${error.reason}`);
}

function tooLarge(
  size: number,
  limit: number,
  file: ShipFile,
  info: SiteInfo,
  values: readonly unknown[],
  encoding: EncodeOptions,
): BonfireError {
  const sizes = info.names.map((name, index) => ({
    name,
    size: encode(values[index], encoding).length,
  }));
  const largest = sizes.sort((left, right) => right.size - left.size).slice(0, LISTED);
  const list = largest.map((one) => `${one.name} ${megabytes(one.size)}`).join(", ");
  return new BonfireError(
    "CAPTURE_REFUSED",
    `Cannot capture ${megabytes(size)} at ${placeOf(file, info)} as the limit is ${megabytes(limit)} (${list}): pass less, or raise maxCaptureBytes`,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

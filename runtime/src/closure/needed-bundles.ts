/**
 * The bundles that a message needs. Values refer to a bundle by a key of the same length as its hash, as the hash is
 * known only when the bundle is built; then the keys in the message are replaced.
 */
import { type Bundle, bundleOf } from "./bundle.ts";
import type { Needs } from "./reference.ts";
import type { ShipFile } from "./registry.ts";

/** A place in the bytes where a bundle's hash has to be put in for its key. */
export interface Hole {
  offset: number;
  key: string;
}

const singleBundles = new WeakMap<Bundle, readonly Bundle[]>();

function single(bundle: Bundle): readonly Bundle[] {
  let list = singleBundles.get(bundle);
  if (!list) {
    list = [bundle];
    singleBundles.set(bundle, list);
  }
  return list;
}

function ownBundle(
  file: ShipFile,
  hostModules: readonly string[] | undefined,
): readonly Bundle[] | Promise<readonly Bundle[]> {
  const bundle = bundleOf(file, hostModules);
  return bundle instanceof Promise ? bundle.then(single) : single(bundle);
}

/** @param hostModules packages that the realm gives, which need not be in the bundles. */
export function resolveBundles(
  own: ShipFile | undefined,
  needs: Needs,
  bytes: Uint8Array,
  holes: readonly Hole[],
  hostModules?: readonly string[],
): readonly Bundle[] | Promise<readonly Bundle[]> {
  if (own && needs.size === 0) return ownBundle(own, hostModules);
  const ownBuilt = own && bundleOf(own, hostModules);
  if (ownBuilt instanceof Promise)
    return ownBuilt.then((bundle) => resolveNeeds(bundle, needs, bytes, holes, hostModules));
  return resolveNeeds(ownBuilt, needs, bytes, holes, hostModules);
}

function resolveNeeds(
  own: Bundle | undefined,
  needs: Needs,
  bytes: Uint8Array,
  holes: readonly Hole[],
  hostModules: readonly string[] | undefined,
): readonly Bundle[] | Promise<readonly Bundle[]> {
  const keys = [...needs.keys()];
  const built = keys.map((key): Bundle | Promise<Bundle> => {
    const { file, className } = needs.get(key)!;
    // The same class twice would break `instanceof`, so the closure's own bundle is asked first.
    if (className !== undefined && own?.classes.includes(className)) return own;
    return bundleOf(file, hostModules);
  });
  const finish = (bundles: readonly Bundle[]): readonly Bundle[] => {
    const byKey = new Map(keys.map((key, index) => [key, bundles[index]!]));
    for (const { offset, key } of holes) fillIn(bytes, offset, byKey.get(key)!.hash);
    return [...new Set(own ? [own, ...bundles] : bundles)];
  };
  return built.some((one) => one instanceof Promise)
    ? Promise.all(built).then(finish)
    : finish(built as Bundle[]);
}

function fillIn(bytes: Uint8Array, offset: number, hash: string): void {
  for (let index = 0; index < hash.length; index++) bytes[offset + index] = hash.charCodeAt(index);
}

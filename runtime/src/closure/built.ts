/**
 * What the bundler plugin leaves in a program: each file registers its closures, with their finished bundle, before
 * the rest of it runs. So a built program needs neither its sources nor esbuild where it runs.
 */
import { createHash } from "node:crypto";
import { adopt, type Bundle } from "./bundle.ts";
import { addFile, registry, type ShipFile } from "./registry.ts";
import { type ShipSource, type SiteInfo, shortPath } from "./ship-module.ts";

export { registry };

interface BuiltFile {
  /** Relative to where the program was built, if it is below that. */
  path: string;
  sites: readonly SiteInfo[];
  classes: readonly string[];
  bundle: Bundle;
}

/** What `register` reads where the program runs, made where it is built. */
export function formatBuilt({ file, sites, classes }: ShipSource, bundle: Bundle): string {
  const built: BuiltFile = { path: shortPath(file), sites, classes, bundle: withShortSources(bundle) };
  return JSON.stringify(built);
}

/** The machine that runs the program has other folders, or should not be told those of the one that built it. */
function withShortSources(bundle: Bundle): Bundle {
  if (bundle.map === undefined) return bundle;
  const map = JSON.parse(bundle.map) as { sources: string[] };
  return { ...bundle, map: JSON.stringify({ ...map, sources: map.sources.map(shortPath) }) };
}

/** Make a built file's closures known. */
export function register(text: string): ShipFile {
  const { path, sites, classes, bundle } = JSON.parse(text) as BuiltFile;
  const url = `bonfire-built:${path}`;
  const key = createHash("sha256").update(url).update("\0").update(bundle.hash).digest("hex").slice(0, 16);
  const source: ShipSource = { file: path, code: "", map: "", sites, classes, shared: [], imports: {} };
  const file: ShipFile = { url, source, key, isBuilt: true };
  adopt(file, bundle);
  return addFile(file);
}

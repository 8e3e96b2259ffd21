/**
 * From a ship module to a bundle: esbuild takes in the project's own files and npm packages; node's builtins stay
 * outside, to be given by the realm. Building starts when a file loads, so that it is done by the first call.
 */
import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { Script } from "node:vm";
import { BonfireError } from "@bonfire/wire";
import type { BuildFailure, BuildResult, Message } from "esbuild";
import { readCache, writeCache } from "./bundle-cache.ts";
import { BUILTIN_NAMESPACE, shipPlugin } from "./bundle-plugin.ts";
import { META_DEFINES, metaOf } from "./file-meta.ts";
import { rememberBundle, type ShipFile } from "./registry.ts";
import { classKey, type ShipSource, shortPath } from "./ship-module.ts";
import { rememberMap } from "./stack.ts";

export interface Bundle {
  /** 16 hex digits of the content. */
  readonly hash: string;
  /** A script whose value is `(require, importModule) => ShipModule | Promise<ShipModule>`. */
  readonly code: string;
  /** Source map of `code` as JSON, with absolute paths as sources. */
  readonly map?: string;
  /** The node builtins it imports, without `node:`. */
  readonly builtins: readonly string[];
  /** Keys of the classes that it can revive; see `classKey`. */
  readonly classes: readonly string[];
  /** The npm packages that were taken in. */
  readonly packages: readonly string[];
}

/**
 * The bundle of a file: at once when it is built or in the cache, else when esbuild is done.
 * @param hostModules packages that are not to be taken in, as the realm gives them.
 */
export function bundleOf(file: ShipFile, hostModules: readonly string[] = []): Bundle | Promise<Bundle> {
  const whole = wholeBundle(file);
  if (hostModules.length === 0 || file.isBuilt) return whole;
  const without = (bundle: Bundle) => {
    const left = bundle.packages.filter((name) => hostModules.includes(name)).sort();
    return left.length === 0 ? bundle : wholeBundle(variantOf(file, left));
  };
  // Leaving a package out is also what helps when it cannot be bundled.
  return whole instanceof Promise
    ? whole.then(without, () => wholeBundle(variantOf(file, hostModules)))
    : without(whole);
}

function variantOf(file: ShipFile, left: readonly string[]): ShipFile {
  const id = left.join(" ");
  file.variants ??= new Map();
  let variant = file.variants.get(id);
  if (!variant) {
    variant = { url: file.url, key: file.key, source: { ...file.source, hostModules: left } };
    file.variants.set(id, variant);
  }
  return variant;
}

function wholeBundle(file: ShipFile): Bundle | Promise<Bundle> {
  if (file.bundle) return file.bundle;
  if (!file.building) {
    const built = buildBundle(file.source);
    if (!(built instanceof Promise)) return adopt(file, built);
    file.building = built.then((bundle) => adopt(file, bundle));
  }
  return file.building;
}

/**
 * From the cache, or from esbuild.
 * @throws BonfireError BUNDLE_FAILED
 */
export function buildBundle(source: ShipSource): Bundle | Promise<Bundle> {
  return readCache(source) ?? build(source);
}

/** Give a file its finished bundle. */
export function adopt(file: ShipFile, bundle: Bundle): Bundle {
  file.bundle = bundle;
  rememberBundle(file, bundle.hash);
  rememberMap(bundle);
  return bundle;
}

/** Begin to build without waiting; a failure is told to the first call that needs the bundle. */
export function warmBundle(file: ShipFile): void {
  const started = bundleOf(file);
  // The same promise is awaited, and its rejection reported, by that call.
  if (started instanceof Promise) started.catch(() => undefined);
}

async function build(source: ShipSource): Promise<Bundle> {
  const { build } = await import("esbuild");
  const directory = dirname(source.file);
  const { code: shipped, map: moved } = withMeta(source);
  const map = Buffer.from(moved).toString("base64");
  let result: BuildResult<{ write: false; metafile: true }>;
  const classKeys: string[] = [];
  try {
    result = await build({
      stdin: {
        // The last line makes it a module even if a closure asks for `module` or `exports`.
        contents: `${shipped}\nexport {};\n//# sourceMappingURL=data:application/json;base64,${map}`,
        resolveDir: directory,
        sourcefile: shipPath(source),
        loader: /x$/.test(source.file) ? "tsx" : "ts",
      },
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      platform: "node",
      mainFields: ["module", "main"],
      target: "es2024",
      sourcemap: "external",
      sourcesContent: false,
      outfile: `${directory}/bonfire.js`,
      absWorkingDir: directory,
      logLevel: "silent",
      keepNames: true,
      // A computed import() becomes a require() of the realm, as an isolate has no import() of its own.
      supported: { "dynamic-import": false, using: true },
      define: {
        ...META_DEFINES,
        "process.env.NODE_ENV": JSON.stringify(process.env.NODE_ENV ?? "production"),
      },
      plugins: [shipPlugin(classKeys, source.hostModules)],
    });
  } catch (error) {
    throw buildFailed(error as BuildFailure, source);
  }
  const output = result.outputFiles.find(({ path }) => path.endsWith(".js"))!;
  const mapFile = result.outputFiles.find(({ path }) => path.endsWith(".map"))!;
  const code = wrap(output.text.replace(SET_NAME, CHECK_NAME), source);
  const inputs = Object.values(result.metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const bundle: Bundle = {
    hash: createHash("sha256").update(code).digest("hex").slice(0, 16),
    code,
    map: absoluteSources(mapFile.text, directory),
    builtins: inputs
      .filter((input) => input.startsWith(`${BUILTIN_NAMESPACE}:`))
      .map((input) => input.slice(BUILTIN_NAMESPACE.length + 1)),
    classes: [...new Set([...source.shared.map((name) => classKey(source.file, name)), ...classKeys])],
    packages: [
      ...new Set(inputs.flatMap((input) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? [])),
    ],
  };
  writeCache(
    source,
    bundle,
    Object.keys(result.metafile.inputs).map((input) => resolve(directory, input)),
  );
  return bundle;
}

/** In a line of its own, by which the map moves. */
function withMeta({ file, code, map }: ShipSource): { code: string; map: string } {
  const meta = metaOf(file, code);
  if (meta === undefined) return { code, map };
  return { code: `${meta}\n${code}`, map: map.replace('"mappings":"', '"mappings":";') };
}

/** What esbuild calls on each function that it may have renamed: most have their name, which is cheaper to see than to set. */
const SET_NAME = "var __name = (target, value) => __defProp(";
const CHECK_NAME = "var __name = (target, value) => target.name === value ? target : __defProp(";

/** A name of its own for the ship module, so that it can import the file that it was made from. */
function shipPath(source: ShipSource): string {
  return `${source.file}.bonfire.ts`;
}

/** The line that stands before the bundled code, which the map has to be moved by. */
function wrap(code: string, source: ShipSource): string {
  const before =
    '(function (require, importModule) { "use strict"; const $bonfire = { classes: {}, require };\n';
  const after = "\nreturn $bonfire.module; })";
  const plain = `${before}${code}${after}`;
  try {
    new Script(plain);
    return plain;
  } catch (error) {
    // Only a module that awaits at its top level needs to be a promise.
    if (error instanceof SyntaxError && /await/.test(error.message)) return `(async ${plain.slice(1)}`;
    throw new BonfireError(
      "BUNDLE_FAILED",
      `Cannot bundle the closures of ${shortPath(source.file)} as the bundle is no script: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function absoluteSources(json: string, directory: string): string {
  const map = JSON.parse(json) as { sources: string[]; mappings: string; names: string[] };
  // One ";" for the line that `wrap` put before the code.
  return JSON.stringify({
    version: 3,
    names: [],
    sources: map.sources.map((source) => resolve(directory, source)),
    mappings: `;${map.mappings}`,
  });
}

function buildFailed(failure: Partial<BuildFailure>, source: ShipSource): BonfireError {
  if (!failure.errors)
    return new BonfireError("BUNDLE_FAILED", `Cannot bundle ${shortPath(source.file)}`, { cause: failure });
  const lines = failure.errors.map((message) => `${message.text} at ${placeOf(message, source)}`);
  return new BonfireError(
    "BUNDLE_FAILED",
    `Cannot bundle the closures of ${shortPath(source.file)} as ${lines.join("; ")}`,
    { cause: failure },
  );
}

function placeOf({ location, text }: Message, source: ShipSource): string {
  const file = location ? resolve(dirname(source.file), location.file) : source.file;
  if (location && file !== source.file && file !== shipPath(source))
    return `${shortPath(file)}:${location.line}:${location.column + 1}`;
  // The ship module has its imports elsewhere than the file: find the one that is meant by its name.
  const specifier = Object.keys(source.imports).find((name) => text.includes(JSON.stringify(name)));
  const place = specifier === undefined ? source.sites[0] : source.imports[specifier];
  return `${shortPath(source.file)}:${place?.line ?? 1}:${place?.column ?? 1}`;
}

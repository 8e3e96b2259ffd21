/**
 * Which packages hold native code. Such code cannot travel: a sandbox has it as a host module, and a process realm
 * loads it where it runs. A package that merely has one among its dependencies travels itself.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packageOf } from "@bonfire/wire";

/** What a package with an addon depends on, to build it or to find the binary that was built for this machine. */
const TOOLS = new Set([
  ...[
    "bindings",
    "nan",
    "napi-macros",
    "napi-postinstall",
    "node-addon-api",
    "node-pre-gyp",
    "prebuild-install",
  ],
  ...["node-gyp-build", "node-gyp-build-optional-packages", "pkg-prebuilds", "@mapbox/node-pre-gyp"],
]);
/** A package for one platform only, as `@img/sharp-linux-x64`. */
const PLATFORM = /[-/](?:linux|darwin|win32)[-_](?:x64|arm64)/;
/** Where addons lie in packages that bring their binaries along. */
const FOLDERS = ["", "bin", "build/Release", "dist", "lib", "native", "prebuilds"];
/** `bin/napi-v6/linux/x64/x.node` is as deep as they are seen. */
const DEEPEST = 3;

interface Manifest {
  readonly gypfile?: boolean;
  readonly binary?: object;
  readonly napi?: object;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const known = new Map<string, boolean>();

/** Whether the specifier, in a file of this directory, means a package with native code. */
export function isNativePackage(specifier: string, directory: string): boolean {
  const name = packageOf(specifier);
  if (name === undefined) return false;
  for (let above = directory; ; above = dirname(above)) {
    const folder = join(above, "node_modules", name);
    const native = known.get(folder) ?? look(folder);
    if (native !== undefined) return native;
    if (above === dirname(above)) return false;
  }
}

function look(folder: string): boolean | undefined {
  const manifest = manifestOf(folder);
  if (manifest === undefined) return undefined;
  const { gypfile, binary, napi, dependencies = {}, optionalDependencies = {} } = manifest;
  const native =
    gypfile === true ||
    binary !== undefined ||
    napi !== undefined ||
    Object.keys(dependencies).some((name) => TOOLS.has(name)) ||
    Object.keys(optionalDependencies).some((name) => PLATFORM.test(name)) ||
    FOLDERS.some((inner) => holdsAddon(join(folder, inner), inner === "" ? 0 : DEEPEST));
  known.set(folder, native);
  return native;
}

function manifestOf(folder: string): Manifest | undefined {
  const file = join(folder, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Manifest) : undefined;
}

function holdsAddon(folder: string, depth: number): boolean {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { withFileTypes: true }).some((entry) =>
    entry.isDirectory()
      ? depth > 0 && holdsAddon(join(folder, entry.name), depth - 1)
      : entry.name.endsWith(".node"),
  );
}

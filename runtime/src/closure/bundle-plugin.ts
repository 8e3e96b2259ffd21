/** What esbuild does not know about a realm: which modules it gives, what cannot travel, and which classes to expose. */
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { extname, sep } from "node:path";
import { grantFor, isHostModule } from "@bonfire/wire";
import type { Loader, Plugin } from "esbuild";
import { classNamesIn } from "./class-names.ts";
import { metaOf } from "./file-meta.ts";
import { isNativePackage } from "./native-package.ts";
import { REALM_SPECIFIER } from "./realm-export.ts";
import { classKey } from "./ship-module.ts";

export const BUILTIN_NAMESPACE = "bonfire-builtin";
/** Packages that stay outside; those of `…-eager` are loaded where they are required, not when they are first used. */
const HOST_NAMESPACE = "bonfire-host";
const EAGER_HOST_NAMESPACE = "bonfire-host-eager";
const RUNTIME_NAMESPACE = "bonfire-runtime";

const LOADERS: Record<string, Loader> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".jsx": "jsx",
};

/** In the first line, so that no line moves. */
function withMeta(path: string, text: string): string {
  const meta = metaOf(path, text);
  if (meta === undefined) return text;
  const hashbang = /^#!.*\n/.exec(text)?.[0] ?? "";
  return `${hashbang}${meta} ${text.slice(hashbang.length)}`;
}

/** Marks a resolution that this plugin asked for itself. */
const RESOLVING = Symbol("resolving");

function isPackage(path: string): boolean {
  return path.includes(`${sep}node_modules${sep}`);
}

/**
 * @param classKeys gets the keys of the classes that the project's own files in the bundle declare.
 * @param hostModules packages that stay outside, beside those with native code.
 */
export function shipPlugin(classKeys: string[], hostModules: readonly string[] = []): Plugin {
  return {
    name: "bonfire-ship",
    setup(build) {
      build.onResolve({ filter: /^@bonfire\/runtime(\/|$)/ }, ({ path }) => ({
        path,
        namespace: RUNTIME_NAMESPACE,
      }));
      build.onLoad({ filter: /.*/, namespace: RUNTIME_NAMESPACE }, () => ({
        contents: REALM_RUNTIME,
        loader: "js",
      }));
      build.onResolve(
        { filter: /^[./]/ },
        async ({ path, importer, kind, resolveDir, with: attributes, pluginData }) => {
          if (pluginData === RESOLVING || isPackage(importer)) return undefined;
          const found = await build.resolve(path, {
            importer,
            kind,
            resolveDir,
            with: attributes,
            pluginData: RESOLVING,
          });
          // A package.json may say that files have no side effects; making classes known is one all the same.
          return isPackage(found.path) ? found : { ...found, sideEffects: true };
        },
      );
      build.onResolve({ filter: /.*/ }, ({ path, importer, kind, resolveDir }) => {
        if (isBuiltin(path)) return { path: path.replace(/^node:/, ""), namespace: BUILTIN_NAMESPACE };
        if (path.endsWith(".node")) {
          const text = `native addon "${path}" cannot be shipped (imported by ${importer}): put it into a package, and give the pool grants: { hostModules: ["package"] } or realm: "process"`;
          return { errors: [{ text }] };
        }
        if (!isHostModule(path, { hostModules }) && !isNativePackage(path, resolveDir)) return undefined;
        // A package may try whether another is there; the project's own files share a bundle, and need not all use it.
        const isEager = kind !== "import-statement" || isPackage(importer);
        return { path, namespace: isEager ? EAGER_HOST_NAMESPACE : HOST_NAMESPACE };
      });
      build.onLoad({ filter: /.*/, namespace: HOST_NAMESPACE }, ({ path }) => ({
        contents: lazyHostText(path),
        loader: "js",
      }));
      build.onLoad({ filter: /.*/, namespace: EAGER_HOST_NAMESPACE }, ({ path }) => ({
        contents: `${lazyHostText(path)}\nload();`,
        loader: "js",
      }));
      build.onLoad({ filter: /.*/, namespace: BUILTIN_NAMESPACE }, ({ path }) => ({
        contents: builtinText(path),
        loader: "js",
      }));
      build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        const contents = withMeta(path, text);
        const names = isPackage(path) ? [] : classNamesIn(contents);
        if (names.length === 0 && contents === text) return undefined;
        const entries = names.map((name) => {
          const key = classKey(path, name);
          classKeys.push(key);
          return `${JSON.stringify(key)}: typeof ${name} === "function" ? ${name} : undefined`;
        });
        const loader = LOADERS[extname(path)] ?? "js";
        const known =
          names.length === 0 ? "" : `\n;Object.assign($bonfire.classes, { ${entries.join(", ")} });`;
        return { contents: contents + known, loader };
      });
    },
  };
}

/**
 * A builtin comes from the realm. One that needs a grant is asked for only when it is used, as the closures of a file
 * share a bundle and need not all go to pools with the same grants.
 */
function builtinText(name: string): string {
  const specifier = JSON.stringify(`node:${name}`);
  const module = process.getBuiltinModule(name) as object | undefined;
  if (grantFor(name) === "none needed" || typeof module !== "object") {
    return `module.exports = $bonfire.require(${specifier});`;
  }
  return `
let module$;
const load = () => module$ ??= $bonfire.require(${specifier});
for (const name of ${JSON.stringify(Object.keys(module))}) Object.defineProperty(module.exports, name, {
  enumerable: true, get: () => load()[name], set: (value) => { load()[name] = value; },
});`;
}

/**
 * A package that the cell loads itself. It stands for its default export, which may be called and constructed, and has
 * the named ones too, as in CommonJS; behind it is a module, or in a sandbox a proxy for one. esbuild's interop
 * copies own properties and keeps the prototype, so that is where all of them are found.
 */
function lazyHostText(specifier: string): string {
  return `
let loaded;
const load = () => loaded ??= { module: $bonfire.require(${JSON.stringify(specifier)}) };
const main = () => { const { module } = load(); return typeof module === "function" ? module : module.default ?? module; };
const get = (_, key) => {
  if (key === "then" || key === "__esModule") return undefined;
  const { module } = load();
  return typeof module === "function" || key in module ? module[key] : main()[key];
};
const names = new Proxy(Object.create(null), { get });
module.exports = new Proxy(function () {}.bind(), {
  get,
  set: (_, key, value) => Reflect.set(main(), key, value),
  apply: (_, self, args) => Reflect.apply(main(), self, args),
  construct: (_, args) => Reflect.construct(main(), args),
  getPrototypeOf: () => names,
  ownKeys: () => [],
  getOwnPropertyDescriptor: () => undefined,
});`;
}

/**
 * Actors are of the realm's own class, and errors of its own too. Closures may mention the rest of the runtime (a helper
 * that also serves the driver, say) but not use it there. The proxy is the prototype, as esbuild's interop keeps that and
 * copies only own properties.
 */
const REALM_RUNTIME = `
module.exports = Object.create(new Proxy($bonfire.require(${JSON.stringify(REALM_SPECIFIER)}), {
  get(target, name) {
    if (Object.hasOwn(target, name)) return target[name];
    if (name === "__esModule" || name === "then" || typeof name === "symbol") return undefined;
    return () => { throw new Error("Cannot use " + name + " of @bonfire/runtime inside a shipped closure: it belongs to the driver"); };
  },
}));`;

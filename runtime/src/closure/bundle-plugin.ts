/** What esbuild does not know about a realm: which modules it gives, what cannot travel, and which classes to expose. */
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { extname, sep } from "node:path";
import type { Loader, Plugin } from "esbuild";
import { classNamesIn } from "./class-names.ts";
import { classKey } from "./ship-module.ts";

export const BUILTIN_NAMESPACE = "bonfire-builtin";
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

/** @param classKeys gets the keys of the classes that the project's own files in the bundle declare. */
export function shipPlugin(classKeys: string[]): Plugin {
  return {
    name: "bonfire-ship",
    setup(build) {
      build.onResolve({ filter: /^@bonfire\/runtime(\/|$)/ }, ({ path }) => ({ path, namespace: RUNTIME_NAMESPACE }));
      build.onLoad({ filter: /.*/, namespace: RUNTIME_NAMESPACE }, () => ({ contents: DRIVER_ONLY, loader: "js" }));
      build.onResolve({ filter: /.*/ }, ({ path, importer }) => {
        if (isBuiltin(path)) return { path: path.replace(/^node:/, ""), namespace: BUILTIN_NAMESPACE };
        if (path.endsWith(".node")) {
          return { errors: [{ text: `native addon "${path}" cannot be shipped (imported by ${importer})` }] };
        }
        return undefined;
      });
      build.onLoad({ filter: /.*/, namespace: BUILTIN_NAMESPACE }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(`node:${path}`)} + "");`,
        loader: "js",
      }));
      build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, ({ path }) => {
        if (path.includes(`${sep}node_modules${sep}`)) return undefined;
        const contents = readFileSync(path, "utf8");
        const names = classNamesIn(contents);
        if (names.length === 0) return undefined;
        const entries = names.map((name) => {
          const key = classKey(path, name);
          classKeys.push(key);
          return `${JSON.stringify(key)}: typeof ${name} === "function" ? ${name} : undefined`;
        });
        const loader = LOADERS[extname(path)] ?? "js";
        return { contents: `${contents}\n;Object.assign($bonfire.classes, { ${entries.join(", ")} });`, loader };
      });
    },
  };
}

/** Closures may mention the runtime (a captured type, a helper that also serves the driver) but not use it there. */
const DRIVER_ONLY = `
module.exports = new Proxy({}, {
  get(target, name) {
    if (name === "__esModule" || typeof name === "symbol") return undefined;
    return () => { throw new Error("Cannot use " + name + " of @bonfire/runtime inside a shipped closure: it belongs to the driver"); };
  },
});`;

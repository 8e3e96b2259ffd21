/**
 * Classes that no loader has told of, when an instance of one comes back: a function that was shipped can see the
 * classes of its file, and the functions that it calls can see those of theirs.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Callable } from "@bonfire/wire";
import { inspectFunction } from "./inspector.ts";
import { placeOfText } from "./known-source.ts";
import { classByKey, registerClass, sharedFunctions } from "./registry.ts";

/** How many functions are looked at for one class. */
const LOOKED_AT = 300;
const notFound = new Set<string>();

/** See `classByKey`. */
export function findClass(key: string, bundle: string): Callable | undefined {
  const known = classByKey(key, bundle);
  if (known || notFound.has(key)) return known;
  const [file, name] = key.split("#") as [string, string];
  const path = resolve(file);
  const seen = new Set<unknown>();
  const queue = [...sharedFunctions()];
  for (let next = queue.shift(); next && seen.size < LOOKED_AT; next = queue.shift()) {
    if (seen.has(next)) continue;
    seen.add(next);
    for (const scope of inspectFunction(next).scopes) {
      if (scope === globalThis) continue;
      const found = Object.hasOwn(scope, name) ? scope[name] : undefined;
      if (typeof found === "function" && isClassOf(found, path)) {
        registerClass(found, pathToFileURL(path).href, name);
        return found as Callable;
      }
      for (const one of Object.values(scope)) if (typeof one === "function") queue.push(one);
    }
  }
  notFound.add(key);
  return undefined;
}

function isClassOf(value: object, path: string): boolean {
  const text = Function.prototype.toString.call(value);
  return (
    text.startsWith("class") && placeOfText(text, inspectFunction(value).location, () => [path]) !== undefined
  );
}

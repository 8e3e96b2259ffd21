/**
 * Runs captured closures as an executor would, only near: in a vm context, and in a bare isolate. Only bytes and code
 * go in, only bytes come out.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { type Bundle, capture, encodeArguments, reviveError, reviveValue } from "@bonfire/runtime/internal";
import { build } from "esbuild";
import type ivmTypes from "isolated-vm";

const require = createRequire(import.meta.url);
const ivm = require("isolated-vm") as typeof ivmTypes;

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(import.meta.resolve("@bonfire/wire"))],
  bundle: true,
  write: false,
  format: "iife",
  globalName: "wire",
  platform: "neutral",
});
const codec = outputFiles[0]!.text;

const EXECUTE = `(async (bundles, site, captures, args, require) => {
  const modules = new Map();
  for (const { hash, code } of bundles) {
    modules.set(hash, await (0, eval)(code + "\\n//# sourceURL=bonfire:" + hash)(require, require));
  }
  const options = { module: (hash) => modules.get(hash), require };
  const reference = wire.shippedClasses(modules);
  try {
    const closure = modules.get(bundles[0].hash).sites[site](wire.decode(captures, options) ?? [], console);
    const value = await closure(...(wire.decode(args, options) ?? []));
    return { ok: true, bytes: wire.encode(value, { root: "result", reference }) };
  } catch (error) {
    return { ok: false, bytes: wire.encode(error, { root: "error", reference }) };
  }
})`;

interface Outcome {
  ok: boolean;
  bytes: Uint8Array;
}
type Execute = (
  bundles: readonly Bundle[],
  site: number,
  captures: Uint8Array,
  args: Uint8Array,
) => Promise<Outcome>;

/** A realm with node's builtins. */
export const inContext: Execute = async (bundles, site, captures, args) => {
  const { Buffer, URL, URLSearchParams, Headers, setTimeout, process } = globalThis;
  const context = vm.createContext({ console, Buffer, URL, URLSearchParams, Headers, setTimeout, process });
  vm.runInContext(codec, context);
  const execute = vm.runInContext(EXECUTE, context) as (...given: unknown[]) => Promise<Outcome>;
  // What a realm has of the runtime is not tested here.
  const given = (name: string) => (name === "bonfire:runtime" ? {} : require(name));
  return execute(bundles, site, captures, args, given);
};

/** A realm with nothing but the language. */
export const inIsolate: Execute = async (bundles, site, captures, args) => {
  const isolate = new ivm.Isolate({ memoryLimit: 128 });
  try {
    const context = isolate.createContextSync();
    context.evalSync(`${codec}; globalThis.console = {};`);
    const { ok, bytes } = (await context.evalClosure(
      `const none = () => ({});
       return ${EXECUTE}($0, $1, new Uint8Array($2), new Uint8Array($3), none)
         .then(({ ok, bytes }) => ({ ok, bytes: bytes.slice().buffer }));`,
      [bundles.map(({ hash, code }) => ({ hash, code })), site, captures.slice().buffer, args.slice().buffer],
      { arguments: { copy: true }, result: { copy: true, promise: true } },
    )) as { ok: boolean; bytes: ArrayBuffer };
    return { ok, bytes: new Uint8Array(bytes) };
  } finally {
    isolate.dispose();
  }
};

type AnyFunction = (...values: never[]) => unknown;
type Returned<Fn> = Fn extends (...values: never[]) => infer Result ? Awaited<Result> : never;

/** As much of a pool as captures need. */
export class TestPool {
  readonly #execute: Execute;
  /** How many bundles the last call needed. */
  bundles = 0;

  constructor(execute: Execute) {
    this.#execute = execute;
  }

  call<Fn extends AnyFunction>(fn: Fn, ...args: Parameters<Fn>): Promise<Returned<Fn>> {
    return this.#run(capture(fn), args) as Promise<Returned<Fn>>;
  }

  explicit<Captures, Result>(
    captures: Captures,
    fn: (captures: Captures) => Result,
  ): Promise<Awaited<Result>> {
    return this.#run(capture(fn, { explicit: true }), [captures]) as Promise<Awaited<Result>>;
  }

  async #run(closure: ReturnType<typeof capture>, args: readonly unknown[]): Promise<unknown> {
    const callSite = new Error();
    const encoded = encodeArguments(args);
    const bundles = [...(await closure.bundles()), ...(await encoded.bundles())];
    this.bundles = bundles.length;
    const { ok, bytes } = await this.#execute(
      [...new Set(bundles)],
      closure.site,
      closure.captures,
      encoded.bytes,
    );
    if (!ok) throw reviveError(bytes, callSite);
    return reviveValue(bytes);
  }
}

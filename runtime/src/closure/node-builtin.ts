/** Functions and instances that node made, by the module that they come from. */
import { builtinModules } from "node:module";

/** Loading these would warn, start something, or ask for a flag. */
const LEFT_OUT =
  /^(node:|_|punycode$|sys$|wasi$|inspector|trace_events$|sqlite$|repl$|test|sea$|cluster$|worker_threads$)/;

interface Export {
  module: string;
  path: string;
}

let exportsOf: Map<object, Export> | undefined;

function build(): Map<object, Export> {
  const found = new Map<object, Export>();
  for (const module of builtinModules) {
    if (LEFT_OUT.test(module)) continue;
    const value = process.getBuiltinModule(module) as Record<string, unknown> | undefined;
    if (!value) continue;
    if (!found.has(value)) found.set(value, { module, path: "" });
    for (const path of Object.keys(value)) {
      const member = Object.getOwnPropertyDescriptor(value, path)?.value as unknown;
      if (typeof member === "function" && !found.has(member)) found.set(member, { module, path });
    }
  }
  return found;
}

/** The builtin module, or the export of one, that `value` is. */
export function builtinExport(value: object): Export | undefined {
  exportsOf ??= build();
  return exportsOf.get(value);
}

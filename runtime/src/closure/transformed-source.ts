/**
 * Programs whose files are changed as they load (tsx, vitest and the like): the text that runs is in no file, but a
 * source map leads from where V8 has a function to where it stands in its source.
 */
import { findSourceMap } from "node:module";
import { debuglog, getCallSites } from "node:util";
import type { ScriptLocation } from "./inspector.ts";
import { FRAMES, pathOfScript } from "./known-source.ts";

const debug = debuglog("bonfire");

/** Stands before the name of a script that is in no file: a line of the REPL, say. */
export const SCRIPT = "script:";

export interface SourcePosition {
  path: string;
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

/** Where the running script has it, whatever made that script; undefined when it is not on the stack. */
export function positionInScript({ scriptId, line, column }: ScriptLocation): SourcePosition | undefined {
  const name = siteOf(scriptId)?.scriptName;
  if (name === undefined) return undefined;
  return { path: pathOfScript(name) ?? `${SCRIPT}${name || "a script"}`, line: line + 1, column: column + 1 };
}

function siteOf(scriptId: string) {
  return getCallSites(FRAMES, { sourceMap: false }).find((one) => one.scriptId === scriptId);
}

/** Where the source has what V8 has at `location`; undefined when nothing on the stack leads there. */
export function positionInSource({ scriptId, line, column }: ScriptLocation): SourcePosition | undefined {
  const site = siteOf(scriptId);
  const path = site && pathOfScript(site.scriptName);
  if (path === undefined) return undefined;
  const entry = (findSourceMap(site!.scriptName) ?? findSourceMap(path))?.findEntry(line, column);
  if (entry && "originalLine" in entry) {
    const { originalSource, originalLine, originalColumn } = entry;
    const source = pathOfScript(originalSource) ?? path;
    return { path: source, line: originalLine + 1, column: originalColumn + 1 };
  }
  return positionInStack(site!.scriptName, line + 1, column + 1);
}

/** Tools that map stacks themselves do so in `Error.prepareStackTrace`: it is asked about a frame at that place. */
function positionInStack(script: string, line: number, column: number): SourcePosition | undefined {
  const { prepareStackTrace } = Error;
  if (typeof prepareStackTrace !== "function") return undefined;
  let stack: string;
  try {
    stack = String(prepareStackTrace(new Error(), [new Frame(script, line, column) as never]));
  } catch (error) {
    // It is anybody's function, and may ask a frame for what only V8's own have; then the text itself travels.
    debug("cannot ask Error.prepareStackTrace about %s: %s", script, error);
    return undefined;
  }
  const [, file, row, offset] =
    /\(?((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*?):(\d+):(\d+)\)?\s*$/.exec(stack) ?? [];
  const path = file === undefined ? undefined : pathOfScript(file);
  if (path === undefined || (Number(row) === line && Number(offset) === column)) return undefined;
  return { path, line: Number(row), column: Number(offset) };
}

/** What V8 gives to `prepareStackTrace`; what is not about the position is answered with nothing. */
class Frame {
  readonly #script: string;
  readonly #line: number;
  readonly #column: number;

  constructor(script: string, line: number, column: number) {
    this.#script = script;
    this.#line = line;
    this.#column = column;
  }

  getFileName(): string {
    return this.#script;
  }

  getScriptNameOrSourceURL(): string {
    return this.#script;
  }

  getLineNumber(): number {
    return this.#line;
  }

  getColumnNumber(): number {
    return this.#column;
  }

  toString(): string {
    return `${this.#script}:${this.#line}:${this.#column}`;
  }
}

for (const fact of "Async Constructor Eval Native PromiseAll Toplevel".split(" "))
  Object.defineProperty(Frame.prototype, `is${fact}`, { value: () => false });
for (const fact of "EvalOrigin Function FunctionName MethodName PromiseIndex This TypeName".split(" "))
  Object.defineProperty(Frame.prototype, `get${fact}`, { value: () => null });

/**
 * Functions and classes come back to life, only where the receiver takes code (`DecodeOptions.module`). Values that
 * a function captures may lead back to the function, so it can exist before its captures do.
 */
import { BonfireError } from "../error.ts";
import type { Decoder } from "./decode.ts";
import { unwanted } from "./decode-exotic.ts";
import { type Callable, SourceForm } from "./reference.ts";

/** An export of a node builtin. */
export function builtin(decoder: Decoder, module: string, path: string): unknown {
  const { require } = decoder.options;
  if (!require) throw unwanted(`${module}.${path}`);
  let value = require(module);
  for (const key of path === "" ? [] : path.split(".")) value = (value as Record<string, unknown>)[key];
  if (value === undefined) {
    throw new BonfireError(
      "VALUE_REFUSED",
      `Cannot receive "${module}.${path}" as this realm does not have it`,
    );
  }
  return value;
}

/** A class of a bundle, or the receiver's own; undefined when it has neither. */
export function classOf(decoder: Decoder, hash: string, name: string): Callable | undefined {
  const { module } = decoder.options;
  if (!module) return decoder.options.class?.(name, hash);
  const found = module(hash).classes[name];
  if (!found) {
    throw new BonfireError(
      "VALUE_REFUSED",
      `Cannot receive an instance of "${name}" as its bundle lacks that class`,
    );
  }
  return found;
}

/** A class without members for instances whose class the receiver lacks, so that they at least show its name. */
export function standInFor(key: string): Callable {
  const name = key.slice(key.indexOf("#") + 1);
  return { [name]: class {} }[name] as unknown as Callable;
}

/** A closure of a bundle, made when it is first called, as by then all of its captures are there. */
export function closure(decoder: Decoder): unknown {
  const { reader, options } = decoder;
  const hash = reader.text();
  const site = reader.count();
  const { module } = options;
  if (!module) throw unwanted("a closure");
  const captures: unknown[] = [];
  let made: Callable | undefined;
  const log = options.console ?? console;
  const make = (): Callable => {
    made ??= module(hash).sites[site]?.(captures, log);
    if (!made)
      throw new BonfireError("VALUE_REFUSED", `Cannot run closure ${site} of bundle ${hash} as it has none`);
    return made;
  };
  const value = function (this: unknown, ...values: unknown[]): unknown {
    return new.target ? Reflect.construct(make(), values) : Reflect.apply(make(), this, values);
  };
  decoder.objects.push(value);
  for (let left = reader.length(); left > 0; left--) captures.push(decoder.value());
  return value;
}

/** A function or class of its own text. */
export function source(decoder: Decoder): unknown {
  const { reader, objects } = decoder;
  const text = reader.text();
  const form = reader.byte();
  const at = reader.text();
  if (!decoder.options.module) throw unwanted(`the function of ${at}`);
  const names = Array.from({ length: reader.length() }, () => reader.text());
  if (form === SourceForm.class) {
    // A class runs its heritage and statics as it is made, so what it captures has to be there before.
    const number = objects.push(undefined) - 1;
    const values = names.map(() => decoder.value());
    objects[number] = compileSource(text, form, at, names, values).made;
    return objects[number];
  }
  const { made, bind } = compileSource(text, form, at, names, []);
  objects.push(made);
  bind(names.map(() => decoder.value()));
  return made;
}

/** Around a function's text, so that the text is an expression; `\n` keeps the text's own first line apart. */
const FORMS: Record<number, readonly [string, string]> = {
  [SourceForm.expression]: ["(\n", "\n)"],
  [SourceForm.class]: ["(\n", "\n)"],
  // What is written like a method may be a getter: both parse inside an object literal.
  [SourceForm.method]: [
    "(d => d.value ?? d.get ?? d.set)(Object.values(Object.getOwnPropertyDescriptors({\n",
    "\n}))[0])",
  ],
  [SourceForm.asyncMethod]: ["Object.values({ async\n", "\n})[0]"],
  [SourceForm.getter]: [
    "(d => d.get ?? d.set)(Object.values(Object.getOwnPropertyDescriptors({\n",
    "\n}))[0])",
  ],
};

/**
 * The function with this text, made before or after the values of `names` are there. Its script is named after the
 * place in the user's program, so that a stack can be put right: see `SOURCE_SCRIPT`.
 */
function compileSource(
  text: string,
  form: number,
  at: string,
  names: readonly string[],
  values: readonly unknown[],
): { made: Callable; bind(values: readonly unknown[]): void } {
  const [before, after] = FORMS[form] ?? FORMS[SourceForm.expression]!;
  const list = names.join(", ");
  // No name of ours may hide one of the text's, and nothing may stand where it would name an anonymous function.
  const body = `"use strict"; ${list === "" ? "" : `let [${list}] = arguments[0];`} return [${before}${text}${after},
function () { ${list === "" ? "" : `[${list}] = arguments[0];`} }];
//# sourceURL=${SOURCE_SCRIPT}${encodeURIComponent(at)}`;
  type Compiled = [made: Callable, bind: (values: readonly unknown[]) => void];
  const [made, bind] = (new Function(body) as (values: readonly unknown[]) => Compiled)(values);
  return { made, bind };
}

/** Scripts of this name hold one function; the rest of the name is where its text starts in the user's program. */
export const SOURCE_SCRIPT = "bonfire-source:";
/** How many lines of such a script come before the text. */
export const SOURCE_LINES_BEFORE = 3;

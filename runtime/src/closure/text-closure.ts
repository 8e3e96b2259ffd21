/** The bundle of a function that travels by its text alone: no file, no imports, nothing to build. */
import { createHash } from "node:crypto";
import { isBuiltin } from "node:module";
import { packageOf } from "@bonfire/wire";
import { adopt, type Bundle } from "./bundle.ts";
import { readFunctionText } from "./function-text.ts";
import { registerFile, type ShipFile } from "./registry.ts";
import { ShipText } from "./ship-text.ts";
import type { SourcePosition } from "./transformed-source.ts";

const KEPT = 2000;
const known = new Map<string, ShipFile>();

/** As many letters as `import`, so that columns stay. */
const IMPORT = "$impor";

const AROUND: readonly (readonly [string, string])[] = [
  ["(\n", "\n)"],
  ["Object.values(Object.getOwnPropertyDescriptors({\n", "\n}))[0].value"],
  ["Object.values({ async\n", "\n})[0]"],
];

/**
 * @param names what it captures, in order
 * @param place where it stands, for the stacks of its errors
 */
export function shipText(
  text: string,
  names: readonly string[],
  place: SourcePosition | undefined,
): ShipFile {
  const at = place ? `${place.path}:${place.line}:${place.column}` : "";
  const id = [text, at, ...names].join("\0");
  let file = known.get(id);
  if (!file) {
    if (known.size >= KEPT) known.clear();
    file = make(text, names, place);
    known.set(id, file);
  }
  return file;
}

function make(text: string, names: readonly string[], place: SourcePosition | undefined): ShipFile {
  const { form, dynamicImports, specifiers } = readFunctionText(text);
  const [before, after] = AROUND[form] ?? AROUND[0]!;
  const code = new ShipText({
    file: place?.path ?? "",
    code: replaceImports(text, dynamicImports),
    place: (offset) => placeAt(text, offset, place),
  });
  const parameters = `[${names.join(", ")}]${names.includes("console") ? "" : ", console"}`;
  code.raw(
    `(function (require, ${IMPORT}) { "use strict"; return { classes: {}, sites: [(${parameters}) => { `,
  );
  code.raw(`return ${before}`).slice(0, text.length).raw(`${after}; }] }; })`);
  // Nothing is bundled into it, so a package comes from the realm as a builtin does.
  const needed = specifiers.filter((name) => isBuiltin(name) || packageOf(name) !== undefined);
  const builtins = [...new Set(needed.map((name) => name.replace(/^node:/, "")))];
  const bundle: Bundle = {
    hash: createHash("sha256").update(code.text).digest("hex").slice(0, 16),
    code: code.text,
    ...(place && { map: code.map(place.path) }),
    builtins,
    classes: [],
    packages: [],
  };
  const site = {
    line: place?.line ?? 1,
    column: place?.column ?? 1,
    names,
    checks: [],
    problems: [],
    builtins,
  };
  const file = registerFile(`text:${bundle.hash}`, {
    file: place?.path ?? "inline",
    code: code.text,
    map: "",
    sites: [site],
    classes: [],
    shared: [],
    imports: {},
  });
  adopt(file, bundle);
  return file;
}

function replaceImports(text: string, offsets: readonly number[]): string {
  let result = text;
  for (const offset of offsets)
    result = result.slice(0, offset) + IMPORT + result.slice(offset + IMPORT.length);
  return result;
}

/** The place in the user's file of an offset in the function's text. */
function placeAt(
  text: string,
  offset: number,
  place: SourcePosition | undefined,
): { line: number; column: number } {
  const above = text.slice(0, offset).split("\n");
  const column = above.at(-1)!.length + 1;
  const first = above.length === 1;
  return {
    line: (place?.line ?? 1) + above.length - 1,
    column: first ? column + (place?.column ?? 1) - 1 : column,
  };
}

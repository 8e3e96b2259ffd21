/** What the loader makes of a source file: its closures tagged, its classes made known. */
import type { ShipSource } from "@bonfire/runtime/closure";
import { classTable, headOf, mark } from "./mark.ts";
import { rawSource } from "./raw-source.ts";

export interface Transformed {
  code: string;
  /** The file's closures; undefined when only its classes were made known. */
  source: ShipSource | undefined;
  /** For each closure whether it certainly goes to a pool, so that warnings about it are in place. */
  certain: readonly boolean[];
}

const REGISTRY = 'globalThis[Symbol.for("bonfire.ship")]';

/**
 * @param url names the file among the program's modules
 * @returns undefined when there is nothing to do
 */
export function transform(file: string, url: string, code: string): Transformed | undefined {
  const marked = mark(file, code);
  if (!marked) return undefined;
  const { text, parsed, certain, classes } = marked;
  const source = marked.source && rawSource(file, code, marked.source);
  if (source) {
    const head = `const $bonfire=${REGISTRY},$bonfireFile=${JSON.stringify(url)};`;
    text.appendLeft(headOf(parsed!.program), head);
  }
  if (classes.length > 0)
    text.append(`\n;${REGISTRY}?.classes(${JSON.stringify(url)},${classTable(classes)});`);
  return { code: text.toString(), source, certain };
}

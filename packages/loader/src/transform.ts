/** What the loader makes of a source file: its closures tagged, its classes made known. */
import type { ShipSource } from "@bonfire/runtime/closure";
import { classTable, headOf, mark } from "./mark.ts";
import { rawText } from "./raw-text.ts";

export interface Transformed {
  code: string;
  /** The file's closures; undefined when only its classes were made known. */
  source: ShipSource | undefined;
  /** For each closure whether it certainly goes to a pool, so that warnings about it are in place. */
  certain: readonly boolean[];
}

/** What other loaders leave at the end of a file that they have changed. */
const CHANGED = "\n//# sourceMappingURL=data:";
const REGISTRY = 'globalThis[Symbol.for("bonfire.ship")]';

/**
 * @param url names the file among the program's modules
 * @returns undefined when there is nothing to do
 */
export function transform(file: string, url: string, code: string): Transformed | undefined {
  const raw = code.includes(CHANGED) ? rawText(file) : undefined;
  const marked = mark(file, code, raw);
  if (!marked) return undefined;
  const { text, parsed, certain, classes, source } = marked;
  if (source) {
    const head = `const $bonfire=${REGISTRY},$bonfireFile=${JSON.stringify(url)};`;
    text.appendLeft(headOf(parsed!.program), head);
  }
  if (classes.length > 0)
    text.append(`\n;${REGISTRY}?.classes(${JSON.stringify(url)},${classTable(classes)});`);
  return { code: text.toString(), source, certain };
}

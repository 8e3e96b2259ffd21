/**
 * What is sent of a bundle's code to a cell that has other bundles already: its new text, and for the rest the places
 * in those bundles where the same text stands. An edited file costs the module that changed, not its packages.
 */

/** A piece of text, or where it stands in code that the cell has. */
export type CodePart = string | readonly [bundle: number, start: number, length: number];

/** Code below this is sent whole: naming its parts would hardly be shorter. In UTF-16 units, as all lengths here. */
const SMALL = 8 * 1024;
/** No module below this is a part of its own. */
const LEAST = 256;
/** So much code is remembered for each cell; then it is begun anew. */
const REMEMBERED = 32 * 1024 * 1024;
/** esbuild puts the name of a module on a line of its own before it. */
const MODULE = /^\/\/ \S/gm;

interface Place {
  readonly bundle: number;
  readonly start: number;
}

/** The code that one cell has been sent, by its modules. */
export class SentCode {
  readonly #places = new Map<string, Place>();
  #size = 0;

  /** The parts that the cell makes `code` of, which it has from now on under the number `bundle`. */
  add(bundle: number, code: string): CodePart[] {
    if (code.length < SMALL) return [code];
    if (this.#size + code.length > REMEMBERED) this.forget();
    this.#size += code.length;
    const parts: CodePart[] = [];
    for (const [start, end] of modules(code)) {
      const text = code.slice(start, end);
      const place = this.#places.get(text);
      if (!place) this.#places.set(text, { bundle, start });
      // What stands twice in this very bundle cannot be taken from it yet.
      const isThere = place !== undefined && place.bundle !== bundle;
      append(parts, isThere ? [place.bundle, place.start, text.length] : text);
    }
    return parts;
  }

  /** The cell may have dropped some of it: nothing is referred to until it is sent again. */
  forget(): void {
    this.#places.clear();
    this.#size = 0;
  }
}

/** Joined to the part before where the two are one. */
function append(parts: CodePart[], part: CodePart): void {
  const last = parts.at(-1);
  if (typeof part === "string") {
    if (typeof last === "string") parts[parts.length - 1] = last + part;
    else parts.push(part);
  } else if (
    typeof last === "object" &&
    last !== undefined &&
    last[0] === part[0] &&
    last[1] + last[2] === part[1]
  ) {
    parts[parts.length - 1] = [last[0], last[1], last[2] + part[2]];
  } else {
    parts.push(part);
  }
}

function* modules(code: string): Generator<[start: number, end: number]> {
  let start = 0;
  for (const { index } of code.matchAll(MODULE)) {
    if (index - start < LEAST) continue;
    yield [start, index];
    start = index;
  }
  yield [start, code.length];
}

/** The code of these parts; undefined when `codeOf` lacks a bundle that they refer to. */
export function joinCode(
  parts: readonly CodePart[],
  codeOf: (bundle: number) => string | undefined,
): string | undefined {
  let code = "";
  for (const part of parts) {
    if (typeof part === "string") {
      code += part;
      continue;
    }
    const base = codeOf(part[0]);
    if (base === undefined) return undefined;
    code += base.slice(part[1], part[1] + part[2]);
  }
  return code;
}

/**
 * The closures and classes of a source file, with its text ready to tag them: every closure that it hands to a pool
 * gets its number and a function that reads its captures. Nothing moves to another line.
 */
import {
  classNamesIn,
  mayHaveCallSites,
  type Node,
  type ShipSource,
  type Site,
  shipCallSites,
} from "@bonfire/runtime/closure";
import MagicString from "magic-string";
import { type ParsedFile, parseSource } from "./parse.ts";

export interface Marked {
  text: MagicString;
  /** The file's closures, as its own text has them; undefined when it hands none to a pool. */
  source: ShipSource | undefined;
  /** For each closure whether it certainly goes to a pool, so that problems of it are told. */
  certain: readonly boolean[];
  /** Names at the top level that may be classes. */
  classes: readonly string[];
  parsed: ParsedFile | undefined;
}

/** Built programs have this in them: their closures are tagged already. */
const BUILT = "@bonfire/runtime/built";

/** Undefined when there is nothing to do. */
export function mark(file: string, code: string): Marked | undefined {
  const classes = classNamesIn(code);
  const mayCall = mayHaveCallSites(code);
  if ((classes.length === 0 && !mayCall) || code.includes(BUILT)) return undefined;
  const parsed = mayCall ? parseSource(file, code) : undefined;
  const shipped = parsed && shipCallSites(parsed);
  if (!shipped && classes.length === 0) return undefined;
  const text = new MagicString(code);
  shipped?.sites.forEach((site, index) => {
    tag(text, site, index);
  });
  return {
    text,
    source: shipped?.source,
    certain: shipped?.sites.map(({ isCertain }) => isCertain) ?? [],
    classes,
    parsed,
  };
}

function tag(text: MagicString, { argument, reads }: Site, index: number): void {
  const thunk = reads.length === 0 ? "" : `,()=>[${reads.join(", ")}]`;
  text.prependRight(argument.start, "$bonfire.tag(");
  text.appendLeft(argument.end, `,$bonfireFile,${index}${thunk})`);
}

/** Where the transform's own words may begin: after a hashbang and directives, in the line of the first statement. */
export function headOf(program: Node): number {
  for (const statement of program.body as Node[]) {
    if (statement.type !== "ExpressionStatement" || typeof statement.directive !== "string")
      return statement.start;
  }
  return program.end;
}

/** An object of the classes; `typeof`, because the names were found without parsing. */
export function classTable(names: readonly string[]): string {
  return `{${names.map((name) => `${name}:typeof ${name}==="function"?${name}:0`).join(",")}}`;
}

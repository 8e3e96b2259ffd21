/**
 * The closures and classes of a source file, with its text ready to tag them: every closure that it hands to a pool
 * gets its number and a function that reads its captures. Nothing moves to another line.
 */
import {
  classNamesIn,
  mayHaveCallSites,
  type Node,
  type Shipped,
  type ShipSource,
  type Site,
  shipCallSites,
} from "@bonfire/runtime/closure";
import MagicString from "magic-string";
import { type ParsedFile, parseSource } from "./parse.ts";

export interface Marked {
  text: MagicString;
  /** The file's closures; undefined when it hands none to a pool. */
  source: ShipSource | undefined;
  /** For each closure whether it certainly goes to a pool, so that problems of it are told. */
  certain: readonly boolean[];
  /** Names at the top level that may be classes. */
  classes: readonly string[];
  parsed: ParsedFile | undefined;
}

/** Built programs have this in them: their closures are tagged already. */
const BUILT = "@bonfire/runtime/built";

/** Whether a file may have something to mark; it is not parsed for this. */
export function mayShip(code: string): boolean {
  return mayHaveCallSites(code) || classNamesIn(code).length > 0;
}

/**
 * @param raw the text on disk, where that is another: what has changed it may have put all classes into one line
 * @returns undefined when there is nothing to do
 */
export function mark(file: string, code: string, raw = code): Marked | undefined {
  const classes = classNamesIn(raw);
  const mayCall = mayHaveCallSites(code);
  if ((classes.length === 0 && !mayCall) || code.includes(BUILT)) return undefined;
  const parsed = mayCall ? parseSource(file, code) : undefined;
  const shipped = parsed && withRawSource(file, raw, parsed);
  if (!shipped && classes.length === 0) return undefined;
  const text = new MagicString(code);
  shipped?.sites.forEach((site, index) => {
    tag(text, site, index);
  });
  return {
    text,
    source: shipped?.source,
    certain: shipped?.sites.map(({ isCertain }) => isCertain) ?? [],
    // Minified classes are found by parsing only.
    classes: [...new Set([...classes, ...(shipped?.source.classes ?? [])])],
    parsed,
  };
}

/**
 * The closures of a text, shipped from the text on disk if that has the same ones, so that remote stacks name its
 * lines and nothing that other loaders and plugins have put in is taken along.
 */
function withRawSource(file: string, raw: string, parsed: ParsedFile): Shipped | undefined {
  const shipped = shipCallSites(parsed);
  if (!shipped || raw === parsed.code) return shipped;
  const rawParsed = parseSource(file, raw);
  const own = rawParsed && shipCallSites(rawParsed);
  if (!own || !hasAll(shipped.source, own.source)) return shipped;
  // The captures are read in the changed text.
  const sites = shipped.sites.map(({ argument }, index) => ({ ...own.sites[index]!, argument }));
  return { source: own.source, sites };
}

/** Whether what the closures on disk capture is there in the changed text too, under the same names. */
function hasAll(changed: ShipSource, raw: ShipSource): boolean {
  return (
    changed.sites.length === raw.sites.length &&
    raw.sites.every(({ names }, index) => names.every((name) => changed.sites[index]!.names.includes(name)))
  );
}

function tag(text: MagicString, { argument, reads, checks }: Site, index: number): void {
  const list = `[${reads.join(", ")}]`;
  // To mention a name is to be told if it is not declared yet.
  const values = checks.length === 0 ? list : `(${checks.join(", ")}, ${list})`;
  const thunk = reads.length + checks.length === 0 ? "" : `,()=>${values}`;
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

/** Tells the registry what the file's ship module has too; each is read when it is first asked for. */
export function sharing({ shared }: ShipSource): string {
  const list = shared.map((name) => `${name}:()=>${name}`).join(",");
  return list === "" ? "" : `$bonfire.share($bonfireFile,{${list}});`;
}

/** An object of the classes; `typeof`, because the names were found without parsing. */
export function classTable(names: readonly string[]): string {
  return `{${names.map((name) => `${name}:typeof ${name}==="function"?${name}:0`).join(",")}}`;
}

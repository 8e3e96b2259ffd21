/**
 * What a source file becomes: every closure that it hands to a pool is tagged with its number and a function that
 * reads its captures. Nothing moves to another line.
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
import { parseSource } from "./parse.ts";

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
  const classes = classNamesIn(code);
  const tail = classes.length === 0 ? "" : registration(classes, url);
  const parsed = mayHaveCallSites(code) ? parseSource(file, code) : undefined;
  const shipped = parsed && shipCallSites(parsed);
  if (!parsed || !shipped)
    return tail === "" ? undefined : { code: code + tail, source: undefined, certain: [] };
  const text = new MagicString(code);
  shipped.sites.forEach((site, index) => {
    tag(text, site, index);
  });
  const shared = shipped.source.shared.map((name) => `${name}:()=>${name}`);
  const share = shared.length === 0 ? "" : `$bonfire.share?.($bonfireFile,{${shared.join(",")}});`;
  text.appendLeft(
    headOf(parsed.program),
    `const $bonfire=${REGISTRY},$bonfireFile=${JSON.stringify(url)};${share}`,
  );
  return {
    code: text.toString() + tail,
    source: shipped.source,
    certain: shipped.sites.map(({ isCertain }) => isCertain),
  };
}

function tag(text: MagicString, { argument, reads, checks }: Site, index: number): void {
  const list = `[${reads.join(", ")}]`;
  // To mention a name is to be told if it is not declared yet.
  const values = checks.length === 0 ? list : `(${checks.join(", ")}, ${list})`;
  const thunk = reads.length + checks.length === 0 ? "" : `,()=>${values}`;
  text.prependRight(argument.start, "$bonfire.tag(");
  text.appendLeft(argument.end, `,$bonfireFile,${index}${thunk})`);
}

/** `typeof`, because the names were found without parsing. */
function registration(names: readonly string[], url: string): string {
  const entries = names.map((name) => `${name}:typeof ${name}==="function"?${name}:0`);
  return `\n;${REGISTRY}?.classes(${JSON.stringify(url)},{${entries.join(",")}});`;
}

/** After a hashbang and directives, in the line of the first statement. */
function headOf(program: Node): number {
  for (const statement of program.body as Node[]) {
    if (statement.type !== "ExpressionStatement" || typeof statement.directive !== "string")
      return statement.start;
  }
  return program.end;
}

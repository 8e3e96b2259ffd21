/** Tests of what docs/actors.md promises: each is named after a sentence there, and says which. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";

const PAGE = join(import.meta.dirname, "../../docs/actors.md");

/** The numbered sentences of docs/actors.md. */
export const sentences: ReadonlyMap<string, number> = new Map(
  Array.from(readFileSync(PAGE, "utf8").matchAll(/^(\d+)\. (.+)$/gm), ([, number, sentence]) => [
    sentence as string,
    Number(number),
  ]),
);

/** Throws if the page does not say `sentence`. */
export function guarantee(sentence: string, run: () => void | Promise<void>): void {
  const number = sentences.get(sentence);
  if (number === undefined) throw new Error(`docs/actors.md does not promise: ${sentence}`);
  test(`${number}. ${sentence}`, run);
}

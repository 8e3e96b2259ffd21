/**
 * Text put together from pieces of a source file and words of our own, with a source map that leads every token of
 * such a piece back to its place, so that stacks name the user's lines.
 */
import type { Place } from "./analyze/source-file.ts";

export interface TextSource {
  file: string;
  code: string;
  place(offset: number): Place;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export class ShipText {
  readonly #source: TextSource;
  #text = "";
  #mappings = "";
  /** Column in the current line of the output, and the last values that the map's differences count from. */
  #column = 0;
  #lastColumn = 0;
  #lastSourceLine = 0;
  #lastSourceColumn = 0;
  #lineHasSegment = false;

  constructor(source: TextSource) {
    this.#source = source;
  }

  /** Our own words. */
  raw(text: string): this {
    this.#advance(text);
    this.#text += text;
    return this;
  }

  /** The source from `start` to `end`, mapped. */
  slice(start: number, end: number): this {
    const text = this.#source.code.slice(start, end);
    const tokens = /[\w$]+|\n|[^\w\s$]/g;
    let done = 0;
    for (let token = tokens.exec(text); token; token = tokens.exec(text)) {
      this.#advance(text.slice(done, token.index));
      done = token.index;
      if (token[0] !== "\n") this.#segment(this.#source.place(start + token.index));
    }
    this.#advance(text.slice(done));
    this.#text += text;
    return this;
  }

  #advance(text: string): void {
    for (let at = text.indexOf("\n"), from = 0; ; from = at + 1, at = text.indexOf("\n", from)) {
      if (at === -1) {
        this.#column += text.length - from;
        return;
      }
      this.#mappings += ";";
      this.#column = 0;
      this.#lastColumn = 0;
      this.#lineHasSegment = false;
    }
  }

  #segment({ line, column }: Place): void {
    const fields = [
      this.#column - this.#lastColumn,
      0,
      line - 1 - this.#lastSourceLine,
      column - 1 - this.#lastSourceColumn,
    ];
    this.#mappings += (this.#lineHasSegment ? "," : "") + fields.map(variableLength).join("");
    this.#lastColumn = this.#column;
    this.#lastSourceLine = line - 1;
    this.#lastSourceColumn = column - 1;
    this.#lineHasSegment = true;
  }

  get text(): string {
    return this.#text;
  }

  /** The source map, version 3, as JSON; its only source is called `name`. */
  map(name: string): string {
    return JSON.stringify({ version: 3, sources: [name], names: [], mappings: this.#mappings });
  }
}

function variableLength(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    const digit = rest & 31;
    rest >>>= 5;
    text += DIGITS[rest > 0 ? digit | 32 : digit];
  } while (rest > 0);
  return text;
}

export function fail(word: string): never {
  throw new RangeError(`imported ${word}`); // line 2
}

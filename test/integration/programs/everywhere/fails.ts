export function fail(rate: number): never {
  const what: string = `rate ${rate}`;
  throw new RangeError(what);
}

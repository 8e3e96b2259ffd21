/** What tests have counted, for the summary at the end of a run. */
const MARK = "counted: ";

/** Says how often what has happened; `test/run.ts` repeats it at its end. */
export function counted(what: string, figures: Readonly<Record<string, number>>): void {
  const all = Object.entries(figures).map(([name, count]) => `${name} ${count.toLocaleString("en")}`);
  console.log(`${MARK}${what}: ${all.join(", ")}`);
}

/** What the output of a test file says of it. */
export function countsIn(output: string): string[] {
  const lines = output.split("\n").filter((line) => line.includes(MARK));
  return lines.map((line) => line.slice(line.indexOf(MARK) + MARK.length));
}

/** Code that is sent to a cell: only what the cell has not got, and exactly the same at the other end. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CodePart, joinCode, pack, SentCode } from "../dist/index.js";

const module = (name: string, length: number) =>
  `// ${name}\nvar ${name} = "${name.repeat(Math.ceil(length / name.length)).slice(0, length)}";\n`;
const bundle = (...names: string[]) => names.map((name) => module(name, 5_000)).join("");

/** The driver's and the cell's side of one cell. */
class Cell {
  readonly sent = new SentCode();
  readonly code = new Map<number, string>();

  load(number: number, code: string): CodePart[] {
    const parts = this.sent.add(number, code);
    const joined = joinCode(parts, (base) => this.code.get(base));
    assert.is(joined, code);
    this.code.set(number, joined as string);
    return parts;
  }
}

const literal = (parts: readonly CodePart[]) => parts.filter((part) => typeof part === "string").join("");

test("of a bundle that shares modules with an earlier one only the new modules are sent", () => {
  const cell = new Cell();
  assert.is(literal(cell.load(1, bundle("a", "b", "c", "d"))), bundle("a", "b", "c", "d"));
  const parts = cell.load(2, bundle("a", "changed", "c", "d"));
  assert.is(literal(parts), bundle("changed"));
  assert.is(parts.length, 3, "neighbours are one part");
  assert.ok(pack(parts).length < 5_200);
});

test("the parts may come from several bundles, and in another order", () => {
  const cell = new Cell();
  cell.load(1, bundle("a", "b"));
  cell.load(2, bundle("c", "d"));
  assert.is(literal(cell.load(3, bundle("d", "a", "b", "c"))), "");
});

test("what stands twice in a bundle is not taken from that bundle itself", () => {
  const cell = new Cell();
  const twice = bundle("a", "a");
  assert.is(literal(cell.load(1, twice)), twice);
});

test("after the cell dropped a bundle nothing refers to it", () => {
  const cell = new Cell();
  cell.load(1, bundle("a", "b"));
  cell.code.clear();
  assert.is(
    joinCode(cell.sent.add(2, bundle("a", "c")), (base) => cell.code.get(base)),
    undefined,
  );
  cell.sent.forget();
  assert.is(literal(cell.load(3, bundle("a", "c"))), bundle("a", "c"));
});

test("small code is sent whole and is no base for other code", () => {
  const cell = new Cell();
  assert.equal(cell.load(1, "return 1"), ["return 1"]);
  assert.equal(cell.load(2, "return 1"), ["return 1"]);
});

test.run();

/**
 * Programs as trees of small numbers, which fast-check knows how to make and to shrink; what a number means is decided
 * where the tree is written out as source. 0 is the simplest of everything.
 */
import fc from "fast-check";

export interface Tree {
  /** Which kind of statement or expression. */
  readonly pick: number;
  /** Which variable, name or constant. */
  readonly at: number;
  readonly of: readonly Tree[];
}

export interface ProgramTree {
  /** At the top of the file. */
  readonly module: readonly Tree[];
  /** In the function that makes the calls. */
  readonly body: readonly Tree[];
  /** What the last call's closure gives. */
  readonly last: Tree;
}

const DEPTH = 4;

function treeOf(depth: number): fc.Arbitrary<Tree> {
  const of = depth === 0 ? fc.constant([]) : fc.array(treeOf(depth - 1), { maxLength: 4 });
  return fc.record({ pick: fc.nat(255), at: fc.nat(15), of });
}

const tree = treeOf(DEPTH);

export const programs: fc.Arbitrary<ProgramTree> = fc.record({
  module: fc.array(tree, { maxLength: 4 }),
  body: fc.array(tree, { minLength: 1, maxLength: 5 }),
  last: tree,
});

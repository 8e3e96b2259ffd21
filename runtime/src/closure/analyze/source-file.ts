/** One parsed file with what the analysis asks again and again: who refers to what, what is where, what is above. */
import { analyzeScopes } from "./analyze-scopes.ts";
import type { Reference, Scope, Variable } from "./scope.ts";
import { endOf, type Node, type Parsed, startOf } from "./syntax.ts";

export interface Place {
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

export class SourceFile {
  readonly file: string;
  readonly code: string;
  readonly program: Node;
  readonly moduleScope: Scope;
  readonly calls: readonly Node[];
  readonly parents: ReadonlyMap<Node, Node | null>;
  /** In the order of the text. */
  readonly #references: readonly Reference[];
  readonly #byIdentifier = new Map<Node, Reference>();
  readonly #innermost = new Map<Node, Scope>();
  readonly #lineStarts: number[] = [0];

  constructor({ file, code, program }: Parsed) {
    this.file = file;
    this.code = code;
    this.program = program;
    const { scopes, references, parents, calls } = analyzeScopes(program);
    this.calls = calls;
    this.parents = parents;
    this.moduleScope = scopes.find(({ type }) => type === "module") ?? scopes[0]!;
    for (const scope of scopes) this.#innermost.set(scope.block, scope);
    for (const reference of references) this.#byIdentifier.set(reference.identifier, reference);
    this.#references = references.toSorted(
      (left, right) => startOf(left.identifier) - startOf(right.identifier),
    );
    for (let at = code.indexOf("\n"); at !== -1; at = code.indexOf("\n", at + 1))
      this.#lineStarts.push(at + 1);
  }

  place(offset: number): Place {
    const starts = this.#lineStarts;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  }

  offset({ line, column }: Place): number {
    return (this.#lineStarts[line - 1] ?? this.code.length) + column - 1;
  }

  /** The references whose identifier is inside `node`. */
  *referencesIn(node: Node): Generator<Reference> {
    const list = this.#references;
    let low = 0;
    let high = list.length;
    const start = startOf(node);
    const end = endOf(node);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (startOf(list[middle]!.identifier) < start) low = middle + 1;
      else high = middle;
    }
    for (; low < list.length && startOf(list[low]!.identifier) < end; low++) yield list[low]!;
  }

  /** The variable that an identifier stands for. */
  resolve(identifier: Node): Variable | null {
    return this.#byIdentifier.get(identifier)?.resolved ?? null;
  }

  /** The innermost scope at `node`. */
  scopeAt(node: Node): Scope {
    for (let above = this.parents.get(node) ?? null; above; above = this.parents.get(above) ?? null) {
      const scope = this.#innermost.get(above);
      if (scope) return scope;
    }
    return this.moduleScope;
  }
}

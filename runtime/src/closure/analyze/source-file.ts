/** One parsed file with what the analysis asks again and again: who refers to what, what is where, what is above. */
import { type Node, type Parsed, type Reference, type Scope, type Variable, walk } from "./syntax.ts";

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
  readonly scopes: Parsed["scopes"];
  readonly moduleScope: Scope;
  readonly parents = new Map<Node, Node | null>();
  readonly #references: Reference[] = [];
  readonly #byIdentifier = new Map<Node, Reference>();
  readonly #lineStarts: number[] = [0];

  constructor({ file, code, program, scopes }: Parsed) {
    this.file = file;
    this.code = code;
    this.program = program;
    this.scopes = scopes;
    this.moduleScope = scopes.scopes.find(({ type }) => type === "module") ?? scopes.scopes[0]!;
    for (const scope of scopes.scopes) {
      for (const reference of scope.references) {
        this.#references.push(reference);
        this.#byIdentifier.set(reference.identifier, reference);
      }
    }
    this.#references.sort((left, right) => startOf(left.identifier) - startOf(right.identifier));
    walk(program, (node, parent) => {
      this.parents.set(node, parent);
    });
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
    while (low < high) {
      const middle = (low + high) >> 1;
      if (startOf(list[middle]!.identifier) < node.start) low = middle + 1;
      else high = middle;
    }
    for (; low < list.length && startOf(list[low]!.identifier) < node.end; low++) yield list[low]!;
  }

  /** The variable that an identifier stands for. */
  resolve(identifier: Node): Variable | null {
    return this.#byIdentifier.get(identifier)?.resolved ?? null;
  }

  /** The innermost scope at `node`. */
  scopeAt(node: Node): Scope {
    for (let above = this.parents.get(node) ?? null; above; above = this.parents.get(above) ?? null) {
      const scope = this.scopes.acquire(above, true);
      if (scope) return scope;
    }
    return this.moduleScope;
  }
}

/** Both parsers give `range`; only some of the scope managers' own nodes lack `start`. */
function startOf(node: Node): number {
  return node.start ?? (node.range as [number, number])[0];
}

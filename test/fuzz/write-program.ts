/**
 * Writes a tree as source. Names come from a short list, so that they hide each other all the time; every expression
 * is total and gives data, and uses only what is declared above it, so that programs end.
 */
import type { ProgramTree, Tree } from "./program-tree.ts";

/** What a variable holds: nothing as long as its declaration is being written, data, an object with `p` and `q`, and things that can be called or made. */
type Kind = "early" | "data" | "let" | "object" | "function" | "class" | "instance" | "box" | "list";

interface Variable {
  readonly name: string;
  kind: Kind;
}

const NAMES = ["a", "b", "c", "d", "x"];
const LITERALS = ["0", "1", "-0", '"s"', "null", "2n", "undefined", "NaN", "true", "[1, , 3]", "0.5", '""'];
const NOTHING: Tree = { pick: 0, at: 0, of: [] };
/** Calls of functions that call functions multiply. */
const DEEPEST = 5;

class Scope {
  readonly variables: Variable[] = [];
  readonly #upper: Scope | undefined;
  readonly #prefix: string;

  constructor(upper?: Scope, prefix = "") {
    this.#upper = upper;
    this.#prefix = prefix;
  }

  /** A name that this scope does not have, most often one that an outer scope has. */
  fresh(at: number): string {
    for (let number = 0; ; number++) {
      const name = this.#prefix + NAMES[(at + number) % NAMES.length] + (number < NAMES.length ? "" : number);
      if (!this.variables.some((one) => one.name === name)) return this.declare(name, "early");
    }
  }

  declare(name: string, kind: Kind): string {
    const known = this.variables.find((one) => one.name === name);
    if (known) known.kind = kind;
    else this.variables.push({ name, kind });
    return name;
  }

  /** A variable of one of these kinds that is visible here; of any, when none is named. */
  find(at: number, ...kinds: Kind[]): Variable | undefined {
    const visible = new Map<string, Variable>();
    for (let scope: Scope | undefined = this; scope; scope = scope.#upper) {
      for (const variable of scope.variables) {
        if (!visible.has(variable.name)) visible.set(variable.name, variable);
      }
    }
    const fitting = [...visible.values()].filter(({ kind }) =>
      kinds.length === 0 ? kind !== "early" : kinds.includes(kind),
    );
    return fitting[at % fitting.length];
  }
}

/** @param number makes the program's names at the top of the file its own */
export function writeProgram({ module, body, last }: ProgramTree, number: number): string {
  const top = new Scope(undefined, `m${number}_`);
  const declarations = module.map((tree) => declaration(tree, top)).join("\n");
  const scope = new Scope(top);
  const statements = body.map((tree) => statement(tree, scope, 0)).join("\n");
  return `${declarations}
programs[${number}] = async (pool: Pool) => {
${statements}
${call(last, scope)}
};`;
}

function child(tree: Tree, index: number): Tree {
  return tree.of[index] ?? NOTHING;
}

/** A declaration that may stand anywhere. */
function declaration(tree: Tree, scope: Scope): string {
  const { at } = tree;
  const value = (index: number) => expression(child(tree, index), scope);
  const name = scope.fresh(at);
  switch (tree.pick % 14) {
    case 1: {
      const text = `let ${name}: any = ${value(0)};`;
      scope.declare(name, "let");
      return text;
    }
    case 2: {
      const text = `const ${name}: any = { p: ${value(0)}, q: ${value(1)} };`;
      scope.declare(name, "object");
      return text;
    }
    case 3: {
      const text = lambda(tree, scope);
      scope.declare(name, "function");
      return `const ${name}: any = ${text};`;
    }
    case 4: {
      const text = `function ${name}${parametersAndBody(tree, scope)}`;
      scope.declare(name, "function");
      return text;
    }
    case 5:
      return classDeclaration(tree, scope, name);
    case 6: {
      const type = scope.find(at, "class");
      if (!type) break;
      const text = `const ${name}: any = new ${type.name}(${value(0)});`;
      scope.declare(name, "instance");
      return text;
    }
    case 7: {
      const text = `const ${name}: any = { f: ${lambda(tree, scope)}, g${parametersAndBody(child(tree, 1), scope)}, p: ${value(2)}, q: 1 };`;
      scope.declare(name, "box");
      return text;
    }
    case 8: {
      const known = at % 2 ? scope.find(at, "function") : undefined;
      const text = `const ${name}: any = [${known?.name ?? lambda(tree, scope)}, ${lambda(child(tree, 0), scope)}];`;
      scope.declare(name, "list");
      return text;
    }
    case 9: {
      const text = `const { p: ${name}, ...${name}Rest }: any = { p: ${value(0)}, q: ${value(1)}, r: 1 };`;
      scope.declare(name, "data");
      scope.declare(`${name}Rest`, "object");
      return text;
    }
    case 10: {
      const text = `const [${name} = ${value(0)}, , ...${name}Rest]: any = [undefined, ${value(1)}, ${value(2)}];`;
      scope.declare(name, "data");
      scope.declare(`${name}Rest`, "data");
      return text;
    }
    case 11: {
      const base = value(0);
      scope.declare(name, "function");
      scope.declare(`${name}Other`, "function");
      const step = (other: string) =>
        `(n: any) { return Number(n) > 0 && Number(n) < 4 ? ${other}(Number(n) - 1) : ${base}; }`;
      return `function ${name}${step(`${name}Other`)}\nfunction ${name}Other${step(name)}`;
    }
    case 12: {
      const text = `var ${name}Var: any = ${value(0)};`;
      scope.declare(`${name}Var`, "let");
      return text;
    }
    case 13: {
      const other = scope.find(at, "object", "box", "instance");
      if (!other) break;
      const text = `const ${name}: any = ${other.name};`;
      scope.declare(name, other.kind);
      return text;
    }
  }
  const text = `const ${name}: any = ${value(0)};`;
  scope.declare(name, "data");
  return text;
}

function classDeclaration(tree: Tree, scope: Scope, name: string): string {
  const { at } = tree;
  const base = at % 2 === 0 ? undefined : scope.find(at, "class");
  const inside = new Scope(scope);
  inside.declare("given", "data");
  const give = expression(child(tree, 0), inside, 1);
  const fixed = expression(child(tree, 1), scope, 1);
  const text = `class ${name}${base ? ` extends ${base.name}` : ""} {
  own: any;
  static fixed: any = typeof ${fixed};
  constructor(given: any) { ${base ? "super(given); " : ""}this.own = given; }
  give(given: any): any { return [${give}, this.own, ${base ? "super.give(given)" : "given"}]; }
  get twice(): any { return [this.own, this.own]; }
}
const ${name}One: any = new ${name}(${tree.at});`;
  scope.declare(name, "class");
  scope.declare(`${name}One`, "instance");
  return text;
}

/** A function as a value, in one of its forms. */
function lambda(tree: Tree, scope: Scope): string {
  const { at } = tree;
  switch (at % 4) {
    case 1:
      return `function ${parametersAndBody(tree, scope)}`;
    case 2:
      return `function self${parametersAndBody(tree, scope)}`;
    case 3: {
      const inside = new Scope(scope);
      inside.declare(NAMES[at % NAMES.length]!, "data");
      return `Object.assign((${NAMES[at % NAMES.length]}: any): any => ${expression(child(tree, 0), inside, 1)}, { p: ${at} })`;
    }
  }
  const inside = new Scope(scope);
  const name = inside.declare(NAMES[(at >> 2) % NAMES.length]!, "data");
  return `(${name}: any = ${expression(child(tree, 1), scope, 1)}): any => (${expression(child(tree, 0), inside, 1)})`;
}

function parametersAndBody(tree: Tree, scope: Scope): string {
  const inside = new Scope(scope);
  const name = inside.declare(NAMES[tree.at % NAMES.length]!, "data");
  const local = inside.fresh(tree.at + 1);
  const first = expression(child(tree, 0), inside, 1);
  inside.declare(local, "data");
  return `(${name}: any): any { const ${local}: any = ${first}; return ${expression(child(tree, 1), inside, 1)}; }`;
}

function statement(tree: Tree, scope: Scope, depth: number): string {
  const { at, of } = tree;
  const block = (inner: Scope, trees = of) => {
    const lines = trees.map((one) => statement(one, inner, depth + 1));
    return `{\n${lines.join("\n")}\n${lines.length < 2 ? call(child(tree, 0), inner) : ""}\n}`;
  };
  const inner = new Scope(scope);
  const name = NAMES[at % NAMES.length]!;
  const value = (index: number) => expression(child(tree, index), scope);
  switch (depth > 2 ? 0 : tree.pick % 12) {
    case 1:
      return call(tree, scope);
    case 2:
      return block(inner);
    case 3:
      inner.declare(name, "data");
      return `for (const ${name} of [${value(0)}, ${value(1)}] as any[]) ${block(new Scope(inner))}`;
    case 4:
      inner.declare(name, "data");
      return `for (let ${name}: any = 0; ${name} < 2; ${name}++) ${block(new Scope(inner))}`;
    case 5: {
      const thrown = value(0);
      inner.declare(name, "data");
      return `try { throw [${thrown}]; } catch ([${name}]: any) ${block(inner)}`;
    }
    case 6: {
      const given = `${value(0)}, undefined, ${value(1)}`;
      const other = `${name}Other`;
      inner.declare(name, "data");
      inner.declare(other, "data");
      inner.declare(`${name}All`, "data");
      return `await (async (${name}: any, [${other}]: any = [1], ...${name}All: any[]) => ${block(inner)})(${given});`;
    }
    case 7: {
      const written = scope.find(at, "let");
      return written ? `${written.name} = ${value(0)};` : declaration(tree, scope);
    }
    case 8: {
      const changed = scope.find(at, "object");
      return changed ? `${changed.name}.p = ${value(0)};` : declaration(tree, scope);
    }
    case 9: {
      const named = scope.find(at, "function");
      return named ? `await pool.call(${named.name});` : call(tree, scope);
    }
    case 10: {
      const thrown = expression(child(tree, 0), new Scope(scope), 1);
      return `await pool.call(() => { throw Object.assign(new RangeError("thrown"), { data: ${thrown} }); });`;
    }
  }
  return declaration(tree, scope);
}

/** A call whose closure gives what the tree says. */
function call(tree: Tree, scope: Scope): string {
  const inside = new Scope(scope);
  const list = [tree, ...tree.of].slice(0, 3);
  switch (tree.at % 5) {
    case 1:
      return `await pool.call(async () => [${list.map((one) => expression(one, inside, 1)).join(", ")}]);`;
    case 2: {
      const local = declaration(child(tree, 0), inside);
      return `await pool.call(function () { ${local} return [${list.map((one) => expression(one, inside, 1)).join(", ")}]; });`;
    }
    case 3: {
      const first = expression(child(tree, 0), inside, 1);
      return `await Promise.all([pool.call(() => ${wrapped(first)}), pool.call(() => ${wrapped(expression(child(tree, 1), inside, 1))})]);`;
    }
    case 4: {
      const local = inside.fresh(tree.at >> 1);
      const hidden = expression(child(tree, 1), scope, 1);
      const nested = new Scope(inside);
      nested.declare(local, "data");
      const wanted = expression(child(tree, 0), nested, 1);
      return `await pool.call(() => ((${local}: any) => [${wanted}])(${hidden}));`;
    }
  }
  return `await pool.call(() => [${list.map((one) => expression(one, inside, 1)).join(", ")}]);`;
}

function wrapped(text: string): string {
  return `(${text})`;
}

/** Data, whatever the tree says; at the end of the depth, a constant. */
function expression(tree: Tree, scope: Scope, depth = 0): string {
  const { at } = tree;
  const part = (index: number) => (depth >= DEEPEST ? "1" : expression(child(tree, index), scope, depth + 1));
  switch (tree.pick % 14) {
    case 0:
      return LITERALS[at % LITERALS.length]!;
    case 1:
      return `[${part(0)}, ${part(1)}]`;
    case 2:
      return `({ p: ${part(0)}, q: ${part(1)} })`;
    case 3:
      return `(${part(0)} ? ${part(1)} : ${part(2)})`;
    case 4: {
      const inside = new Scope(scope);
      const name = inside.declare(NAMES[at % NAMES.length]!, "data");
      const inner = depth >= DEEPEST ? "1" : expression(child(tree, 0), inside, depth + 1);
      return `((${name}: any): any => (${inner}))(${part(1)})`;
    }
    case 5: {
      const [one, type] = [scope.find(at, "instance"), scope.find(at >> 2, "class")];
      if (one && type) return `(${one.name} instanceof ${type.name})`;
      break;
    }
    case 6: {
      const kinds = ["object", "instance", "box", "class", "function"] as const;
      const [one, other] = [scope.find(at, ...kinds), scope.find(at >> 2, ...kinds)];
      if (one && other) return `(${one.name} === ${other.name})`;
      break;
    }
    case 7: {
      const [one, other] = [scope.find(at, "function"), scope.find(at >> 2, "list", "box")];
      if (one && other) return `(${one.name} === ${other.name}${other.kind === "list" ? "[0]" : ".f"})`;
      break;
    }
  }
  const variable = scope.find(at);
  return variable ? use(variable, tree, part) : LITERALS[at % LITERALS.length]!;
}

/** One of the things that can be done with a variable of its kind. */
function use({ name, kind }: Variable, { pick }: Tree, part: (index: number) => string): string {
  const one = (...uses: string[]) => uses[(pick >> 4) % uses.length]!;
  switch (kind) {
    case "object":
      return one(name, `${name}.p`);
    case "function":
      return one(
        `${name}(${part(0)})`,
        `[${name}.name, ${name}.length, ${name}.p]`,
        `[1].map((one) => ${name}(one))`,
      );
    case "class":
      return one(
        `new ${name}(${part(0)}).give(${part(1)})`,
        `${name}.fixed`,
        `[${name}.name, ${name}.length]`,
      );
    case "instance":
      return one(`${name}.give(${part(0)})`, `${name}.twice`, `${name}.constructor.name`);
    case "box":
      return one(
        `${name}.f(${part(0)})`,
        `${name}.g(${part(0)})`,
        `[${name}.p, ${name}.f.name, ${name}.g.name]`,
      );
    case "list":
      return one(`${name}[0](${part(0)})`, `${name}[1](${part(0)})`, `typeof ${name}[1]`);
    default:
      return name;
  }
}

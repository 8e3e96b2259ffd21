/**
 * The ship module of a source file: a module of its own that holds only what the file's closures need. Each closure
 * becomes a function of its captures, inside the same nesting of blocks as the original, so nothing is renamed; the
 * caller's file itself is never run on an executor.
 */
import { isBuiltin } from "node:module";
import { basename, dirname, relative, sep } from "node:path";
import { findCallSites, isRuntime } from "./analyze/call-sites.ts";
import { Classifier } from "./analyze/classify.ts";
import { isHidden, type Plan, type Problem, planCapture } from "./analyze/plan.ts";
import type { Scope, Variable } from "./analyze/scope.ts";
import { type Place, SourceFile } from "./analyze/source-file.ts";
import { endOf, type Node, type Parsed, startOf } from "./analyze/syntax.ts";
import { isNativePackage } from "./native-package.ts";
import { ShipText } from "./ship-text.ts";

/** What the driver has to know of one closure. */
export interface SiteInfo extends Place {
  /** Its captures in order; the last may be `this`. */
  names: readonly string[];
  /** What has to be declared by the time of the call, beside them. */
  checks: readonly string[];
  problems: readonly Problem[];
  /** What it imports itself and a realm has to give: node builtins, without `node:`, and packages with native code. */
  builtins: readonly string[];
}

export interface ShipSource {
  /** Absolute path of the file. */
  file: string;
  /** TypeScript: sets `$bonfire.module`. */
  code: string;
  /** From `code` to the file, as JSON. */
  map: string;
  sites: readonly SiteInfo[];
  /** Classes of the file whose instances it can revive, by name. */
  classes: readonly string[];
  /** Functions and classes that it has by these names, as this program has them: its own and imported ones. */
  shared: readonly string[];
  /** Where its imports stand in the file, by specifier. */
  imports: Readonly<Record<string, Place>>;
  /** Packages that its bundle leaves out, beside those with native code. */
  hostModules?: readonly string[];
}

/** One closure of the file, with where the transform has to touch the file for it. */
export interface Site {
  argument: Node;
  /** What reads each capture where the closure stands, in the order of `names`. */
  reads: readonly string[];
  /** Names that have to exist there, or the call is refused. */
  checks: readonly string[];
  isCertain: boolean;
}

export interface Shipped {
  source: ShipSource;
  sites: readonly Site[];
}

/** The key of a class in every bundle: "src/shape.ts#Circle". */
export function classKey(file: string, name: string): string {
  return `${shortPath(file)}#${name}`;
}

/** A path as users write it: relative to where the program was started, with slashes. */
export function shortPath(file: string): string {
  const path = relative(process.cwd(), file);
  return (path.startsWith("..") ? file : path).split(sep).join("/");
}

/** The closures that the file hands to pools; undefined when there are none. */
export function shipCallSites(parsed: Parsed): Shipped | undefined {
  const file = new SourceFile(parsed);
  const classifier = new Classifier(file);
  const found = findCallSites(file, classifier);
  if (found.length === 0) return undefined;
  const plans = found.map(({ node, variable, argument }) =>
    node ? planCapture(file, classifier, node, argument, variable) : importedPlan(argument, variable!),
  );
  const source = new ShipModuleWriter(
    file,
    classifier,
    plans,
    found.map(({ argument }) => argument),
  ).write();
  return {
    source,
    sites: found.map(({ argument, isCertain }, index) => ({
      argument,
      isCertain,
      reads: readsOf(plans[index]!),
      checks: plans[index]!.checks.map(({ name }) => name),
    })),
  };
}

/** The classes of a file that hands nothing to a pool; undefined when none of them can stand in a ship module. */
export function shipClasses(parsed: Parsed): ShipSource | undefined {
  const file = new SourceFile(parsed);
  const source = new ShipModuleWriter(file, new Classifier(file), [], []).write();
  return source.classes.length === 0 ? undefined : source;
}

/** One function of the file, wherever it stands. */
export function shipFunction(file: SourceFile, classifier: Classifier, node: Node): ShipSource {
  return new ShipModuleWriter(file, classifier, [planCapture(file, classifier, node, node)], [node]).write();
}

function importedPlan(node: Node, variable: Variable): Plan {
  return {
    node,
    self: variable,
    values: [],
    code: [],
    checks: [],
    imports: [variable],
    dynamicImports: [],
    receiver: undefined,
    problems: [],
  };
}

function readsOf({ values, receiver }: Plan): string[] {
  const reads = values.map(({ name }) => name);
  if (receiver?.whole) reads.push("this");
  else if (receiver)
    reads.push(`({ ${receiver.fields.map((field) => `${field}: this.${field}`).join(", ")} })`);
  return reads;
}

class ShipModuleWriter {
  readonly #file: SourceFile;
  readonly #classifier: Classifier;
  readonly #plans: readonly Plan[];
  readonly #places: readonly Node[];
  readonly #text: ShipText;
  readonly #imports = new Set<Variable>();
  readonly #hoisted = new Set<Variable>();

  constructor(file: SourceFile, classifier: Classifier, plans: readonly Plan[], places: readonly Node[]) {
    this.#file = file;
    this.#classifier = classifier;
    this.#plans = plans;
    this.#places = places;
    this.#text = new ShipText(file);
  }

  write(): ShipSource {
    for (const { code, imports } of this.#plans) {
      for (const variable of imports) this.#imports.add(variable);
      for (const variable of code) if (this.#classifier.hoistable(variable)) this.#hoist(variable);
    }
    const classes = this.#classes();
    const imports = this.#writeImports();
    for (const variable of this.#inOrder(this.#hoisted)) this.#writeCode(variable);
    this.#text.raw("$bonfire.module = { sites: [\n");
    for (const plan of this.#plans) this.#writeSite(plan);
    this.#text.raw("], classes: Object.assign($bonfire.classes, {");
    const own = [...this.#hoisted].filter((variable) => this.#isFunction(variable)).map(({ name }) => name);
    const shared = [...new Set([...classes, ...own])];
    const keyOf = (name: string) => JSON.stringify(classKey(this.#file.file, name));
    for (const name of shared) this.#text.raw(` ${keyOf(name)}: ${name},`);
    this.#text.raw(" }) };\n");
    // Only on demand, as a module that is imported may be one that needs a grant.
    const imported = [...this.#imports]
      .filter((variable) => this.#isShareable(variable))
      .map(({ name }) => name);
    for (const name of imported)
      this.#text.raw(`Object.defineProperty($bonfire.classes, ${keyOf(name)}, { get: () => ${name} });\n`);
    const sites = this.#plans.map((plan, index) => this.#siteInfo(plan, this.#places[index]!));
    return {
      file: this.#file.file,
      code: this.#text.text,
      map: this.#text.map(basename(this.#file.file)),
      sites,
      classes,
      shared: [...shared, ...imported],
      imports,
    };
  }

  /** Hoisted, and neither an enum nor a literal. */
  #isFunction(variable: Variable): boolean {
    const kind = this.#classifier.kind(variable);
    return kind.kind === "code" && !kind.isLiteral && !/^TS/.test(kind.node.type);
  }

  #isShareable(variable: Variable): boolean {
    const kind = this.#classifier.kind(variable);
    return (
      kind.kind === "import" && kind.imported !== "*" && !isBuiltin(kind.source) && !isRuntime(kind.source)
    );
  }

  /**
   * Every class of the file that can stand at the top, as instances of it may be captured by closures that never
   * mention it; but not at the price of packages that no closure asked for.
   */
  #classes(): string[] {
    const names: string[] = [];
    for (const variable of this.#file.moduleScope.set.values()) {
      const kind = this.#classifier.kind(variable);
      if (kind.kind !== "code" || !kind.isClass || !this.#classifier.hoistable(variable)) continue;
      if (!this.#hoisted.has(variable) && this.#wantsMoreImports(variable, new Set())) continue;
      this.#hoist(variable);
      names.push(variable.name);
    }
    return names;
  }

  #wantsMoreImports(variable: Variable, asked: Set<Variable>): boolean {
    if (asked.has(variable)) return false;
    asked.add(variable);
    const kind = this.#classifier.kind(variable);
    if (kind.kind === "import") return !this.#imports.has(variable) && !kind.source.startsWith(".");
    if (kind.kind !== "code") return false;
    for (const needed of this.#classifier.needs(kind.node))
      if (this.#wantsMoreImports(needed, asked)) return true;
    return false;
  }

  /** Take module-level code to the top, with all that it needs. */
  #hoist(variable: Variable): void {
    const kind = this.#classifier.kind(variable);
    if (kind.kind === "import") this.#imports.add(variable);
    if (kind.kind !== "code" || this.#hoisted.has(variable)) return;
    this.#hoisted.add(variable);
    for (const needed of this.#classifier.needs(kind.node)) this.#hoist(needed);
  }

  #inOrder(variables: Iterable<Variable>): Variable[] {
    const start = (variable: Variable): number => {
      const kind = this.#classifier.kind(variable);
      return kind.kind === "code" ? startOf(kind.node) : 0;
    };
    return [...variables].sort((left, right) => start(left) - start(right));
  }

  #writeImports(): Record<string, Place> {
    const places: Record<string, Place> = {};
    for (const variable of this.#imports) {
      const kind = this.#classifier.kind(variable);
      if (kind.kind !== "import") continue;
      const from = `${JSON.stringify(kind.source)}${importAttributes(kind.declaration)};\n`;
      const { name } = variable;
      const what =
        kind.imported === "*"
          ? `* as ${name}`
          : kind.imported === "default"
            ? name
            : `{ ${/^[\w$]+$/.test(kind.imported) ? kind.imported : JSON.stringify(kind.imported)} as ${name} }`;
      this.#text.raw(`import ${what} from ${from}`);
      places[kind.source] = this.#file.place(startOf(kind.declaration));
    }
    return places;
  }

  #writeCode(variable: Variable): void {
    const kind = this.#classifier.kind(variable);
    if (kind.kind !== "code") return;
    if (kind.declared) {
      this.#text.slice(startOf(kind.node), endOf(kind.node)).raw("\n");
    } else {
      this.#text.raw(`const ${variable.name} = `).slice(startOf(kind.node), endOf(kind.node)).raw(";\n");
    }
  }

  #writeSite(plan: Plan): void {
    const { values, code, receiver, self, node, problems } = plan;
    if (problems.some(({ severity }) => severity === "error")) {
      // It is refused before anything is sent, and its text may not even stand here (`super`, say).
      this.#text.raw("() => { throw new Error(); },\n");
      return;
    }
    const local = code.filter((variable) => !this.#hoisted.has(variable));
    // A file may have a `console` of its own, which then must not be hidden.
    const ownConsole = [...values, ...code, ...plan.imports].some(({ name }) => name === "console");
    const names = new Set([...values, ...code, ...plan.imports].map(({ name }) => name));
    const given = unused("$captures", names);
    this.#text.raw(`(${given}, ${ownConsole ? unused("$console", names) : "console"}) => {`);
    if (receiver) this.#text.raw(" return (function () {");
    let depth = 0;
    for (const scope of scopesOf([...values, ...local])) {
      this.#text.raw(" {");
      depth++;
      values.forEach((variable, index) => {
        const word = this.#isMutable(variable) ? "let" : "const";
        if (variable.scope === scope) this.#text.raw(` ${word} ${variable.name} = ${given}[${index}];`);
      });
      this.#text.raw("\n");
      for (const variable of this.#inOrder(local)) if (variable.scope === scope) this.#writeCode(variable);
    }
    this.#text.raw(" return ");
    if (self) this.#text.raw(self.name);
    else this.#text.raw("(").slice(startOf(node), endOf(node)).raw(")");
    this.#text.raw(`;${" }".repeat(depth)}`);
    if (receiver) this.#text.raw(` }).call(${given}[${values.length}]);`);
    this.#text.raw(" },\n");
  }

  #isMutable(variable: Variable): boolean {
    const kind = this.#classifier.kind(variable);
    return kind.kind === "value" && kind.mutable;
  }

  #builtins({ imports, dynamicImports }: Plan): string[] {
    const specifiers = imports.map((variable) => {
      const kind = this.#classifier.kind(variable);
      return kind.kind === "import" ? kind.source : "";
    });
    const directory = dirname(this.#file.file);
    const builtins = [...specifiers, ...dynamicImports].filter(
      (specifier) => isBuiltin(specifier) || isNativePackage(specifier, directory),
    );
    return [...new Set(builtins.map((specifier) => specifier.replace(/^node:/, "")))];
  }

  #siteInfo(plan: Plan, place: Node): SiteInfo {
    const { values, receiver, problems, checks } = plan;
    const names = values.map(({ name }) => name);
    if (receiver) names.push("this");
    const scope = this.#file.scopeAt(place);
    const shadowed = values.filter((variable) => isHidden(variable, scope));
    return {
      ...this.#file.place(startOf(place)),
      names,
      checks: checks.map(({ name }) => name),
      builtins: this.#builtins(plan),
      problems: [
        ...problems,
        ...shadowed.map(
          ({ name }): Problem => ({
            severity: "error",
            id: "shadowed",
            message: `captures \`${name}\`, which another variable of that name hides at the call: rename one of them`,
            ...this.#file.place(startOf(place)),
          }),
        ),
      ],
    };
  }
}

function unused(name: string, taken: ReadonlySet<string>): string {
  return taken.has(name) ? unused(`${name}_`, taken) : name;
}

/** The scopes of these variables, the outermost first. */
function scopesOf(variables: readonly Variable[]): Scope[] {
  const depth = (scope: Scope): number => {
    let count = 0;
    for (let upper = scope.upper; upper; upper = upper.upper) count++;
    return count;
  };
  return [...new Set(variables.map(({ scope }) => scope))].sort((left, right) => depth(left) - depth(right));
}

function importAttributes(declaration: Node): string {
  const attributes = (declaration.attributes ?? []) as Node[];
  if (attributes.length === 0) return "";
  const list = attributes.map(
    ({ key, value }) => `${JSON.stringify(key.name ?? key.value)}: ${JSON.stringify(value.value)}`,
  );
  return ` with { ${list.join(", ")} }`;
}

/** The bundles of one isolate, or of a process realm: their modules once evaluated, and which of their classes an instance belongs to. */
import type { DecodeOptions, Reference, ShipModule } from "@bonfire/wire";

export type Require = (specifier: string) => unknown;
export type ImportModule = (specifier: string) => Promise<object>;

/** What a bundle's code evaluates to. */
export type ShipFactory = (require: Require, importModule: ImportModule) => ShipModule | Promise<ShipModule>;

/** Thrown while decoding when a value refers to a bundle that was not loaded into this isolate. */
export class MissingBundle extends Error {
  readonly hash: string;
  constructor(hash: string) {
    super(`Bundle ${hash} is not loaded`);
    this.hash = hash;
  }
}

type Entry =
  | { readonly state: "loading"; readonly done: Promise<void> }
  | { readonly state: "ready"; readonly module: ShipModule }
  | { readonly state: "failed"; readonly error: unknown };

export class BundleTable {
  readonly #entries = new Map<number, Entry>();
  readonly #numbers = new Map<string, number>();
  readonly #classes = new Map<object, Extract<Reference, { kind: "class" }>>();
  /** What bundles import, which is looked at only when it is asked for. */
  #imported: { module: ShipModule; hash: string; name: string }[] = [];

  readonly #require: Require;
  readonly #importModule: ImportModule;
  readonly #byHash: (hash: string) => ShipModule;

  /** `require` and `importModule` are what bundles of this realm get for what is not bundled into them. */
  constructor(require: Require, importModule: ImportModule) {
    this.#require = require;
    this.#importModule = importModule;
    this.#byHash = (hash) => {
      const number = this.#numbers.get(hash);
      if (number === undefined || this.#entries.get(number)?.state === "loading")
        throw new MissingBundle(hash);
      return this.module(number);
    };
  }

  /** How a call's values are decoded: code comes from these bundles, log lines are the call's. */
  decoding(console: Console, handle: NonNullable<DecodeOptions["handle"]>): DecodeOptions {
    return { module: this.#byHash, require: this.#require, console, handle };
  }

  /** Evaluates a bundle. A failure is kept, as for any module, and is every later call's error. */
  load(number: number, hash: string, factory: ShipFactory): void {
    this.#numbers.set(hash, number);
    try {
      const made = factory(this.#require, this.#importModule);
      if (!("then" in made)) {
        this.#ready(number, hash, made);
        return;
      }
      const done = made.then(
        (module) => this.#ready(number, hash, module),
        (error: unknown) => void this.#entries.set(number, { state: "failed", error }),
      );
      this.#entries.set(number, { state: "loading", done });
    } catch (error) {
      this.#entries.set(number, { state: "failed", error });
    }
  }

  #ready(number: number, hash: string, module: ShipModule): void {
    this.#entries.set(number, { state: "ready", module });
    for (const [name, shipped] of Object.entries(module.classes)) {
      if (shipped) this.#classes.set(shipped, { kind: "class", hash, name });
    }
    for (const name of Object.getOwnPropertyNames(module.classes)) {
      if (!Object.prototype.propertyIsEnumerable.call(module.classes, name))
        this.#imported.push({ module, hash, name });
    }
  }

  /** Its module goes once nothing of it runs any more; when it is loaded again, it is evaluated anew. */
  unload(number: number): void {
    this.#entries.delete(number);
    for (const [hash, its] of this.#numbers) if (its === number) this.#numbers.delete(hash);
    for (const [shipped, { hash }] of this.#classes)
      if (!this.#numbers.has(hash)) this.#classes.delete(shipped);
    this.#imported = this.#imported.filter(({ hash }) => this.#numbers.has(hash));
  }

  /** The promise to wait for when the bundle's code is asynchronous and not there yet. */
  loading(number: number): Promise<void> | undefined {
    const entry = this.#entries.get(number);
    return entry?.state === "loading" ? entry.done : undefined;
  }

  /** The module of a loaded bundle; throws what its code threw. */
  module(number: number): ShipModule {
    const entry = this.#entries.get(number);
    if (entry?.state === "ready") return entry.module;
    throw entry?.state === "failed" ? entry.error : new MissingBundle(String(number));
  }

  /** How a class of a bundle travels back. */
  reference(value: object): Reference | undefined {
    const known = this.#classes.get(value);
    if (known !== undefined || this.#imported.length === 0) return known;
    for (const { module, hash, name } of this.#imported.splice(0)) {
      const shipped = read(module.classes, name);
      if (typeof shipped === "function" && !this.#classes.has(shipped))
        this.#classes.set(shipped, { kind: "class", hash, name });
    }
    return this.#classes.get(value);
  }
}

function read(classes: ShipModule["classes"], name: string): unknown {
  try {
    return classes[name];
  } catch {
    // It is of a module that this pool does not grant, so nothing that the code has can be of it.
    return undefined;
  }
}

/** `this`, classes and their instances. */

import type { Pool } from "@bonfire/runtime";
import { Square, unitSquare } from "@bonfire-test/shapes";
import { SemVer } from "semver";
import type { Group, Refusal } from "../row.ts";
import Plain, { Circle, isCircle, makeCircle, Shape } from "../support/shapes.ts";

const KEY = Symbol("key");
const computed = "computedName";
class Counter {
  static readonly kind: string = "counter";
  static made = 0;
  count: number;
  constructor(count = 0) {
    this.count = count;
  }
  next(): number {
    return ++this.count;
  }
  get double(): number {
    return this.count * 2;
  }
  set double(value: number) {
    this.count = value / 2;
  }
  [computed](): string {
    return "computed";
  }
  [Symbol.for("symbol")](): string {
    return "symbol";
  }
  static of(count: number): Counter {
    return new Counter(count);
  }
}
const shared = { n: 1 };
class Tally {
  static hits = 0;
  static seen: object | undefined;
  read(): number {
    return Tally.hits;
  }
}
const limits = { most: 9 };
class Keyed {
  static limit = limits.most;
  [KEY](): number {
    return limits.most;
  }
}
class Unfit {
  readonly pending = Promise.resolve(1);
  run(pool: Pool): Promise<unknown> {
    return pool.call(() => this.read());
  }
  read(): number {
    return 1;
  }
}
class Loud extends Counter {
  static override readonly kind = "loud";
  volume = 11;
  override next(): number {
    return super.next() * 100;
  }
  static describe(): string {
    return `${super.kind} → ${this.kind}`;
  }
}
class Private {
  #value: number;
  static #made = 0;
  constructor(value: number) {
    this.#value = value;
    Private.#made++;
  }
  #secret(): number {
    return this.#value * 2;
  }
  get value(): number {
    return this.#secret();
  }
  static get made(): number {
    return Private.#made;
  }
  has(other: object): boolean {
    return #value in other;
  }
}
const Anonymous = class {
  n = 1;
};
class Stack<Item> extends Array<Item> {
  top(): Item | undefined {
    return this.at(-1);
  }
}
class Registry extends Map<string, number> {
  total(): number {
    return [...this.values()].reduce((sum, n) => sum + n, 0);
  }
}
class Tags extends Set<string> {
  label = "tags";
}
const mixin = <Base extends new (...given: any[]) => object>(base: Base) =>
  class extends base {
    mixed = true;
  };
class Mixed extends mixin(Counter) {}
class Node {
  readonly children: Node[] = [];
  parent: Node | undefined;
  add(child: Node): this {
    child.parent = this;
    this.children.push(child);
    return this;
  }
}
class Money {
  readonly amount: bigint;
  constructor(amount: bigint) {
    this.amount = amount;
  }
  toJSON(): string {
    return String(this.amount);
  }
  [Symbol.toPrimitive](): number {
    return Number(this.amount);
  }
  get [Symbol.toStringTag](): string {
    return "Money";
  }
}

const THIS_REFUSED: Refusal = {
  code: "CAPTURE_REFUSED",
  message: /captures `this`/,
  instead: "copy what it needs to a constant, or use the loader",
};

class Job {
  readonly name = "job";
  readonly parts = { size: 4 };
  label(): string {
    return `<${this.name}>`;
  }
  field(pool: Pool): Promise<unknown> {
    return pool.call(() => this.name);
  }
  nested(pool: Pool): Promise<unknown> {
    return pool.call(() => [this.parts.size, this.name]);
  }
  method(pool: Pool): Promise<unknown> {
    return pool.call(() => this.label());
  }
  inNested(pool: Pool): Promise<unknown> {
    return pool.call(() => [1, 2].map((n) => `${this.name}${n}`));
  }
  copied(pool: Pool): Promise<unknown> {
    const { name } = this;
    return pool.call(() => name);
  }
  static readonly kind = "static job";
  static ofStatic(pool: Pool): Promise<unknown> {
    return pool.call(() => this.kind);
  }
}
class Arrows {
  readonly name = "arrows";
  run = (pool: Pool): Promise<unknown> => pool.call(() => this.name);
}

export const classes: Group = {
  title: "`this`, classes and instances",
  rows: [
    {
      id: "this-field",
      says: "`this.field`",
      call: (pool: Pool) => new Job().field(pool),
      needs: "loader",
      refused: THIS_REFUSED,
    },
    {
      id: "this-nested-field",
      says: "`this.field.of.it`",
      call: (pool: Pool) => new Job().nested(pool),
      needs: "loader",
      refused: THIS_REFUSED,
    },
    {
      id: "this-method",
      says: "`this.method()`",
      call: (pool: Pool) => new Job().method(pool),
      needs: "loader",
      refused: THIS_REFUSED,
    },
    {
      id: "this-in-nested-arrow",
      says: "`this` in an arrow function inside",
      call: (pool: Pool) => new Job().inNested(pool),
      needs: "loader",
      refused: THIS_REFUSED,
    },
    {
      id: "this-copied",
      says: "a field that was copied to a constant",
      call: (pool: Pool) => new Job().copied(pool),
    },
    {
      id: "this-static",
      says: "`this` in a static method",
      call: (pool: Pool) => Job.ofStatic(pool),
      needs: "loader",
      refused: THIS_REFUSED,
    },
    {
      id: "this-of-object",
      says: "`this` of an object literal's method",
      call: (pool: Pool) =>
        ({
          n: 4,
          run() {
            return pool.call(() => this.n);
          },
        }).run(),
      needs: "loader",
      refused: THIS_REFUSED,
    },
    {
      id: "this-arrow-field",
      says: "`this` in a field that is an arrow function",
      call: (pool: Pool) => new Arrows().run(pool),
      needs: "loader",
      refused: THIS_REFUSED,
    },
    {
      id: "class-new",
      says: "a class of the file, made inside",
      call: (pool: Pool) => pool.call(() => new Counter(1).next()),
    },
    {
      id: "class-static",
      says: "statics of a class",
      call: (pool: Pool) => pool.call(() => [Counter.kind, Counter.of(2).count, Counter.made]),
    },
    {
      id: "class-inherited",
      says: "inheritance, `super` and overridden methods",
      call: (pool: Pool) => pool.call(() => [new Loud(1).next(), Loud.of(1).count, Loud.describe()]),
    },
    {
      id: "class-changed-static",
      says: "a static field that the file has changed",
      call: (pool: Pool) => {
        Tally.hits = 3;
        Tally.seen = shared;
        return pool.call(() => [Tally.hits, Tally.seen === shared, new Tally().read()]);
      },
    },
    {
      id: "class-own-name",
      says: "the name of a class that mentions itself",
      call: (pool: Pool) =>
        pool.call(() => [Counter.name, new Counter().constructor.name, Counter.of(1) instanceof Counter]),
      not: { bundler: "without `keepNames`, esbuild renames what has a namesake" },
    },
    {
      id: "class-accessors",
      says: "getters and setters of a class",
      call: (pool: Pool) =>
        pool.call(() => {
          const counter = new Counter(2);
          counter.double = 10;
          return [counter.double, counter.count];
        }),
    },
    {
      id: "class-private",
      says: "`#private` fields, methods and statics of a class that is used inside",
      call: (pool: Pool) => pool.call(() => [new Private(2).value, new Private(3).has({}), Private.made > 0]),
    },
    {
      id: "class-computed",
      says: "methods with computed and symbol keys",
      call: (pool: Pool) =>
        pool.call(() => [
          new Counter()[computed](),
          (new Counter() as unknown as Record<symbol, () => string>)[Symbol.for("symbol")]!(),
        ]),
    },
    {
      id: "class-expression",
      says: "a class expression",
      call: (pool: Pool) => pool.call(() => [new Anonymous().n, Anonymous.name]),
    },
    {
      id: "class-local",
      says: "a class of a function, with captures",
      call: (pool: Pool) => {
        const base = { n: 4 };
        class Local {
          n = base.n;
          plus(by: number) {
            return this.n + by + base.n;
          }
        }
        return pool.call(() => new Local().plus(1));
      },
    },
    {
      id: "class-local-inherits",
      says: "a local class with an imported base",
      call: (pool: Pool) => {
        const side = { n: 3 };
        class Box extends Shape {
          constructor() {
            super("box");
          }
          area() {
            return side.n ** 2;
          }
        }
        return pool.call(() => new Box().describe());
      },
    },
    {
      id: "class-mixin",
      says: "a class from a mixin",
      call: (pool: Pool) =>
        pool.call(() => {
          const mixed = new Mixed(3);
          return [mixed.mixed, mixed.next(), mixed instanceof Counter];
        }),
    },
    {
      id: "class-declared-inside",
      says: "a class that is declared inside the closure",
      call: (pool: Pool) =>
        pool.call(() => {
          class Inner extends Counter {
            static {
              Inner.made = 5;
            }
            own = 1;
          }
          return [new Inner(1).next(), Inner.made];
        }),
    },
    {
      id: "class-as-value",
      says: "a class among data",
      call: (pool: Pool) => {
        const table = { Counter, Circle };
        return pool.call(() => [
          new table.Counter(1).next(),
          new table.Circle(1).area(),
          table.Counter === Counter,
          table.Circle === Circle,
        ]);
      },
    },
    {
      id: "class-factory-value",
      says: "a class that a function made, as a value",
      call: (pool: Pool) => {
        const make = (n: number) =>
          class {
            value = n;
            twice() {
              return this.value * 2;
            }
          };
        const table = { Made: make(4) };
        return pool.call(() => new table.Made().twice());
      },
    },
    {
      id: "instance-own",
      says: "an instance of a class of the file: methods and `instanceof`",
      call: (pool: Pool) => {
        const counter = new Loud(4);
        return pool.call(() => [
          counter instanceof Counter,
          counter instanceof Loud,
          counter.next(),
          counter.double,
          counter.volume,
        ]);
      },
    },
    {
      id: "instance-imported",
      says: "an instance of an imported class",
      call: (pool: Pool) => {
        const circle = makeCircle(2);
        return pool.call(() => [
          circle instanceof Circle,
          circle instanceof Shape,
          isCircle(circle),
          circle.describe(),
        ]);
      },
    },
    {
      id: "instance-unmentioned",
      says: "an instance of a class that the closure does not mention",
      call: (pool: Pool) => {
        const circle = makeCircle(3);
        return pool.call(() => circle.describe());
      },
    },
    {
      id: "instance-default-export",
      says: "an instance of a class that is a default export",
      call: (pool: Pool) => {
        const plain = new Plain();
        return pool.call(() => [plain instanceof Plain, plain.kind]);
      },
    },
    {
      id: "instance-workspace",
      says: "an instance of a class of a workspace package",
      call: (pool: Pool) => {
        const square = unitSquare();
        return pool.call(() => [square instanceof Square, square.area()]);
      },
    },
    {
      id: "instance-local-class",
      says: "an instance of a local class",
      call: (pool: Pool) => {
        class Local {
          n = 2;
          double() {
            return this.n * 2;
          }
        }
        const local = new Local();
        return pool.call(() => [local.double(), local instanceof Local]);
      },
    },
    {
      id: "instance-array",
      says: "an instance of a subclass of `Array`",
      call: (pool: Pool) => {
        const stack = Stack.from([1, 2, 3]) as Stack<number>;
        return pool.call(() => [stack.top(), stack.length, stack instanceof Stack, Array.isArray(stack)]);
      },
    },
    {
      id: "instance-map",
      says: "an instance of a subclass of `Map`",
      call: (pool: Pool) => {
        const registry = new Registry([
          ["a", 1],
          ["b", 2],
        ]);
        return pool.call(() => [registry.total(), registry.size, registry instanceof Registry]);
      },
    },
    {
      id: "instance-set",
      says: "an instance of a subclass of `Set` with a field",
      call: (pool: Pool) => {
        const tags = new Tags(["a"]);
        return pool.call(() => [tags.has("a"), tags.label, tags instanceof Tags]);
      },
    },
    {
      id: "instance-cycle",
      says: "instances that refer to each other",
      call: (pool: Pool) => {
        const tree = new Node().add(new Node());
        return pool.call(() => tree.children[0]!.parent === tree);
      },
    },
    {
      id: "instance-symbols",
      says: "an instance with well-known symbol methods",
      call: (pool: Pool) => {
        const money = new Money(5n);
        return pool.call(() => [
          Number(money),
          JSON.stringify({ money }),
          String(Object.prototype.toString.call(money)),
        ]);
      },
    },
    {
      id: "instance-returned",
      says: "an instance of a class of the file as a result",
      call: (pool: Pool) => pool.call(() => new Loud(2)),
    },
    {
      id: "instance-returned-imported",
      says: "an instance of an imported class as a result",
      call: (pool: Pool) => pool.call(() => makeCircle(2)),
    },
    {
      id: "instance-returned-captured",
      says: "a captured instance as a result",
      call: (pool: Pool) => {
        const circle = makeCircle(5);
        return pool.call(() => circle);
      },
    },
    {
      id: "instance-returned-nested",
      says: "instances inside a result",
      call: (pool: Pool) =>
        pool.call(() => ({ list: [new Counter(1)], map: new Map([["a", new Counter(2)]]) })),
    },
    {
      id: "instance-returned-workspace",
      says: "an instance of a workspace package's class as a result",
      call: (pool: Pool) => pool.call(() => unitSquare()),
    },
    {
      id: "instance-returned-array",
      says: "an instance of a subclass of `Array` as a result",
      call: (pool: Pool) => pool.call(() => Stack.from([1, 2])),
    },
    {
      id: "instance-returned-map",
      says: "an instance of a subclass of `Map` as a result",
      call: (pool: Pool) => pool.call(() => new Registry([["a", 1]])),
    },
    {
      id: "instance-returned-tree",
      says: "a cycle of instances as a result",
      call: (pool: Pool) => pool.call(() => new Node().add(new Node())),
    },
    {
      id: "this-returned",
      says: "`this` as a result, as an instance of its class",
      call: (pool: Pool) => new Returned().whole(pool),
      needs: "loader",
      refused: THIS_REFUSED,
    },
    {
      id: "this-unfit",
      says: "`this` with a field that cannot travel",
      call: (pool: Pool) => new Unfit().run(pool),
      refused: {
        code: "CAPTURE_REFUSED",
        message: /this\.pending|`this`/,
        instead: "copy what it needs to a constant",
      },
    },
    {
      id: "class-keyed",
      says: "a class that depends on a value of its file: made inside",
      call: (pool: Pool) => pool.call(() => [new Keyed()[KEY](), Keyed.limit]),
    },
    {
      id: "instance-keyed",
      says: "an instance of a class that depends on a value of its file",
      call: (pool: Pool) => {
        const keyed = new Keyed();
        return pool.call(() => [keyed[KEY](), keyed instanceof Keyed, keyed.constructor === Keyed]);
      },
    },
    {
      id: "instance-keyed-returned",
      says: "an instance of a class that depends on a value of its file, as a result",
      call: (pool: Pool) => pool.call(() => new Keyed()),
      refused: {
        code: "VALUE_REFUSED",
        message: /"result".*is a Keyed: return a plain object/,
        instead: "return a plain object",
      },
    },
    {
      id: "instance-package",
      says: "an instance of a package's class that the closure imports",
      call: (pool: Pool) => {
        const version = new SemVer("1.2.3");
        return pool.call(() => [version instanceof SemVer, version.major, version.compare("1.2.4")]);
      },
    },
    {
      id: "instance-package-returned",
      says: "an instance of a package's class as a result",
      call: (pool: Pool) => pool.call(() => new SemVer("1.2.3")),
    },
  ],
};

class Returned {
  readonly n = 3;
  whole(pool: Pool): Promise<unknown> {
    return pool.call(() => [this, this instanceof Returned]);
  }
}

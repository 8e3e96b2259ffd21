/** What can be handed to a pool. */
import type { Pool } from "@bonfire/runtime";
import type { Group } from "../row.ts";
import { imported } from "../support/named.ts";

function declared(): string {
  return "declared";
}
async function declaredAsync(): Promise<number> {
  await null;
  return 2;
}
const arrow = (): string => "arrow";
const expression = function (): string {
  return "expression";
};
const named = function itself(depth = 2): number {
  return depth === 0 ? 7 : itself(depth - 1);
};
const object = {
  method() {
    return "method";
  },
  async asyncMethod() {
    return "async method";
  },
  get getter() {
    return () => "from a getter";
  },
  ["comp" + "uted"]() {
    return "computed";
  },
  property: () => "property",
  "quoted name"() {
    return "quoted";
  },
};
const list = [() => "first", () => "second"];
class Forms {
  static make() {
    return "static";
  }
  plain() {
    return "method of a class";
  }
}
const factory = (by: number) => () => by * 2;

export const forms: Group = {
  title: "Forms of functions",
  rows: [
    {
      id: "arrow-expression",
      says: "an arrow function with an expression",
      call: (pool: Pool) => pool.call(() => 1 + 1),
    },
    {
      id: "arrow-block",
      says: "an arrow function with a block",
      call: (pool: Pool) =>
        pool.call(() => {
          const sum = 1 + 1;
          return sum;
        }),
    },
    {
      id: "arrow-object",
      says: "an arrow function that gives an object literal",
      call: (pool: Pool) => pool.call(() => ({ a: 1 })),
    },
    {
      id: "arrow-async",
      says: "an async arrow function",
      call: (pool: Pool) => pool.call(async () => (await 3) + 1),
    },
    {
      id: "arrow-in-parentheses",
      says: "a function in parentheses, or with a type assertion",
      call: (pool: Pool) => pool.call((() => "in") as () => string),
    },
    {
      id: "function-expression",
      says: "a function expression",
      call: (pool: Pool) =>
        // biome-ignore lint/complexity/useArrowFunction: that is the form
        pool.call(function () {
          return "inline";
        }),
    },
    {
      id: "function-expression-named",
      says: "a named function expression that calls itself",
      call: (pool: Pool) =>
        pool.call(function factorial(n = 5): number {
          return n <= 1 ? 1 : n * factorial(n - 1);
        }),
    },
    {
      id: "function-expression-async",
      says: "an async function expression",
      call: (pool: Pool) =>
        // biome-ignore lint/complexity/useArrowFunction: that is the form
        pool.call(async function () {
          await null;
          return "later";
        }),
    },
    {
      id: "declaration-by-name",
      says: "a function declaration, by name",
      call: (pool: Pool) => pool.call(declared),
    },
    {
      id: "async-declaration-by-name",
      says: "an async function declaration, by name",
      call: (pool: Pool) => pool.call(declaredAsync),
    },
    { id: "arrow-by-name", says: "an arrow function, by name", call: (pool: Pool) => pool.call(arrow) },
    {
      id: "expression-by-name",
      says: "a function expression, by name",
      call: (pool: Pool) => pool.call(expression),
    },
    {
      id: "named-expression-by-name",
      says: "a function expression with a name of its own, by another",
      call: (pool: Pool) => pool.call(named),
    },
    {
      id: "imported-by-name",
      says: "an imported function, by name",
      call: (pool: Pool) => pool.call(imported),
    },
    {
      id: "method-by-name",
      says: "a method of an object literal",
      call: (pool: Pool) => pool.call(object.method),
    },
    {
      id: "async-method-by-name",
      says: "an async method",
      call: (pool: Pool) => pool.call(object.asyncMethod),
    },
    {
      id: "from-getter",
      says: "a function that a getter gives",
      call: (pool: Pool) => pool.call(object.getter),
    },
    {
      id: "computed-method",
      says: "a method with a computed name",
      call: (pool: Pool) => pool.call((object as unknown as Record<string, () => string>).computed!),
    },
    {
      id: "arrow-property",
      says: "an arrow function in a property",
      call: (pool: Pool) => pool.call(object.property),
    },
    {
      id: "quoted-method",
      says: "a method with a quoted name",
      call: (pool: Pool) => pool.call(object["quoted name"]),
    },
    { id: "from-array", says: "a function from an array", call: (pool: Pool) => pool.call(list[1]!) },
    { id: "static-method", says: "a static method", call: (pool: Pool) => pool.call(Forms.make) },
    { id: "class-method", says: "a method of a class", call: (pool: Pool) => pool.call(new Forms().plain) },
    {
      id: "from-factory",
      says: "a function that another function made",
      call: (pool: Pool) => pool.call(factory(21)),
    },
    {
      id: "local-by-name",
      says: "a local function, by name",
      call: (pool: Pool) => {
        const base = { n: 4 };
        function local() {
          return base.n;
        }
        return pool.call(local);
      },
    },
    {
      id: "parameter-by-name",
      says: "a function that came in as a parameter",
      call: (pool: Pool) => {
        const through = (fn: () => number) => pool.call(fn);
        const n = { n: 5 };
        return through(() => n.n);
      },
    },
    {
      id: "callback",
      says: "a call inside a callback",
      call: (pool: Pool) => Promise.all([1, 2].map((n) => pool.call(() => n * 10))),
    },
    {
      id: "conditional",
      says: "a function chosen by a condition",
      call: (pool: Pool) => {
        const flag = { on: true };
        return pool.call(flag.on ? () => "yes" : () => "no");
      },
    },
    {
      id: "generator-inside",
      says: "a generator inside a closure",
      call: (pool: Pool) =>
        pool.call(() => {
          function* count() {
            yield 1;
            yield* [2, 3];
          }
          return [...count()];
        }),
    },
    {
      id: "async-generator-inside",
      says: "an async generator inside a closure",
      call: (pool: Pool) =>
        pool.call(async () => {
          async function* count() {
            yield 1;
            yield 2;
          }
          const seen: number[] = [];
          for await (const n of count()) seen.push(n);
          return seen;
        }),
    },
    {
      id: "captured-generator",
      says: "a captured generator function",
      call: (pool: Pool) => {
        const step = { by: 2 };
        const table = {
          *count() {
            for (let n = 0; n < 3; n++) yield n * step.by;
          },
          async *later() {
            yield step.by;
          },
        };
        return pool.call(async () => {
          const seen = [...table.count()];
          for await (const n of table.later()) seen.push(n);
          return seen;
        });
      },
    },
    {
      id: "tagged-template",
      says: "tagged templates",
      call: (pool: Pool) => {
        const tag = (parts: TemplateStringsArray, ...values: unknown[]) => [parts.raw.join("|"), ...values];
        const name = "n";
        return pool.call(() => tag`a\n${name}b${1}`);
      },
    },
    {
      id: "using",
      says: "`using` and `await using` inside a closure",
      call: (pool: Pool) =>
        pool.call(async () => {
          const log: string[] = [];
          {
            using _one = { [Symbol.dispose]: () => void log.push("disposed") };
            await using _two = { [Symbol.asyncDispose]: async () => void log.push("disposed later") };
            log.push("used");
          }
          return log;
        }),
    },
    {
      id: "parameters-of-closure",
      says: "default, destructured and rest parameters of the closure",
      call: async (pool: Pool) => {
        const base = { n: 3 };
        const results: unknown[] = [];
        for await (const one of pool.map(
          [{ a: 1 }],
          ({ a, b = base.n }: { a: number; b?: number }, ...rest: unknown[]) => [a, b, rest],
        ))
          results.push(one);
        return results;
      },
    },
    {
      id: "labels-and-switch",
      says: "labels, `switch`, comma and sequence inside",
      call: (pool: Pool) =>
        pool.call(() => {
          let n = 0;
          outer: for (;;) {
            switch (n++) {
              case 3:
                break outer;
              default:
                continue outer;
            }
          }
          return n;
        }),
    },
    {
      id: "async-iteration-inside",
      says: "`for await` over promises inside",
      call: (pool: Pool) =>
        pool.call(async () => {
          const seen: number[] = [];
          for await (const n of [Promise.resolve(1), 2]) seen.push(n);
          return seen;
        }),
    },
    {
      id: "optional-chaining",
      says: "optional chaining, nullish operators, private names of an own class",
      call: (pool: Pool) => {
        const maybe = { a: { b: 1 } } as { a?: { b: number }; c?: { d: number } };
        return pool.call(() => {
          class Own {
            #x = maybe.c?.d ?? 5;
            has(other: object) {
              return #x in other;
            }
            get x() {
              return this.#x;
            }
          }
          return [maybe.a?.b, maybe.c?.d, new Own().x, new Own().has({})];
        });
      },
    },
    {
      id: "map-verb",
      says: "`map` over items, with captures",
      call: async (pool: Pool) => {
        const factor = { by: 3 };
        const results: number[] = [];
        for await (const one of pool.map([1, 2, 3], (n, index) => n * factor.by + index)) results.push(one);
        return results;
      },
    },
    {
      id: "strictness",
      says: "strict mode, as in every module",
      call: (pool: Pool) =>
        pool.call(() => {
          function self(this: unknown) {
            return this;
          }
          return self();
        }),
    },
  ],
};

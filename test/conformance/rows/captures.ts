/** Variables that a closure takes from around it. */
import type { Pool } from "@bonfire/runtime";
import type { Group } from "../row.ts";

const LITERAL = 7;
const TEMPLATE = `t${LITERAL}`;
const NEGATIVE = -1;
const settings = { rate: 2, tags: ["a"] };
let assigned = 1;
assigned = 5;
var old = { n: 6 };
function helper(x: number): number {
  return x * settings.rate;
}
const viaHelper = (x: number): number => helper(x) + LITERAL;
function isEven(n: number): boolean {
  return n === 0 || isOdd(n - 1);
}
function isOdd(n: number): boolean {
  return n !== 0 && isEven(n - 1);
}
const x = "module";

export const captures: Group = {
  title: "Captured variables and scopes",
  rows: [
    {
      id: "module-literal",
      says: "a literal constant of the file",
      call: (pool: Pool) => pool.call(() => [LITERAL, NEGATIVE, TEMPLATE]),
    },
    {
      id: "module-const",
      says: "an object of the file",
      call: (pool: Pool) => pool.call(() => settings.rate),
    },
    {
      id: "module-let",
      says: "a `let` of the file that was assigned",
      call: (pool: Pool) => pool.call(() => assigned),
    },
    { id: "module-var", says: "a `var` of the file", call: (pool: Pool) => pool.call(() => old.n) },
    {
      id: "module-function",
      says: "a function of the file",
      call: (pool: Pool) => pool.call(() => helper(4)),
    },
    {
      id: "module-function-chain",
      says: "functions of the file through each other",
      call: (pool: Pool) => pool.call(() => viaHelper(4)),
    },
    {
      id: "mutual-recursion",
      says: "functions that call each other",
      call: (pool: Pool) => pool.call(() => [isEven(10), isOdd(10)]),
    },
    {
      id: "local-mutual-recursion",
      says: "local functions that call each other",
      call: (pool: Pool) => {
        const stop = { at: 0 };
        const even = (n: number): boolean => (n === stop.at ? true : odd(n - 1));
        const odd = (n: number): boolean => (n === stop.at ? false : even(n - 1));
        return pool.call(() => [even(6), odd(6)]);
      },
    },
    {
      id: "recursion",
      says: "a local function that calls itself",
      call: (pool: Pool) => {
        const base = { n: 1 };
        const factorial = (n: number): number => (n <= base.n ? 1 : n * factorial(n - 1));
        return pool.call(() => factorial(6));
      },
    },
    {
      id: "block",
      says: "variables of several blocks",
      call: (pool: Pool) => {
        const outer = { n: 1 };
        {
          const inner = { n: 2 };
          if (inner.n) {
            let innermost = 3;
            innermost++;
            return pool.call(() => [outer.n, inner.n, innermost]);
          }
        }
        return undefined;
      },
    },
    {
      id: "parameter",
      says: "a parameter",
      call: (pool: Pool) => ((p: { n: number }) => pool.call(() => p.n))({ n: 1 }),
    },
    {
      id: "parameter-default",
      says: "a parameter with a default",
      call: (pool: Pool) => ((p: number, q = p + 1) => pool.call(() => [p, q]))(1),
    },
    {
      id: "parameter-rest",
      says: "a rest parameter",
      call: (pool: Pool) => ((...all: number[]) => pool.call(() => all))(1, 2, 3),
    },
    {
      id: "parameter-destructured",
      says: "destructured parameters, with defaults and renamed",
      call: (pool: Pool) =>
        (({ a, b: { c: renamed }, d = a }: { a: number; b: { c: number }; d?: number }, [e, , f]: number[]) =>
          pool.call(() => [a, renamed, d, e, f]))({ a: 1, b: { c: 2 } }, [3, 4, 5]),
    },
    {
      id: "destructured-object",
      says: "a destructured object with a rest",
      call: (pool: Pool) => {
        const { a, ...rest } = { a: 1, b: 2, c: 3 };
        return pool.call(() => [a, rest]);
      },
    },
    {
      id: "destructured-array",
      says: "a destructured array with holes, defaults and a rest",
      call: (pool: Pool) => {
        const [first = 5, , ...rest] = [undefined, 1, 2, 3];
        return pool.call(() => [first, rest]);
      },
    },
    {
      id: "destructured-computed",
      says: "destructuring with a computed key",
      call: (pool: Pool) => {
        const key = "k" as string;
        const { [key]: value } = { k: 9 } as Record<string, number>;
        return pool.call(() => value);
      },
    },
    {
      id: "destructured-swap",
      says: "variables that a destructuring assignment swapped",
      call: (pool: Pool) => {
        let [a, b] = [1, 2];
        [a, b] = [b, a];
        return pool.call(() => [a, b]);
      },
    },
    {
      id: "loop-for",
      says: "the variable of a `for` loop, each turn its own",
      call: async (pool: Pool) => {
        const seen: number[] = [];
        for (let i = 0; i < 3; i++) seen.push(await pool.call(() => i));
        return seen;
      },
    },
    {
      id: "loop-for-parallel",
      says: "closures of all turns of a loop at once",
      call: (pool: Pool) => {
        const all: Promise<number>[] = [];
        for (let i = 0; i < 5; i++) all.push(pool.call(() => i));
        return Promise.all(all);
      },
    },
    {
      id: "loop-of",
      says: "the variables of `for … of`, destructured",
      call: async (pool: Pool) => {
        const seen: unknown[] = [];
        for (const [key, { n }] of Object.entries({ a: { n: 1 }, b: { n: 2 } }))
          seen.push(await pool.call(() => [key, n]));
        return seen;
      },
    },
    {
      id: "loop-in",
      says: "the variable of `for … in`",
      call: async (pool: Pool) => {
        const seen: string[] = [];
        for (const key in { a: 1, b: 2 }) seen.push(await pool.call(() => key));
        return seen;
      },
    },
    {
      id: "loop-while",
      says: "a variable that a `while` loop changes",
      call: async (pool: Pool) => {
        const seen: number[] = [];
        let n = 3;
        while (n > 0) {
          seen.push(await pool.call(() => n));
          n--;
        }
        return seen;
      },
    },
    {
      id: "loop-body",
      says: "a constant of a loop's body",
      call: async (pool: Pool) => {
        const seen: number[] = [];
        for (let i = 0; i < 2; i++) {
          const square = { n: i * i };
          seen.push(await pool.call(() => square.n + i));
        }
        return seen;
      },
    },
    {
      id: "catch",
      says: "the variable of a `catch`",
      call: (pool: Pool) => {
        try {
          throw new RangeError("caught");
        } catch (error) {
          return pool.call(() => (error as Error).message);
        }
      },
    },
    {
      id: "catch-destructured",
      says: "a destructured `catch`",
      call: (pool: Pool) => {
        try {
          throw Object.assign(new Error("m"), { code: "C" });
        } catch ({ message, code }: any) {
          return pool.call(() => [message, code]);
        }
      },
    },
    {
      id: "switch-scope",
      says: "a variable of a `switch`",
      call: (pool: Pool) => {
        switch (settings.rate) {
          case 2: {
            const inCase = { n: 1 };
            return pool.call(() => inCase.n);
          }
          default:
            return undefined;
        }
      },
    },
    {
      id: "static-block",
      says: "a variable of a class's static block",
      call: (pool: Pool) => {
        let answer: Promise<number> | undefined;
        class Holder {
          static n = 1;
          static {
            const local = { n: 4 };
            answer = pool.call(() => local.n);
          }
        }
        return [Holder.n, answer].length === 2 ? answer : undefined;
      },
    },
    {
      id: "shadow-parameter",
      says: "a parameter that hides a variable of the file",
      call: (pool: Pool) => ((x: string) => pool.call(() => x))("parameter"),
    },
    {
      id: "shadow-levels",
      says: "a name that is hidden at several levels",
      call: async (pool: Pool) => {
        const seen = [await pool.call(() => x)];
        {
          const x = "block";
          seen.push(await pool.call(() => x));
          {
            const x = "inner block";
            seen.push(await pool.call(() => x));
            seen.push(await ((x: string) => pool.call(() => x))("function"));
          }
          seen.push(await pool.call(() => x));
        }
        return seen;
      },
    },
    {
      id: "shadow-inside",
      says: "a name that the closure itself hides in part",
      call: (pool: Pool) => {
        const x = { n: "outer" };
        return pool.call(() => {
          const seen = [x.n];
          {
            const x = "inner";
            seen.push(x);
          }
          seen.push(((x: string) => x)("parameter"));
          return seen;
        });
      },
    },
    {
      id: "shadow-helper",
      says: "a helper that uses one variable, and a closure that uses another of that name",
      call: (pool: Pool) => {
        const n = { is: "outer" };
        const read = () => n.is;
        {
          const n = "inner";
          return pool.call(() => [read(), n]);
        }
      },
    },
    {
      id: "shadow-helper-same-block",
      says: "a helper that hides the name inside itself",
      call: (pool: Pool) => {
        const n = { is: "outer" };
        const read = (n: string) => n;
        return pool.call(() => [read("given"), n.is]);
      },
    },
    {
      id: "shadow-global",
      says: "a variable with the name of a global",
      call: (pool: Pool) => {
        const process = { pid: -1 };
        const Map = "no map";
        return pool.call(() => [process.pid, Map]);
      },
    },
    {
      id: "shadow-console",
      says: "a variable called `console`",
      call: (pool: Pool) => {
        const console = { log: "mine" };
        return pool.call(() => console.log);
      },
    },
    {
      id: "shadow-loop",
      says: "nested loops with one name",
      call: async (pool: Pool) => {
        const seen: string[] = [];
        for (let i = 0; i < 2; i++) {
          seen.push(await pool.call(() => `o${i}`));
          for (let i = 5; i < 6; i++) seen.push(await pool.call(() => `i${i}`));
        }
        return seen;
      },
    },
    {
      id: "var-hoisting",
      says: "a `var` declared in an inner block",
      call: (pool: Pool) => {
        if (settings.rate === 2) {
          var hoisted = { n: 3 };
        }
        return pool.call(() => hoisted!.n);
      },
    },
    {
      id: "var-undefined-yet",
      says: "a `var` before its assignment is `undefined`",
      call: (pool: Pool) => {
        const answer = pool.call(() => typeof late);
        var late = 3;
        return answer;
      },
    },
    {
      id: "function-hoisting",
      says: "a function that is declared below the call",
      call: (pool: Pool) => {
        const by = { n: 2 };
        return pool.call(() => later(4));
        function later(n: number): number {
          return n * by.n;
        }
      },
    },
    {
      id: "function-used-before-declared",
      says: "a closure that is handed over before a `const` function of its block is made",
      call: (pool: Pool) => {
        const attempt = pool.call(() => late());
        const late = () => settings.rate;
        return attempt;
      },
      refused: { code: "CAPTURE_REFUSED", message: /late/, instead: "declare it above the call" },
    },
    {
      id: "used-before-declared",
      says: "a variable that is declared further down",
      call: (pool: Pool) => {
        const attempt = pool.call(() => late);
        const late = { n: 1 };
        return attempt;
      },
      refused: { code: "CAPTURE_REFUSED", message: /late/, instead: "declare it above the call" },
    },
    {
      id: "used-before-declared-nested",
      says: "a variable declared further down, through a helper",
      call: (pool: Pool) => {
        const helper = () => late.n;
        const attempt = pool.call(() => helper());
        const late = { n: 1 };
        return attempt;
      },
      refused: { code: "CAPTURE_REFUSED", message: /late/, instead: "declare it above the call" },
    },
    {
      id: "copied-at-call",
      says: "a variable as it is at the call, not later",
      call: async (pool: Pool) => {
        let n = 1;
        const first = pool.call(() => n);
        n = 2;
        const second = pool.call(() => n);
        return [await first, await second];
      },
    },
    {
      id: "object-copied-at-call",
      says: "an object as it is at the call, not later",
      call: async (pool: Pool) => {
        const state = { n: 1 };
        const first = pool.call(() => state.n);
        state.n = 2;
        return [await first, await pool.call(() => state.n)];
      },
    },
    {
      id: "shared-between-captures",
      says: "one object behind two captures stays one",
      call: (pool: Pool) => {
        const shared = { n: 1 };
        const holder = { shared };
        const list = [shared];
        return pool.call(() => [holder.shared === shared, list[0] === shared, holder, list]);
      },
    },
    {
      id: "shared-through-function",
      says: "an object that a captured function also holds",
      call: (pool: Pool) => {
        const state = { n: 1 };
        const table = { read: () => state };
        return pool.call(() => table.read() === state);
      },
    },
    {
      id: "cycle-across-captures",
      says: "a cycle across captures",
      call: (pool: Pool) => {
        const a: { b?: unknown } = {};
        const b = { a };
        a.b = b;
        return pool.call(() => [a.b === b, b.a === a, a]);
      },
    },
    {
      id: "cycle-through-function",
      says: "a cycle through a captured function",
      call: (pool: Pool) => {
        const node = { name: "node", self: () => node.name };
        return pool.call(() => node.self());
      },
    },
    {
      id: "many",
      says: "a dozen captures at once",
      call: (pool: Pool) => {
        const [a, b, c, d, e, f, g, h, i, j, k, l] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        return pool.call(() => [a, b, c, d, e, f, g, h, i, j, k, l]);
      },
    },
    {
      id: "unusual-names",
      says: "names with `$`, `_` and letters of other scripts",
      call: (pool: Pool) => {
        const $ = { n: 1 };
        const _ = { n: 2 };
        const größe = { n: 3 };
        const $captures = { n: 4 };
        const $bonfire = { n: 5 };
        return pool.call(() => [$.n, _.n, größe.n, $captures.n, $bonfire.n]);
      },
    },
    {
      id: "typeof-undeclared",
      says: "`typeof` of something that does not exist",
      call: (pool: Pool) => pool.call(() => typeof (globalThis as any).nothing),
    },
    {
      id: "nested-closures",
      says: "closures inside the closure that capture what it captures",
      call: (pool: Pool) => {
        const by = { n: 3 };
        return pool.call(() => [1, 2].map((one) => [3].map((two) => one * two * by.n)));
      },
    },
    {
      id: "changes-inside",
      says: "a captured object that the closure changes: its own copy",
      call: (pool: Pool) => {
        const list = [1];
        return pool.call(() => {
          list.push(2);
          return list.length;
        });
      },
    },
    {
      id: "using-outside",
      says: "a value held by `using` outside",
      call: (pool: Pool) => {
        using held = { n: 3, [Symbol.dispose]() {} };
        const { n } = held;
        return pool.call(() => n);
      },
    },
    {
      id: "arguments-copied",
      says: "`arguments`, copied to a constant",
      call: (pool: Pool) => {
        function outer(..._given: number[]) {
          // biome-ignore lint/complexity/noArguments: that is what is captured
          const all = [...arguments];
          return pool.call(() => all);
        }
        return outer(1, 2);
      },
    },
    {
      id: "iife",
      says: "a call inside an immediately invoked function",
      call: (pool: Pool) => {
        const a = { n: 1 };
        return (() => {
          const b = { n: 2 };
          return (function () {
            const c = { n: 3 };
            return pool.call(() => [a.n, b.n, c.n]);
          })();
        })();
      },
    },
  ],
};

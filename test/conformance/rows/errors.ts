/** What closures throw. */
import type { Pool } from "@bonfire/runtime";
import type { Group } from "../row.ts";
import { failNotFound } from "../support/shapes.ts";

class Failure extends Error {
  readonly status: number;
  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.name = "Failure";
    this.status = status;
  }
}
class Deeper extends Failure {}
function explode(): never {
  throw new RangeError("in a helper");
}

export const errors: Group = {
  title: "Errors",
  rows: [
    {
      id: "throw-error",
      says: "an error, with the file and line of its throw",
      call: (pool: Pool) =>
        pool.call(() => {
          throw new Error("thrown");
        }),
    },
    {
      id: "throw-async",
      says: "a rejection",
      call: (pool: Pool) =>
        pool.call(async () => {
          await null;
          throw new TypeError("later");
        }),
    },
    {
      id: "throw-built-in",
      says: "an error of the language",
      call: (pool: Pool) =>
        pool.call(() => {
          const nothing = undefined as any;
          return nothing.property;
        }),
    },
    {
      id: "throw-reference",
      says: "a name that exists nowhere",
      call: (pool: Pool) =>
        pool.call(() => {
          // @ts-expect-error: that is what happens
          return doesNotExist;
        }),
    },
    {
      id: "throw-from-helper",
      says: "an error from a function of the file",
      call: (pool: Pool) => pool.call(() => explode()),
    },
    {
      id: "throw-from-import",
      says: "an error of an imported class, thrown in its file",
      call: (pool: Pool) => pool.call(() => failNotFound("page")),
    },
    {
      id: "throw-from-captured",
      says: "an error from a captured function",
      call: (pool: Pool) => {
        const table = {
          fail() {
            throw new RangeError("captured");
          },
        };
        return pool.call(() => table.fail());
      },
    },
    {
      id: "throw-own-class",
      says: "an error of a class of the file",
      call: (pool: Pool) =>
        pool.call(() => {
          throw new Failure("mine", 418);
        }),
    },
    {
      id: "throw-own-subclass",
      says: "an error of a subclass of it",
      call: (pool: Pool) =>
        pool.call(() => {
          throw new Deeper("mine", 500);
        }),
    },
    {
      id: "throw-cause",
      says: "a chain of causes",
      call: (pool: Pool) =>
        pool.call(() => {
          try {
            explode();
          } catch (cause) {
            throw new Failure("outer", 1, { cause });
          }
        }),
    },
    {
      id: "throw-aggregate",
      says: "`Promise.any`'s errors",
      call: (pool: Pool) =>
        pool.call(() => Promise.any([Promise.reject(new Error("a")), Promise.reject("b")])),
    },
    {
      id: "throw-suppressed",
      says: "what `using` suppressed",
      call: (pool: Pool) =>
        pool.call(() => {
          using _held = {
            [Symbol.dispose]() {
              throw new Error("while disposing");
            },
          };
          throw new Error("first");
        }),
    },
    {
      id: "throw-properties",
      says: "`code` and own properties",
      call: (pool: Pool) =>
        pool.call(() => {
          throw Object.assign(new Error("coded"), {
            code: "E_ROW",
            details: { list: [1, { a: 2 }] },
            [Symbol.for("tag")]: 1,
          });
        }),
    },
    {
      id: "throw-name",
      says: "a `name` of its own",
      call: (pool: Pool) =>
        pool.call(() => {
          const error = new Error("named");
          error.name = "OwnName";
          throw error;
        }),
    },
    {
      id: "throw-string",
      says: "a string",
      call: (pool: Pool) =>
        pool.call(() => {
          throw "just text";
        }),
    },
    {
      id: "throw-object",
      says: "an object",
      call: (pool: Pool) =>
        pool.call(() => {
          throw { status: 404, list: [1] };
        }),
    },
    {
      id: "throw-null",
      says: "`null`",
      call: (pool: Pool) =>
        pool.call(() => {
          throw null;
        }),
    },
    {
      id: "throw-captured-error",
      says: "an error that was made by the driver",
      call: (pool: Pool) => {
        const prepared = new Failure("prepared", 7);
        return pool.call(() => {
          throw prepared;
        });
      },
    },
    {
      id: "throw-dom-exception",
      says: "an `AbortError`",
      call: (pool: Pool) => pool.call(() => AbortSignal.abort().throwIfAborted()),
    },
    {
      id: "throw-node-error",
      says: "an error of node's library, with its code",
      call: (pool: Pool) =>
        Promise.resolve(pool.call(() => Buffer.alloc(1).readInt8(9))).catch(
          ({ code, name, message }: NodeJS.ErrnoException) => [code, name, message],
        ),
    },
    {
      id: "throw-json",
      says: "a syntax error of `JSON.parse`",
      call: (pool: Pool) => pool.call(() => JSON.parse("{")),
    },
    {
      id: "throw-frozen",
      says: "a frozen error",
      call: (pool: Pool) =>
        pool.call(() => {
          throw Object.freeze(Object.assign(new Error("frozen"), { code: "F" }));
        }),
    },
    {
      id: "throw-in-callback",
      says: "an error from a callback of an array method",
      call: (pool: Pool) =>
        pool.call(() =>
          [1, 2].map((n) => {
            if (n === 2) throw new Error(`at ${n}`);
            return n;
          }),
        ),
    },
    {
      id: "throw-in-class",
      says: "an error from a constructor",
      call: (pool: Pool) =>
        pool.call(() => {
          class Strict {
            constructor() {
              throw new TypeError("not constructible");
            }
          }
          return new Strict();
        }),
    },
    {
      id: "catch-inside",
      says: "an error that is caught inside",
      call: (pool: Pool) =>
        pool.call(() => {
          try {
            return explode();
          } catch (error) {
            return [(error as Error).message, error instanceof RangeError];
          }
        }),
    },
    {
      id: "throw-with-function",
      says: "an error with a property that cannot travel",
      call: (pool: Pool) =>
        pool.call(() => {
          throw Object.assign(new Error("with function"), { retry: () => 1 });
        }),
      refused: { code: "VALUE_REFUSED", message: /"error\.retry"/, instead: "put data on errors" },
    },
    {
      id: "throw-stack-getter",
      says: "an error with a `stack` getter of its own",
      call: (pool: Pool) =>
        pool.call(() => {
          throw Object.defineProperty(new Error("m"), "stack", {
            get: () => "conformance/rows/errors.ts:1",
            configurable: true,
          });
        }),
    },
    {
      id: "throw-class",
      says: "a class where a function is wanted: the same TypeError",
      call: (pool: Pool) =>
        pool.call(class Made {} as never).catch((error: Error) => [error.name, error.message]),
    },
  ],
};

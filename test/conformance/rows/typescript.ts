// @ts-nocheck: this syntax is not erasable, which the rest of the workspace is held to
/** Syntax that node cannot run by leaving the types out: these rows run with `--experimental-transform-types`. */
import type { Pool } from "@bonfire/runtime";
import type { Group } from "../row.ts";
import { Direction } from "../support/direction.ts";

enum Color {
  Red,
  Green = 5,
  Blue,
}
enum Text {
  A = "a",
  B = "b",
}
const enum Inlined {
  One = 1,
}
namespace Geometry {
  export const unit = 2;
  export function area(side: number): number {
    return side ** 2 * unit;
  }
  export namespace Deep {
    export const depth = 3;
  }
}
class Parameter {
  constructor(
    readonly name: string,
    private count = 1,
  ) {}
  describe(): string {
    return `${this.name} ${this.count}`;
  }
}
abstract class Abstract {
  declare readonly declared: string;
  abstract run(): number;
}
class Concrete extends Abstract {
  override run(): number {
    return 4;
  }
}

export const typescript: Group = {
  title: "TypeScript that is not erasable",
  rows: [
    {
      id: "enum",
      says: "an enum of the file",
      call: (pool: Pool) => pool.call(() => [Color.Green, Color[5], Color.Blue]),
    },
    {
      id: "enum-text",
      says: "an enum of strings",
      call: (pool: Pool) => pool.call(() => Object.values(Text)),
    },
    { id: "enum-const", says: "a `const enum`", call: (pool: Pool) => pool.call(() => Inlined.One) },
    {
      id: "enum-imported",
      says: "an imported enum",
      call: (pool: Pool) => pool.call(() => [Direction.Up, Direction[1]]),
    },
    {
      id: "enum-value",
      says: "an enum's value",
      call: (pool: Pool) => {
        const color: Color = Color.Blue;
        return pool.call(() => color === Color.Blue);
      },
    },
    {
      id: "namespace",
      says: "a namespace of the file",
      call: (pool: Pool) => pool.call(() => [Geometry.unit, Geometry.area(3), Geometry.Deep.depth]),
    },
    {
      id: "parameter-properties",
      says: "parameter properties",
      call: (pool: Pool) => pool.call(() => new Parameter("p").describe()),
    },
    {
      id: "parameter-properties-instance",
      says: "an instance with parameter properties",
      call: (pool: Pool) => {
        const one = new Parameter("q", 3);
        return pool.call(() => one.describe());
      },
    },
    {
      id: "abstract-class",
      says: "abstract classes and `declare` fields",
      call: (pool: Pool) => pool.call(() => new Concrete().run()),
    },
    {
      id: "type-syntax",
      says: "`as`, `satisfies`, `!`, generics and overloads inside",
      call: (pool: Pool) =>
        pool.call(() => {
          function pick(value: string): string;
          function pick(value: number): number;
          function pick<T>(value: T): T {
            return value;
          }
          const list = [1, 2] satisfies number[];
          return [pick("a"), pick(1), list[0]!, list as unknown];
        }),
    },
  ],
};

export abstract class Shape {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
  abstract area(): number;
  describe(): string {
    return `${this.name}: ${this.area()}`;
  }
}

export class Circle extends Shape {
  readonly radius: number;
  constructor(radius: number) {
    super("circle");
    this.radius = radius;
  }
  area(): number {
    return 3 * this.radius ** 2;
  }
}

export const makeCircle = (radius: number): Circle => new Circle(radius);

export const isCircle = (value: unknown): value is Circle => value instanceof Circle;

export default class Plain {
  kind = "plain";
}

export class NotFound extends Error {
  readonly status = 404;
  override name = "NotFound";
}

export function failNotFound(what: string): never {
  throw new NotFound(`no ${what}`);
}

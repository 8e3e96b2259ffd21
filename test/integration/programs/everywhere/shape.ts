export class Circle {
  readonly radius: number;
  constructor(radius: number) {
    this.radius = radius;
  }
  area(): number {
    return 3 * this.radius ** 2;
  }
}

export const makeCircle = (radius: number): Circle => new Circle(radius);

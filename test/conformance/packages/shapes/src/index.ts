export class Square {
  readonly side: number;
  constructor(side: number) {
    this.side = side;
  }
  area(): number {
    return this.side ** 2;
  }
}

export const unitSquare = (): Square => new Square(1);

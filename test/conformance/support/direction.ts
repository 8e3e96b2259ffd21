// @ts-nocheck: this syntax is not erasable, which the rest of the workspace is held to
export enum Direction {
  Up,
  Down,
}

export function imported(): string {
  return "imported";
}

export default function byDefault(): string {
  return "by default";
}

export const CONSTANT = 12;

export let counter = 0;

/** Changes an exported binding, which importers see. */
export function count(): number {
  counter += 1;
  return counter;
}

export const settings = { rate: 3, tags: ["x"] };

const hidden = { n: 8 };

export const readHidden = (): number => hidden.n;

export interface OnlyType {
  n: number;
}

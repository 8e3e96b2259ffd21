export let counted = 0;

export function countUp(): void {
  counted++;
}

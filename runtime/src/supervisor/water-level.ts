/**
 * The fair share: the highest level up to which `amount` fills vessels that hold `from` at first and `to` at most.
 * What a vessel gets is `min(to, level) - from`, if that is above 0.
 */
export function waterLevel(vessels: readonly { from: number; to: number }[], amount: number): number {
  let low = 0;
  let high = 0;
  for (const { to } of vessels) high = Math.max(high, to);
  while (low < high) {
    const level = Math.ceil((low + high) / 2);
    let needed = 0;
    for (const { from, to } of vessels) needed += Math.max(0, Math.min(to, level) - from);
    if (needed <= amount) low = level;
    else high = level - 1;
  }
  return low;
}

export interface Figure {
  /** The median over the rounds. */
  readonly value: number;
  readonly unit: string;
  /** Microseconds of single operations, pooled over the rounds. */
  readonly p50?: number;
  readonly p99?: number;
  /** The same unit as `value`. */
  readonly floor?: number;
  /** Median over the rounds of value / floor, each taken within its round. */
  readonly ratio?: number;
  readonly goal?: string;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;
}

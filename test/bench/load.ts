/** The same load on whatever is measured: so many operations, so many at a time. */
import { quantile } from "./figure.ts";

export interface Run {
  readonly perSecond: number;
  /** Microseconds of each operation. */
  readonly latencies: readonly number[];
}

export async function load(operation: () => Promise<unknown>, count: number, width: number): Promise<Run> {
  const latencies: number[] = [];
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const start = performance.now();
      await operation();
      latencies.push((performance.now() - start) * 1_000);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: width }, worker));
  return { perSecond: count / ((performance.now() - start) / 1_000), latencies };
}

export function tail(latencies: readonly number[]): { p50: number; p99: number } {
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}

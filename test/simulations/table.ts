/** The figures of a simulation as the tables of docs/decisions/015-scaling-policy.md. */
import type { Row, Simulated } from "./simulate.ts";

export function table(simulated: readonly Simulated[]): string {
  const rows = simulated.map(({ load, bonfire, matched, flame, fixed }) => {
    const { buffer, idleAfter } = matched.setting;
    const cell = ({ cost, timesOracle, p99, mean }: Row) => {
      const ofFlame = cost === flame.cost ? "" : ` (${((100 * cost) / flame.cost).toFixed(1)} %)`;
      return `${timesOracle.toFixed(2)}${ofFlame}, ${p99.toFixed(1)} s, ${mean.toFixed(2)} s`;
    };
    return `| ${load.name} | ${cell(flame)} | ${cell(bonfire)} | ${buffer}, ${idleAfter / 1_000} s | ${cell(matched)} | ${fixed.timesOracle.toFixed(2)} (${fixed.size}) |`;
  });
  return [
    "| load | FLAME's rule | Bonfire's defaults | `buffer`, `idleAfter` | Bonfire with these | fixed size |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

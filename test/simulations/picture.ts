/** Draws how many executors there were, over what calls needed, as a small SVG that is the same each time. */
import type { Simulated } from "./simulate.ts";

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 40;
const TOP = 34;
const RIGHT = 10;
const BOTTOM = 26;
const POINTS = 360;

type Span = readonly [from: number, to: number];

export function picture(
  { load, outcomes, oracleLives, bonfire, flame, oracle }: Simulated,
  shownUntil: number,
): string {
  const times = Array.from({ length: POINTS + 1 }, (_, n) => (n * shownUntil) / POINTS);
  const curves = {
    running: times.map((at) => count(outcomes.bonfire.runs, at)),
    flame: times.map((at) => count(outcomes.flame.lives, at)),
    bonfire: times.map((at) => count(outcomes.bonfire.lives, at)),
    oracle: times.map((at) => count(oracleLives, at)),
  };
  const most = Math.max(...Object.values(curves).flat());
  const x = (n: number) => (LEFT + (n / POINTS) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number) => (HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  // Steps, as there are no halves of an executor.
  const line = (values: readonly number[]) =>
    values.map((value, n) => (n === 0 ? `M${x(0)} ${y(value)}` : `H${x(n)}V${y(value)}`)).join("");
  const ground = `V${y(0)}H${x(0)}Z`;
  const text = (atX: number, atY: number, words: string, more = "") =>
    `<text x="${atX}" y="${atY}"${more}>${words}</text>`;
  const key = [
    ["#f3c98b", "calls running; costs in executor-hours"],
    ["#8a94a6", `FLAME's rule: ${hours(flame.cost)}`],
    ["#d9480f", `Bonfire: ${hours(bonfire.cost)}`],
    ["#2b8a3e", `oracle: ${hours(oracle.cost)}`],
  ] as const;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11" fill="#333">
<title>${load.name}: executors and running calls over time</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${text(LEFT, 16, `${load.name}: ${load.about}`, ' font-size="13"')}
<path d="${line(curves.running)}${ground}" fill="#f3c98b"/>
<path d="${line(curves.flame)}" fill="none" stroke="#8a94a6" stroke-width="1.5"/>
<path d="${line(curves.oracle)}" fill="none" stroke="#2b8a3e"/>
<path d="${line(curves.bonfire)}" fill="none" stroke="#d9480f" stroke-width="1.5"/>
<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}" fill="none" stroke="#333"/>
${text(LEFT - 6, TOP + 8, String(most), ' text-anchor="end"')}
${text(LEFT - 6, HEIGHT - BOTTOM, "0", ' text-anchor="end"')}
${text(WIDTH - RIGHT, HEIGHT - 8, `${Math.round(shownUntil / 60)} min`, ' text-anchor="end"')}
${key.map(([colour, words], n) => `<rect x="${LEFT + (n > 0 ? 80 : 0) + n * 145}" y="${HEIGHT - 16}" width="10" height="8" fill="${colour}"/>${text(LEFT + 14 + (n > 0 ? 80 : 0) + n * 145, HEIGHT - 8, words)}`).join("\n")}
</svg>
`;
}

function count(spans: readonly Span[], at: number): number {
  let there = 0;
  for (const [from, to] of spans) if (from <= at && at < to) there++;
  return there;
}

function hours(seconds: number): string {
  return `${(seconds / 3_600).toFixed(1)} h`;
}

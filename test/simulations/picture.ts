/** Draws how many executors there were, over what calls needed, as a small SVG that is the same each time. */
import { oracle } from "./oracle.ts";
import type { Simulated } from "./simulate.ts";

const WIDTH = 760;
const HEIGHT = 280;
const LEFT = 52;
const TOP = 58;
const RIGHT = 16;
const BOTTOM = 44;
const POINTS = 600;
/** Where the words to the lines begin. */
const KEYS = [120, 285, 410] as const;
/** The first part, in seconds: more would show less. */
const SHOWN: Readonly<Record<string, number>> = { burst: 1_800, sawtooth: 600 };
const SHOWN_OF_OTHERS = 3_600;

type Span = readonly [from: number, to: number];

export function picture({ load, concurrency, drawn }: Simulated): string {
  const best = oracle(drawn.bonfire.runs, concurrency, load.bootTakes);
  const until = SHOWN[load.name] ?? SHOWN_OF_OTHERS;
  const times = Array.from({ length: POINTS + 1 }, (_, n) => (n * until) / POINTS);
  const curve = (spans: readonly Span[]) => times.map((at) => count(spans, at));
  const running = curve(drawn.bonfire.runs);
  const lines = [
    { colour: "#7a8599", name: "FLAME's rule", cost: drawn.flame.cost, values: curve(drawn.flame.lives) },
    { colour: "#2b8a3e", name: "oracle", cost: best.cost, values: curve(best.lives) },
    { colour: "#d9480f", name: "Bonfire", cost: drawn.bonfire.cost, values: curve(drawn.bonfire.lives) },
  ];
  const stepY = tick(Math.max(...running, ...lines.flatMap(({ values }) => values)), 4);
  const most = stepY * Math.ceil(Math.max(...lines.flatMap(({ values }) => values)) / stepY);
  const stepX = tick(until / 60, 8);
  const x = (at: number) => (LEFT + (at / until) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number) => (HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  // Steps, as there are no halves of an executor.
  const steps = (values: readonly number[]) =>
    values
      .map((value, n) =>
        n === 0
          ? `M${x(0)} ${y(value)}`
          : value === values[n - 1]
            ? ""
            : `H${x(times[n] as number)}V${y(value)}`,
      )
      .concat(`H${x(until)}`)
      .join("");
  const text = (atX: number | string, atY: number | string, anchor: string, words: string) =>
    `<text x="${atX}" y="${atY}" text-anchor="${anchor}">${words}</text>`;
  const axisY = Array.from({ length: Math.round(most / stepY) + 1 }, (_, n) => n * stepY).map(
    (value) =>
      `<path d="M${LEFT} ${y(value)}H${WIDTH - RIGHT}" stroke="#e3e6ea"/>${text(LEFT - 6, Number(y(value)) + 4, "end", String(value))}`,
  );
  const axisX = Array.from({ length: Math.floor(until / 60 / stepX) + 1 }, (_, n) => n * stepX).map(
    (minute) =>
      `<path d="M${x(minute * 60)} ${y(0)}v4" stroke="#333"/>${text(x(minute * 60), HEIGHT - BOTTOM + 16, "middle", String(minute))}`,
  );
  const key = lines.map(({ colour, name, cost }, n) => {
    const left = LEFT + (KEYS[n] as number);
    const words = `${name}: ${(cost / 3_600).toFixed(1)} h`;
    return `<path d="M${left} 40h18" stroke="${colour}" stroke-width="3"/>${text(left + 24, 44, "start", words)}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="11" fill="#333">
<title>${load.name}: executors and running calls over time</title>
<rect width="${WIDTH}" height="${HEIGHT}" rx="6" fill="#fff"/>
<text x="${LEFT}" y="22" font-size="14"><tspan font-weight="bold">${load.name}</tspan>: ${load.about}</text>
<rect x="${LEFT}" y="34" width="18" height="12" fill="#f3c98b"/>${text(LEFT + 24, 44, "start", "running calls")}
${key.join("\n")}
${text(WIDTH - RIGHT, 44, "end", "executor-hours in all")}
${axisY.join("\n")}
<path d="${steps(running)}V${y(0)}H${x(0)}Z" fill="#f3c98b"/>
${lines.map(({ colour, values }) => `<path d="${steps(values)}" fill="none" stroke="${colour}" stroke-width="1.5"/>`).join("\n")}
<path d="M${LEFT} ${TOP}V${y(0)}H${WIDTH - RIGHT}" fill="none" stroke="#333"/>
${axisX.join("\n")}
${text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "middle", "minutes")}
<text transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">executors</text>
</svg>
`;
}

/** A round number of which at most `parts` make `most`. */
function tick(most: number, parts: number): number {
  for (let ten = 1; ; ten *= 10) {
    for (const one of [1, 2, 5]) if (one * ten * parts >= most) return one * ten;
  }
}

function count(spans: readonly Span[], at: number): number {
  let there = 0;
  for (const [from, to] of spans) if (from <= at && at < to) there++;
  return there;
}

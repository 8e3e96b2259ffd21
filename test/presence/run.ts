/**
 * How long it takes until everything of a driver that is gone is gone too, counted over many drivers. The executors
 * are no children of the driver, so that presence alone can tell them.
 *
 *     pnpm test:presence            5 of each, and 2 freezes
 *     pnpm test:presence --full     200 × kill -9, 200 × clean exit, 20 × SIGSTOP, 20 × kill -9 of an agent with ffmpeg
 *     pnpm test:presence --plain    on a nats-server that tells nothing of disconnects
 *     pnpm test:presence --only exit    one of kill, exit, stop, agent; may be given several times
 *
 * Ends with 1 if a bound was missed or something was left.
 */
import { parseArgs } from "node:util";
import { commandsOf, descendants, untilGone } from "../harness/gone.ts";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";
import { Platform } from "../harness/platform.ts";
import { Program } from "../harness/program.ts";

const GIVE_UP_MS = 20_000;
const EXECUTORS = 8;

/** Every so many rounds it says how far it is. */
const SAY_EVERY = 20;

interface Bound {
  readonly p50?: number;
  readonly max: number;
}

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    plain: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
  },
});
const rounds = (full: number, short: number) => (values.full ? full : short);
await using server = await NatsServer.start({ hints: !values.plain });
await using platform = await Platform.start();

/** Where nothing tells of a disconnect, the missed beat has to: 0.75 s later at worst. */
const LATER = values.plain ? 750 : 0;
const MEASUREMENTS: Record<string, () => Promise<Result>> = {
  kill: () =>
    measure("kill -9 of a driver", rounds(200, 5), { p50: 1_700 + LATER, max: 2_500 + LATER }, (driver) =>
      driver.child.kill("SIGKILL"),
    ),
  exit: () => measure("clean exit", rounds(200, 5), { max: 500 }, (driver) => driver.say("close")),
  stop: () =>
    measure("SIGSTOP of a driver", rounds(20, 2), { max: 8_000 }, (driver) => driver.child.kill("SIGSTOP")),
  agent: () => agentsWithFfmpeg(rounds(20, 2)),
};
const results: Result[] = [];
for (const name of values.only ?? Object.keys(MEASUREMENTS)) {
  const measurement = MEASUREMENTS[name];
  if (!measurement) throw new RangeError(`--only takes ${Object.keys(MEASUREMENTS).join(", ")}, got ${name}`);
  results.push(await measurement());
}
console.table(
  Object.fromEntries(
    results.map(({ name, times, bound }) => [
      name,
      {
        n: times.length,
        p50: quantile(times, 0.5),
        p99: quantile(times, 0.99),
        max: quantile(times, 1),
        ...verdict(times, bound),
      },
    ]),
  ),
);
if (results.some(({ times, bound }) => verdict(times, bound).bound.startsWith("missed")))
  process.exitCode = 1;

interface Result {
  readonly name: string;
  readonly times: readonly number[];
  readonly bound: Bound;
}

async function measure(
  name: string,
  count: number,
  bound: Bound,
  end: (driver: Program) => void,
): Promise<Result> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    await using driver = flock(EXECUTORS);
    await driver.line(/^ready/);
    const pids = await familyOf(platform.running.map(({ pid }) => pid));
    const start = performance.now();
    end(driver);
    await untilGone(pids, GIVE_UP_MS);
    times.push(performance.now() - start);
    tellProgress(name, times, count);
  }
  return { name, times, bound };
}

/** What an agent that is killed leaves behind must go too: its cell, and the ffmpeg that the cell runs. */
async function agentsWithFfmpeg(count: number): Promise<Result> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    // Processes that are gone may still have to be noted as such.
    await until(() => platform.running.length === 0);
    await using driver = flock(1, { FFMPEG: "1" });
    await driver.line(/^ready/);
    const [agent] = platform.running.map(({ pid }) => pid) as [number];
    let below: number[] = [];
    // A process that has just been forked is not yet called what it runs.
    await until(async () => {
      below = await descendants(agent);
      return (await commandsOf(below)).includes("ffmpeg");
    });
    const start = performance.now();
    process.kill(agent, "SIGKILL");
    await untilGone(below, GIVE_UP_MS);
    times.push(performance.now() - start);
    tellProgress("kill -9 of an agent with ffmpeg", times, count);
    await driver.line(/^encoding failed (EXECUTOR_LOST|ACTOR_LOST)$/);
    driver.child.kill("SIGKILL");
    await untilGone(
      platform.running.map(({ pid }) => pid),
      GIVE_UP_MS,
    );
  }
  return { name: "kill -9 of an agent with ffmpeg", times, bound: { max: 2_500 } };
}

function flock(executors: number, env: NodeJS.ProcessEnv = {}): Program {
  const all = { NATS_URL: server.url, PLATFORM: platform.url, EXECUTORS: String(executors), ...env };
  return new Program("presence/flock-driver.ts", { env: all });
}

function tellProgress(name: string, times: readonly number[], count: number): void {
  if (times.length % SAY_EVERY !== 0 && times.length !== count) return;
  console.error(
    `${name}: ${times.length} of ${count}, p50 ${quantile(times, 0.5)} ms, max ${quantile(times, 1)} ms`,
  );
}

async function familyOf(pids: readonly number[]): Promise<number[]> {
  const below = await Promise.all(pids.map(descendants));
  return [...pids, ...below.flat()];
}

function verdict(times: readonly number[], { p50, max }: Bound): { bound: string } {
  const text = `${p50 === undefined ? "" : `p50 ≤ ${p50}, `}max ≤ ${max}`;
  const met = quantile(times, 1) <= max && (p50 === undefined || quantile(times, 0.5) <= p50);
  return { bound: `${met ? "met" : "missed"}: ${text}` };
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number);
}

/** Monitors are told once, of what is true, in time. */
import { type Ending, nodeOf, type Of } from "../event.ts";
import type { Bounds, Facts, Findings } from "../facts.ts";

/** A monitor that was set so short before the end may find nobody any more. */
const RACE_MS = 1_000;
/** Monitors of one process are told one after the other, and clocks of two differ by a little. */
const SKEW_MS = 5;
/** How long a request to monitor may be under way. */
const ON_ITS_WAY_MS = 50;

export function downs(facts: Facts, bounds: Bounds): Findings {
  const broken: string[] = [];
  const owed: string[] = [];
  const told = Map.groupBy(facts.of("down"), ({ monitor }) => monitor);
  const takenBack = new Map(facts.of("unmonitored").map(({ monitor, at }) => [monitor, at]));
  for (const monitored of facts.of("monitored")) {
    const { monitor, by, of } = monitored;
    const heard = told.get(monitor) ?? [];
    told.delete(monitor);
    const name = `monitor ${monitor} of ${of} by ${by}`;
    if (heard.length > 1) broken.push(`${name} was told ${heard.length} times: ${heard.map(reasonOf)}`);
    const [down] = heard;
    const takenBackAt = takenBack.get(monitor);
    if (down && takenBackAt !== undefined && takenBackAt <= down.at)
      broken.push(`${name} was told ${down.reason} after it had been taken back`);
    if (!down) {
      if (takenBackAt === undefined && facts.end(of) && !watcherEnd(facts, by)) owed.push(`DOWN for ${name}`);
      continue;
    }
    const lie = untrue(facts, monitored, down);
    if (lie) broken.push(`${name} was told ${down.reason}: ${lie}`);
    const late = lateness(facts, monitored, down, bounds);
    if (late > 0) broken.push(`${name} was told ${down.reason} ${Math.round(late)} ms too late`);
  }
  for (const [monitor] of told) broken.push(`monitor ${monitor} was told, and nobody had set it`);
  return { broken, owed };
}

/** How long each news took that was held up by nothing: the figures of a run. */
export function downTimes(facts: Facts): { lost: boolean; ms: number }[] {
  const times: { lost: boolean; ms: number }[] = [];
  const told = new Map(facts.of("down").map((down) => [down.monitor, down]));
  for (const { monitor, by, of, at } of facts.of("monitored")) {
    const end = facts.end(of);
    const down = told.get(monitor);
    if (!end || !down || facts.disturbed([nodeOf(of), nodeOf(by)], at, down.at)) continue;
    times.push({ lost: end.reason === "lost", ms: down.at - Math.max(end.at, at) });
  }
  return times;
}

/** Whoever has ended hears nothing any more. */
function watcherEnd(facts: Facts, by: string): number | undefined {
  return by.includes("/") ? facts.end(by)?.at : facts.killed(by);
}

function untrue(facts: Facts, { by, of, at }: Of<"monitored">, down: Of<"down">): string | undefined {
  const nodes = [nodeOf(of), nodeOf(by)];
  const end = facts.end(of);
  const excused = facts.excused(nodes, at, down.at);
  if (!end || end.at > down.at + SKEW_MS) return excused ? undefined : "it lived";
  if (allowed(facts, of, end.reason, down)) return undefined;
  if (down.reason === "no-such-actor" && end.at - at < RACE_MS) return undefined;
  // What was said meanwhile may not have been heard: then the watcher learns only that it is not there.
  if (down.reason === "no-such-actor" && facts.disturbed(nodes, at, down.at)) return undefined;
  if (down.reason === "lost" && excused) return undefined;
  // The node of an actor on an executor goes with it: then nobody is left to say that it ended in order.
  if (down.reason === "lost" && facts.driver(nodeOf(of)) && at > end.at - ON_ITS_WAY_MS) return undefined;
  return `it ended as ${end.reason}`;
}

/** Its process may be killed before the last words are out. */
function allowed(facts: Facts, of: string, reason: Ending, down: Of<"down">): boolean {
  const killed = facts.killed(nodeOf(of));
  if (down.reason === reason) return true;
  if (killed === undefined || killed > down.at) return false;
  // An executor whose driver is gone ends in order, if it has the time.
  const driver = facts.driver(nodeOf(of));
  const isOrphan = driver !== undefined && facts.killed(driver) !== undefined;
  return down.reason === "lost" || (down.reason === "normal" && isOrphan);
}

function lateness(facts: Facts, { by, of, at }: Of<"monitored">, down: Of<"down">, bounds: Bounds): number {
  const end = facts.end(of);
  if (!end) return 0;
  const since = facts.undisturbedSince([nodeOf(of), nodeOf(by)], Math.max(end.at, at));
  // The process may be killed right after the actor's end, with the news on its way.
  const killed = Math.max(facts.killed(nodeOf(of)) ?? 0, since);
  return down.reason === "lost" || end.reason === "lost"
    ? down.at - killed - bounds.lost
    : down.at - since - bounds.ended;
}

function reasonOf({ reason }: Of<"down">): string {
  return reason;
}

/** A name has one holder: turns under it never go back to an earlier token, and who is found by it is there. */
import { nodeOf, type Of } from "../event.ts";
import type { Bounds, Facts, Findings } from "../facts.ts";

export function names(facts: Facts, bounds: Bounds): Findings {
  const nameOf = new Map<string, string>();
  const tokens = new Map<string, string>();
  const broken: string[] = [];
  for (const { name, place, token } of facts.of("named")) {
    nameOf.set(`${place} ${token}`, name);
    const other = tokens.get(`${name} ${token}`);
    if (other !== undefined && other !== place)
      broken.push(`${place} has ${name} with the token of ${other}`);
    tokens.set(`${name} ${token}`, place);
  }
  return {
    broken: [...broken, ...outdated(facts, nameOf), ...released(facts), ...found(facts, bounds)],
    owed: [],
  };
}

/** No turn under a name runs after one with a later token began. */
function outdated(facts: Facts, nameOf: ReadonlyMap<string, string>): string[] {
  const broken: string[] = [];
  const latest = new Map<string, Of<"handled">>();
  for (const turn of facts.of("handled").sort((one, other) => one.at - other.at)) {
    const name = turn.token && nameOf.get(`${turn.by} ${turn.token}`);
    if (!name) continue;
    const before = latest.get(name);
    if (before && BigInt(before.token as string) > BigInt(turn.token as string))
      broken.push(
        `${turn.by} handled ${turn.message} as ${name} after ${before.by}, which had the name later, handled ${before.message}`,
      );
    else latest.set(name, turn);
  }
  return broken;
}

/** Nothing is handled under a name that was released, unless the actor's node could not be told. */
function released(facts: Facts): string[] {
  const broken: string[] = [];
  for (const { name, place, token, at } of facts.of("released")) {
    const turn = facts.of("handled").find((one) => one.by === place && one.token === token && one.at > at);
    if (turn && !facts.disturbed([nodeOf(place)], at, turn.at))
      broken.push(`${place} handled ${turn.message} as ${name} after that was released`);
  }
  return broken;
}

function found(facts: Facts, bounds: Bounds): string[] {
  const broken: string[] = [];
  for (const { name, place, at } of facts.of("found")) {
    if (place === undefined) continue;
    const isMeant = facts.of("naming").some((one) => one.name === name && one.node === nodeOf(place));
    if (!isMeant) broken.push(`${place} was found as ${name}, and nobody had named it`);
    const end = facts.end(place);
    if (end && at > facts.undisturbedSince([nodeOf(place)], end.at) + bounds.ended)
      broken.push(`${place} was found as ${name} after it had ended as ${end.reason}`);
  }
  return broken;
}

/** A name has one holder: turns under it never go back to an earlier token, and who is found by it is there. */
import { nodeOf, type Of } from "../event.ts";
import type { Bounds, Facts, Findings } from "../facts.ts";

export function names(facts: Facts, bounds: Bounds): Findings {
  const tokens = new Map<string, string>();
  const broken: string[] = [];
  for (const { name, place, token } of facts.of("named")) {
    const other = tokens.get(`${name} ${token}`);
    if (other !== undefined && other !== place)
      broken.push(`${place} has ${name} with the token of ${other}`);
    tokens.set(`${name} ${token}`, place);
  }
  return {
    broken: [...broken, ...outdated(facts), ...released(facts), ...found(facts, bounds)],
    owed: [],
  };
}

/** How often a name went from one actor that acted under it to another that did. */
export function successions(facts: Facts): number {
  const turns = [...turnsByName(facts).values()];
  return turns.reduce((sum, turns) => sum + new Set(turns.map(({ token }) => token)).size - 1, 0);
}

/** What was handled under each name, in the order in which that began. */
function turnsByName(facts: Facts): Map<string, Of<"handled">[]> {
  const names = new Map(facts.of("named").map(({ name, place, token }) => [`${place} ${token}`, name]));
  const nameOf = ({ by, token }: Of<"handled">) => names.get(`${by} ${token}`) ?? "";
  const turns = facts.of("handled").filter((turn) => nameOf(turn) !== "");
  return Map.groupBy(
    turns.sort((one, other) => one.at - other.at),
    nameOf,
  );
}

/** No turn under a name runs after one with a later token began. */
function outdated(facts: Facts): string[] {
  const broken: string[] = [];
  for (const [name, turns] of turnsByName(facts)) {
    turns.reduce((latest, turn) => {
      if (BigInt(latest.token as string) <= BigInt(turn.token as string)) return turn;
      broken.push(
        `${turn.by} handled ${turn.message} as ${name} after ${latest.by}, which had the name later, handled ${latest.message}`,
      );
      return latest;
    });
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

// Users who write into rooms without a pause, and note what became of each line.
import { setTimeout as pause } from "node:timers/promises";
import type { Line } from "./actors.ts";

const PAUSE_MS = 30;

export interface Outcome {
  requests: number;
  limited: number;
  /** By the reason that the front gave. */
  readonly failures: Map<string, number>;
  /** Of each room, the longest time in ms between two lines that went in. */
  readonly gaps: Map<string, number>;
  /** Of each room, the ids of the lines that went in. */
  readonly accepted: Map<string, Set<string>>;
}

export async function load(
  url: string,
  rooms: readonly string[],
  users: number,
  ms: number,
): Promise<Outcome> {
  const outcome: Outcome = {
    requests: 0,
    limited: 0,
    failures: new Map(),
    gaps: new Map(),
    accepted: new Map(rooms.map((room) => [room, new Set()])),
  };
  const until = performance.now() + ms;
  const last = new Map(rooms.map((room) => [room, performance.now()]));
  const user = async (from: string) => {
    for (let turn = 0; performance.now() < until; turn++) {
      const room = rooms[turn % rooms.length] as string;
      const line: Line = { id: `${from}-${turn}`, from, text: "hello" };
      const response = await fetch(`${url}/rooms/${room}`, { method: "POST", body: JSON.stringify(line) });
      const text = await response.text();
      outcome.requests++;
      if (response.status === 429) outcome.limited++;
      else if (!response.ok) outcome.failures.set(text, (outcome.failures.get(text) ?? 0) + 1);
      else {
        const now = performance.now();
        const gap = now - (last.get(room) as number);
        outcome.gaps.set(room, Math.max(outcome.gaps.get(room) ?? 0, gap));
        last.set(room, now);
        outcome.accepted.get(room)?.add(line.id);
      }
      await pause(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: users }, (_, n) => user(`user-${n}`)));
  return outcome;
}

/** Where a process of the model writes down what it sees: it goes to whoever started it, at once. */
import { clock, type Event, type News } from "./event.ts";

export interface Entry {
  readonly sequence: string;
  readonly event: Event;
}

/** `key`: of an actor, a message, a monitor: it begins with the sequence that it belongs to. */
export function record(key: string, news: News): void {
  const entry: Entry = { sequence: sequenceOf(key), event: { at: clock(), ...news } as Event };
  if (process.connected) process.send?.(entry);
}

export function sequenceOf(key: string): string {
  return key.split("/")[0] as string;
}

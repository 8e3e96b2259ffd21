/** Takes down what actors on executors see, who have no channel but messages. */
import { Actor } from "@bonfire/runtime";
import { clock, type Event, type News } from "./event.ts";
import { type Entry, sequenceOf } from "./ledger.ts";

export class Scribe extends Actor {
  readonly #heard: (entry: Entry) => void;

  constructor(heard: (entry: Entry) => void) {
    super();
    this.#heard = heard;
  }

  /** `at`: on the wall clock. */
  write(key: string, at: number, news: News): void {
    const sinceThen = performance.timeOrigin + performance.now() - at;
    this.#heard({ sequence: sequenceOf(key), event: { at: clock() - sinceThen, ...news } as Event });
  }
}

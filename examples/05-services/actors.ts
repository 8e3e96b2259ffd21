// The actors that the services share. The front knows them as types; the two other processes run them.
import { Actor } from "@bonfire/runtime";

export interface Line {
  readonly id: string;
  readonly from: string;
  readonly text: string;
}

/** A chat room. There is one of each name in the cluster, in whichever process runs it at the moment. */
export class Room extends Actor {
  static readonly reentrant = ["lines"] as const;
  #lines: Line[] = [];

  say(line: Line): number {
    return this.#lines.push(line);
  }

  lines(): readonly Line[] {
    return this.#lines;
  }

  override snapshot(): Line[] {
    return this.#lines;
  }

  override restore(lines: Line[]): void {
    this.#lines = lines;
  }
}

const PER_SECOND = 40;

/** Lets a user do so much in a second. Nothing of it is kept: one that is started anew is generous for a moment. */
export class RateLimiter extends Actor {
  #left = PER_SECOND;

  override onStart(): void {
    this.every("1s", () => {
      this.#left = PER_SECOND;
    });
  }

  take(): boolean {
    return this.#left > 0 && this.#left-- > 0;
  }
}

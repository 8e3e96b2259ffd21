/** What waits for an actor, in order of arrival: letters of others, and tasks of its own. */
import { Letter } from "./letter.ts";

/** Something the actor has to do between two letters: a timer, news of another actor, its own end. */
export interface Task {
  run(): void | Promise<void>;
}

/** How many places may stay empty in front before the list is cut. */
const SLACK = 64;

export class Mailbox {
  #items: (Letter | Task)[] = [];
  #head = 0;
  #letters = 0;

  /** Letters that wait; those whose asker has gone do not count. */
  get depth(): number {
    return this.#letters;
  }

  put(item: Letter | Task): void {
    if (item instanceof Letter) {
      this.#letters++;
      item.waiting = true;
    }
    this.#items.push(item);
  }

  /** The next whose sender still waits. */
  take(): Letter | Task | undefined {
    for (;;) {
      if (this.#head === this.#items.length) {
        if (this.#head > 0) this.#clear();
        return undefined;
      }
      const item = this.#items[this.#head] as Letter | Task;
      this.#items[this.#head++] = GONE;
      if (this.#head > SLACK && this.#head * 2 > this.#items.length) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
      if (item === GONE) continue;
      if (!(item instanceof Letter)) return item;
      if (!item.waiting) continue;
      item.waiting = false;
      this.#letters--;
      if (!item.settled && !item.isExpired) return item;
    }
  }

  /** The letter need not be handled any more. */
  forget(letter: Letter): void {
    if (!letter.waiting) return;
    letter.waiting = false;
    this.#letters--;
  }

  /** Takes out the letter that has waited longest. */
  takeOldest(): Letter | undefined {
    for (let at = this.#head; at < this.#items.length; at++) {
      const item = this.#items[at];
      if (!(item instanceof Letter) || !item.waiting) continue;
      this.#items[at] = GONE;
      this.forget(item);
      return item;
    }
    return undefined;
  }

  /** Empties it; returns the letters that were waiting. */
  drain(): Letter[] {
    const left = this.#items
      .slice(this.#head)
      .filter((item): item is Letter => item instanceof Letter && item.waiting);
    for (const letter of left) letter.waiting = false;
    this.#letters = 0;
    this.#clear();
    return left;
  }

  #clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}

const GONE: Task = { run: () => undefined };

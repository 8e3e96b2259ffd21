/**
 * Our own reply inbox. nats.js's `request()` does a third of this one's rate, as it makes a promise, a timer and an
 * error with a stack for each question; here a question is one map entry and a place on a timer wheel.
 */
import { deadLetter, isUnreadable, surface } from "./guard.ts";
import type { Mail } from "./node-bus.ts";
import { subject } from "./subject.ts";
import { TimerWheel, Wait } from "./timer-wheel.ts";

/** A question that waits for one reply. Exactly one of its three methods is called, once. */
export abstract class Question extends Wait {
  /** @internal its key in the inbox; 0 = not asked */
  key = 0;
  abstract onReply(data: Uint8Array): void;
  /** Nobody listens on the subject that was asked: the other side is gone, and the server says so at once. */
  abstract onNobody(): void;
}

export class Inbox {
  readonly #questions = new Map<number, Question>();
  readonly #wheel = new TimerWheel<Question>(undefined, (question) => {
    this.#questions.delete(question.key);
    question.onExpire();
  });
  readonly #prefix: string;
  #next = 1;

  constructor(node: string, subscribe: (to: string, receive: (message: Mail) => void) => unknown) {
    this.#prefix = subject.reply(node, "");
    subscribe(subject.everyReply(node), (message) => this.#receive(message));
  }

  /** Registers the question and returns the subject to which its reply must go. `deadline`: ms from now. */
  ask(question: Question, deadline: number): string {
    const key = this.#next;
    // It has to fit into 32 bits; none waits for so long that its number comes again.
    this.#next = (key % 0xffff_ffff) + 1;
    question.key = key;
    this.#questions.set(key, question);
    this.#wheel.add(question, deadline);
    return this.#prefix + key.toString(36);
  }

  /** Takes a question back: none of its methods will be called any more. */
  forget(question: Question): void {
    // What does not wait here may wait on a wheel of somebody else's, from which it must not be taken.
    if (!this.#questions.delete(question.key)) return;
    this.#wheel.remove(question);
  }

  /** Nobody will answer any more: tells every question so, and stops the timer. */
  close(): void {
    const left = [...this.#questions.values()];
    this.#questions.clear();
    for (const question of left) {
      this.#wheel.remove(question);
      try {
        question.onNobody();
      } catch (error) {
        surface(error);
      }
    }
  }

  get size(): number {
    return this.#questions.size;
  }

  /** An answer that came by another way. */
  answered(key: number, data: Uint8Array, from: string): void {
    const question = this.#take(key);
    if (question) this.#answer(question, data, from);
  }

  #receive(message: Mail): void {
    const question = this.#take(Number.parseInt(message.subject.slice(this.#prefix.length), 36));
    if (!question) return; // late: its asker has given up
    if (message.data.length === 0 && message.headers?.code === 503) question.onNobody();
    else this.#answer(question, message.data, message.subject);
  }

  #take(key: number): Question | undefined {
    const question = this.#questions.get(key);
    if (!question) return undefined;
    this.#questions.delete(key);
    this.#wheel.remove(question);
    return question;
  }

  #answer(question: Question, data: Uint8Array, from: string): void {
    try {
      question.onReply(data);
    } catch (error) {
      if (!isUnreadable(error, data)) throw error;
      deadLetter(from, error);
      // An answer that cannot be read is none; without this its asker would wait for ever.
      question.onExpire();
    }
  }
}

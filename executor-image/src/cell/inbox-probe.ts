/** Asks whether a node's inbox is subscribed: a node that has lost its link comes back a moment before or after us. */
import { type Bus, Question, subject } from "@bonfire/runtime/internal";

const PROBE_MS = 100;
/** No question has this key: the node ignores what comes for it, but the server tells if nobody listens. */
const NO_QUESTION = "0";
const NOTHING = new Uint8Array(0);

/** True if the server has not said within 100 ms that nobody is there. Throws `LINK_DOWN`. */
export function inboxListens(bus: Bus, node: string): Promise<boolean> {
  return new Promise((resolve) => {
    bus.ask(subject.reply(node, NO_QUESTION), NOTHING, new Probe(resolve), PROBE_MS);
  });
}

class Probe extends Question {
  readonly #answer: (listens: boolean) => void;

  constructor(answer: (listens: boolean) => void) {
    super();
    this.#answer = answer;
  }

  onReply(): void {
    this.#answer(true);
  }

  onNobody(): void {
    this.#answer(false);
  }

  onExpire(): void {
    this.#answer(true);
  }
}

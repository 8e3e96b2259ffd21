/** Messages are handled in order, at most once, by whom they were meant for; asks have one outcome each. */
import type { Of } from "../event.ts";
import type { Facts, Findings } from "../facts.ts";

/** Errors that say that the message was not handled. */
const UNHANDLED: ReadonlySet<string> = new Set([
  "NO_SUCH_ACTOR",
  "STALE_EPOCH",
  "MAILBOX_FULL",
  "LINK_DOWN",
  "NO_SUCH_NAME",
]);

export function deliveries(facts: Facts): Findings {
  const sent = new Map(facts.of("sent").map((one) => [one.message, one]));
  const order = new Map([...sent.keys()].map((message, index) => [message, index]));
  const answers = Map.groupBy(facts.of("answered"), ({ message }) => message);
  const handled = Map.groupBy(facts.of("handled"), ({ message }) => message);
  const broken: string[] = [];
  const owed: string[] = [];

  for (const [message, times] of handled) {
    const one = sent.get(message);
    const [{ by, sender }] = times as [Of<"handled">];
    if (times.length > 1) broken.push(`message ${message} was handled by ${times.map((time) => time.by)}`);
    if (!one) {
      broken.push(`message ${message} was handled by ${by}, and nobody had sent it`);
      continue;
    }
    if (one.to !== undefined && one.to !== by)
      broken.push(`message ${message} to ${one.to} was handled by ${by}`);
    if (sender !== one.by) broken.push(`message ${message} of ${one.by} was handled as one of ${sender}`);
  }

  for (const one of sent.values()) {
    if (!one.asks) continue;
    const { message } = one;
    const outcomes = answers.get(message) ?? [];
    const [answer] = outcomes;
    if (outcomes.length > 1) broken.push(`ask ${message} has ${outcomes.length} outcomes`);
    if (!answer) {
      if (facts.killed(one.by) === undefined) owed.push(`the outcome of ask ${message} to ${one.to}`);
      continue;
    }
    const by = handled.get(message)?.[0]?.by;
    if (answer.code === undefined && answer.place !== by)
      broken.push(`ask ${message} was answered by ${answer.place} and handled by ${by}`);
    if (answer.code !== undefined && UNHANDLED.has(answer.code) && by)
      broken.push(`ask ${message} failed with ${answer.code} and was handled by ${by}`);
    // Who was away may be told so as late as that, and takes the actor that it supervises or hosts with it.
    const isExcused = facts.of("killed").some(({ at }) => at >= one.at);
    if (one.must && answer.code !== undefined && !isExcused)
      broken.push(`ask ${message} failed with ${answer.code}`);
  }

  return { broken: [...broken, ...disorder(facts, sent, order), ...afterlife(facts)], owed };
}

function disorder(
  facts: Facts,
  sent: ReadonlyMap<string, Of<"sent">>,
  order: ReadonlyMap<string, number>,
): string[] {
  const found: string[] = [];
  const last = new Map<string, string>();
  for (const { message, by } of facts.of("handled")) {
    const one = sent.get(message);
    if (!one || one.any) continue;
    const pair = `${one.by} ${by}`;
    const before = last.get(pair);
    if (before !== undefined && (order.get(before) as number) > (order.get(message) as number))
      found.push(`${by} handled ${message} after ${before}, which was sent later by ${one.by}`);
    last.set(pair, message);
  }
  return found;
}

/** Nothing is handled after the end. */
function afterlife(facts: Facts): string[] {
  const ended = new Set<string>();
  const found: string[] = [];
  for (const event of facts.history) {
    if (event.kind === "ended") {
      if (ended.has(event.place)) found.push(`${event.place} ended twice`);
      ended.add(event.place);
    } else if (event.kind === "handled" && ended.has(event.by)) {
      found.push(`${event.by} handled ${event.message} after its end`);
    }
  }
  return found;
}

/** Histories that must not be found good, as nothing else would show that the rules look at all. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { check } from "./check.ts";
import type { Event, News } from "./event.ts";

const BOUNDS = { ended: 1_000, lost: 2_000 };
const A = "n1/a#1";
const A2 = "n1/a#2";

/** Events 1 ms apart, unless they say when they were. */
function history(...news: (News & { at?: number })[]): Event[] {
  return news.map((one, index) => ({ at: index, ...one }) as Event);
}

function sent(message: string, to: string | undefined = A, more: object = {}): News {
  return { kind: "sent", message, by: "n2", to, asks: false, any: false, ...more };
}

function handled(message: string, by = A): News {
  return { kind: "handled", message, sender: "n2", by };
}

const started: News = { kind: "started", place: A };
const monitored: News = { kind: "monitored", monitor: "m", by: "n2", of: A };
const ended: News = { kind: "ended", place: A, reason: "normal" };
const down: News = { kind: "down", monitor: "m", reason: "normal" };
const asked = sent("1", A, { asks: true });

const far: News = { kind: "started", place: "a-x-1-1/f#1", driver: "n1" };
const farMonitored: News = { kind: "monitored", monitor: "m", by: "n2", of: "a-x-1-1/f#1" };
const farLost: News = { kind: "down", monitor: "m", reason: "lost" };

function named(place: string, token: string): News[] {
  return [
    { kind: "naming", name: "t", node: place.split("/")[0] as string },
    { kind: "named", name: "t", place, token },
  ];
}

function turn(message: string, by: string, token: string): News[] {
  return [sent(message, by), { kind: "handled", message, sender: "n2", by, token }];
}

const GOOD: Record<string, Event[]> = {
  "a monitor that is told once": history(started, monitored, ended, down),
  "a monitor that is taken back": history(started, monitored, { kind: "unmonitored", monitor: "m" }, ended),
  "a monitor that is told lost as the process was killed": history(
    started,
    monitored,
    { kind: "killed", node: "n1" },
    { ...down, reason: "lost", at: 1_900 },
  ),
  "a monitor that is told lost while the process was away for long": history(
    started,
    monitored,
    { kind: "disturbed", node: "n1" },
    { ...down, reason: "lost", at: 1_900 },
    { kind: "healed", node: "n1", at: 3_000 },
    { ...ended, at: 4_000 },
  ),
  "messages in order": history(sent("1"), sent("2"), handled("1"), handled("2")),
  "a message of any epoch that comes late": history(
    sent("1", undefined, { any: true }),
    sent("2"),
    handled("2"),
    handled("1"),
  ),
  "an ask with its answer": history(asked, handled("1"), { kind: "answered", message: "1", place: A }),
  "an ask that may have been handled": history(asked, handled("1"), {
    kind: "answered",
    message: "1",
    code: "ACTOR_KILLED",
  }),
  "an ask that had to succeed, and a process that ends meanwhile": history(
    sent("1", A, { asks: true, must: true }),
    { kind: "killed", node: "n3" },
    { kind: "answered", message: "1", code: "ACTOR_LOST" },
  ),
  "an actor whose cell is killed": history(far, farMonitored, { kind: "killed", node: "a-x-1-" }, farLost),
  "an actor whose executor is killed": history(far, farMonitored, { kind: "killed", node: "a-x-" }, farLost),
  "an actor on an executor whose driver is killed": history(
    far,
    farMonitored,
    { kind: "killed", node: "n1" },
    { ...farLost, reason: "normal" },
  ),
  "a name that is passed on": history(
    ...named(A, "9"),
    ...turn("1", A, "9"),
    ...named(A2, "10"),
    ...turn("2", A2, "10"),
    { kind: "found", name: "t", place: A2 },
  ),
  "one holder after the other": history({ kind: "holds", what: "c", place: A }, ended, {
    kind: "holds",
    what: "c",
    place: A2,
  }),
};

const BROKEN: Record<string, [found: RegExp, history: Event[]]> = {
  "two DOWNs": [/told 2 times/, history(started, monitored, ended, down, down)],
  "a DOWN of an actor that lives": [/it lived/, history(started, monitored, { ...down, reason: "lost" })],
  "a DOWN of an actor that lives, in a short blip": [
    /it lived/,
    history(
      started,
      monitored,
      { kind: "disturbed", node: "n1" },
      { ...down, reason: "lost" },
      { kind: "healed", node: "n1" },
    ),
  ],
  "a DOWN with another reason": [
    /it ended as normal/,
    history(started, monitored, ended, { ...down, reason: "killed" }),
  ],
  "a DOWN of a monitor that was taken back": [
    /after it had been taken back/,
    history(started, monitored, { kind: "unmonitored", monitor: "m" }, ended, down),
  ],
  "a DOWN that nobody had asked for": [/nobody had set it/, history(started, ended, down)],
  "a late DOWN": [/too late/, history(started, monitored, ended, { ...down, at: 1_500 })],
  "a late DOWN after kill -9": [
    /too late/,
    history(started, monitored, { kind: "killed", node: "n1" }, { ...down, reason: "lost", at: 2_500 }),
  ],
  "a message that overtakes another": [
    /handled 1 after 2/,
    history(sent("1"), sent("2"), handled("2"), handled("1")),
  ],
  "a message that is handled twice": [/was handled by/, history(sent("1"), handled("1"), handled("1"))],
  "a message that nobody sent": [/nobody had sent it/, history(handled("1"))],
  "a message in the name of another": [
    /as one of n3/,
    history(sent("1"), { kind: "handled", message: "1", sender: "n3", by: A }),
  ],
  "a message for another epoch": [/to n1\/a#1 was handled by n1\/a#2/, history(sent("1"), handled("1", A2))],
  "a message that is handled after the end": [/after its end/, history(sent("1"), ended, handled("1"))],
  "an end after the end": [/ended twice/, history(started, ended, ended)],
  "an ask with two outcomes": [
    /2 outcomes/,
    history(
      asked,
      handled("1"),
      { kind: "answered", message: "1", place: A },
      { kind: "answered", message: "1", code: "ASK_TIMEOUT" },
    ),
  ],
  "an ask that failed as not handled, and was": [
    /failed with NO_SUCH_ACTOR and was handled/,
    history(asked, handled("1"), { kind: "answered", message: "1", code: "NO_SUCH_ACTOR" }),
  ],
  "an ask that was answered, and not handled": [
    /handled by undefined/,
    history(asked, { kind: "answered", message: "1", place: A }),
  ],
  "an ask that had to succeed": [
    /failed with ASK_TIMEOUT/,
    history({ kind: "killed", node: "n3" }, sent("1", A, { asks: true, must: true }), {
      kind: "answered",
      message: "1",
      code: "ASK_TIMEOUT",
    }),
  ],
  "a DOWN of an actor whose cell lives": [
    /it lived/,
    history(far, farMonitored, { kind: "killed", node: "a-x-2-" }, farLost),
  ],
  "a turn under a name that another has acted under": [
    /after n1\/a#2, which had the name later/,
    history(...named(A, "9"), ...named(A2, "10"), ...turn("1", A2, "10"), ...turn("2", A, "9")),
  ],
  "two with one token": [/with the token of/, history(...named(A, "9"), ...named(A2, "9"))],
  "a turn under a name that was released": [
    /after that was released/,
    history(...named(A, "9"), { kind: "released", name: "t", place: A, token: "9" }, ...turn("1", A, "9")),
  ],
  "a stranger that is found by a name": [
    /nobody had named it/,
    history({ kind: "found", name: "t", place: A }),
  ],
  "an actor that is found by its name long after its end": [
    /after it had ended/,
    history(...named(A, "9"), ended, { kind: "found", name: "t", place: A, at: 1_500 }),
  ],
  "two holders": [
    /while n1\/a#1 lives/,
    history({ kind: "holds", what: "c", place: A }, { kind: "holds", what: "c", place: A2 }),
  ],
};

const OWED: Record<string, [found: RegExp, history: Event[]]> = {
  "an actor that outlives its executor": [/told to stop/, history(far, { kind: "drained", node: "a-x-" })],
  "a lost DOWN after kill -9 of a cell": [
    /DOWN for monitor m/,
    history(far, farMonitored, { kind: "killed", node: "a-x-1-" }),
  ],
  "a lost DOWN": [/DOWN for monitor m/, history(started, monitored, ended)],
  "a lost DOWN after kill -9": [
    /DOWN for monitor m/,
    history(started, monitored, { kind: "killed", node: "n1" }),
  ],
  "an ask without an outcome": [/outcome of ask 1/, history(asked, handled("1"))],
  "a link that does nothing": [
    /the end of n1\/a#1/,
    history({ kind: "linked", one: A, other: "n2/b#1" }, { kind: "ended", place: "n2/b#1", reason: "error" }),
  ],
  "a supervised child that is not back": [
    /another holder of c/,
    history({ kind: "supervised", what: "c", by: "n1" }, { kind: "holds", what: "c", place: A }, ended),
  ],
  "a placed child that outlives its supervision": [
    /as n3 was killed/,
    history(
      { kind: "supervised", what: "c", by: "n3" },
      { kind: "holds", what: "c", place: A },
      { kind: "killed", node: "n3" },
    ),
  ],
};

for (const [what, events] of Object.entries(GOOD)) {
  test(`nothing is found wrong with ${what}`, () => {
    assert.equal(check(events, BOUNDS), { broken: [], owed: [] });
  });
}

for (const [what, [found, events]] of Object.entries(BROKEN)) {
  test(`it is found: ${what}`, () => {
    assert.match(check(events, BOUNDS).broken.join("; "), found);
  });
}

for (const [what, [found, events]] of Object.entries(OWED)) {
  test(`it is found: ${what}`, () => {
    const { broken, owed } = check(events, BOUNDS);
    assert.equal(broken, []);
    assert.match(owed.join("; "), found);
  });
}

test.run();

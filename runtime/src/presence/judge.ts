/** The rules by which a watcher decides whether a node lives; no clock and no network in here. */
import { PROOF_MS, rejoinMs, type Timing } from "./timing.ts";

/** What a watcher knows; times in ms on one monotonic clock. */
export interface Facts {
  readonly now: number;
  /** The last beat or answer. */
  readonly seen: number;
  /** For how long the node said that it may be silent: its own lease, which may be longer than the watcher's. */
  readonly lease: number;
  /** Since when probes have met nobody, without a break. */
  readonly nobodySince: number | undefined;
  /** When a probe last got no word at all: something was in the way, or the node was there and did not answer. */
  readonly unansweredAt: number;
  /** The watcher's own link. */
  readonly linkUp: boolean;
  readonly linkSince: number;
  readonly linkHasBroken: boolean;
  /** Until when the watcher distrusts itself, because its own timers slipped. */
  readonly distrustUntil: number;
}

export type Verdict =
  | { readonly kind: "alive" | "suspect" }
  | { readonly kind: "gone"; readonly detail: string };

const ALIVE: Verdict = { kind: "alive" };
const SUSPECT: Verdict = { kind: "suspect" };

export function judge(facts: Facts, timing: Timing): Verdict {
  const { now, seen, nobodySince, unansweredAt, linkUp, linkSince, linkHasBroken, distrustUntil } = facts;
  // We were the ones asleep: what lies unread in our socket must be read before anyone is judged.
  if (now < distrustUntil) return ALIVE;
  const silence = now - seen;
  if (silence > Math.max(timing.natsGrace, facts.lease)) return gone(`silent for ${seconds(silence)}`);
  // We are the ones cut off: nothing can be heard, so silence says nothing.
  if (!linkUp) return ALIVE;
  const linked = now - linkSince;
  if (nobodySince !== undefined && (!linkHasBroken || linked >= rejoinMs(timing))) {
    // It has been away since it owed a beat, or longer: that is as certain as the first probe that met nobody, unless
    // probes got no word before that: between two servers that lost their link for a while, beats are lost as well.
    const owed = Math.max(seen + timing.beat, unansweredAt);
    const away = Math.min(now - Math.min(nobodySince, owed), linked);
    const isProved = Math.min(now - nobodySince, linked) >= Math.min(PROOF_MS, timing.nobody);
    if (isProved && away >= timing.nobody) return gone(`nobody answers under its name for ${seconds(away)}`);
  }
  const heard = Math.min(silence, linked);
  if (heard > Math.max(timing.lease, facts.lease)) return gone(`silent for ${seconds(silence)}`);
  if (nobodySince !== undefined || heard > timing.suspectAfter) return SUSPECT;
  return ALIVE;
}

function gone(detail: string): Verdict {
  return { kind: "gone", detail };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

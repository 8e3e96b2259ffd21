/** How fast presence judges. A set that could take the living for gone is refused. */
import { BonfireError } from "@bonfire/wire";
import { LINK_ANSWER_MS, RECONNECT_MS, STALE_LINK_MS } from "../bus/connection.ts";
import { type Duration, milliseconds } from "../duration.ts";
import { refuseUnknown } from "../option.ts";

/** Executors get the set of the driver that hosts their pool; drivers that share a NATS should be given the same. */
export interface PresenceOptions {
  /** A node beats this often. Default `"500ms"`. */
  beat?: Duration;
  /** Silence for so long makes a suspect, which is asked whether it lives. Default `"750ms"`. */
  suspectAfter?: Duration;
  /** A suspect is asked this often, and may take this long to answer. Default `"100ms"`. */
  probe?: Duration;
  /**
   * Away for so long, as probes that met nobody without a break for 0.6 s of it prove: gone. Default `"1300ms"`. A node
   * whose connection was reset is not harmed if it is back sooner.
   */
  nobody?: Duration;
  /** Silence for so long: gone, even if something still listens. Default `"6s"`. */
  lease?: Duration;
  /** Whoever was cut off from NATS for so long takes everyone for gone, as they will have taken it. Default `"30s"`. */
  natsGrace?: Duration;
}

/** The same, each in milliseconds. */
export type Timing = { readonly [key in keyof Required<PresenceOptions>]: number };

const DEFAULTS: Timing = {
  beat: 500,
  suspectAfter: 750,
  probe: 100,
  nobody: 1_300,
  lease: 6_000,
  natsGrace: 30_000,
};

/** A node that only reconnects meets a probe within this time. */
export const PROOF_MS = 3 * RECONNECT_MS;

/**
 * After the watcher's own link has broken, others may notice that theirs has only now, and need so long to be back.
 * A presence thread asks whether its link works when it has heard no beat for as long as its own takes.
 */
export function rejoinMs({ beat }: Timing): number {
  return Math.max(STALE_LINK_MS, beat + LINK_ANSWER_MS) + RECONNECT_MS;
}

/** Throws `UNKNOWN_OPTION` or `INVALID_OPTION`, with the inequality that the set breaks. */
export function resolveTiming(options: PresenceOptions = {}): Timing {
  refuseUnknown("presence", options, Object.keys(DEFAULTS));
  const given = Object.entries(options).map(([key, value]) => [key, milliseconds(`presence.${key}`, value)]);
  const timing: Timing = { ...DEFAULTS, ...Object.fromEntries(given) };
  const { beat, suspectAfter, probe, nobody, lease, natsGrace } = timing;
  // Each says why the living could be harmed without it.
  require(beat >= 50, "beat ≥ 50 ms", "more would be a load of its own");
  require(suspectAfter >= 1.5 * beat, "suspectAfter ≥ 1.5 × beat", "a beat may be late by half");
  require(probe >= 20, "probe ≥ 20 ms", "an answer takes a moment");
  require(nobody >= 3 * probe, "nobody ≥ 3 × probe", "one lost answer must decide nothing");
  require(nobody >=
    PROOF_MS, `nobody ≥ ${PROOF_MS} ms`, `nobody answers for a node that reconnects, which takes ${RECONNECT_MS} ms and more`);
  const rejoin = rejoinMs(timing);
  require(lease >=
    rejoin +
      2 *
        beat, `lease ≥ ${rejoin} ms + 2 × beat`, "a link that broke without a word is noticed and mended by then");
  require(lease >= suspectAfter + nobody, "lease ≥ suspectAfter + nobody", "a suspect is asked first");
  require(natsGrace >= 2 * lease, "natsGrace ≥ 2 × lease", "NATS may be away for longer than a node");
  return timing;
}

function require(holds: boolean, inequality: string, reason: string): void {
  if (holds) return;
  throw new BonfireError(
    "INVALID_OPTION",
    `Option "presence" must keep ${inequality}, as ${reason}: correct these times, or leave them out`,
  );
}

/**
 * Looks once at the nats-server that a driver uses, as some settings make presence slow. It does so when the driver has
 * run for a while, so that nobody waits for it; whatever does no harm is only reported by `fire.inspect()`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Bus, type ServerInfo } from "../bus/bus.ts";
import { subject } from "../bus/subject.ts";
import { LEAST_PAYLOAD_BYTES } from "../bus/transfer.ts";
import type { Timing } from "./timing.ts";

export interface NatsReport extends ServerInfo {
  /** Whether it tells when a connection has ended; if not, `kill -9` is noticed a beat later. Undefined: not known. */
  readonly tellsOfDisconnects: boolean | undefined;
  /** The shortest of some, in milliseconds. */
  readonly roundTripMs: number;
  /** What is wrong with it, each with the remedy; also a process warning. */
  readonly warnings: readonly string[];
}

export interface Survey {
  /** Undefined until it has been made, a second or two after `connect()`. */
  readonly report: NatsReport | undefined;
  close(): void;
}

const SOON_MS = 1_000;
const NOTICE_MS = 1_000;
const ROUND_TRIPS = 5;
const OLDEST = [2, 9] as const;
/** What this process has been told already. */
const told = new Set<string>();

export function surveySoon(bus: Bus, timing: Timing): Survey {
  const closing = new AbortController();
  let report: NatsReport | undefined;
  pause(SOON_MS, undefined, { ref: false, signal: closing.signal })
    .then(() => look(bus, timing, closing.signal))
    .then((made) => {
      report = made;
      for (const warning of made.warnings) warnOnce(warning);
    })
    .catch((error: Error) => {
      // A link that is down says nothing of settings.
      if (bus.link.up && !closing.signal.aborted) warnOnce(`Cannot look at nats-server: ${error.message}`);
    });
  return {
    get report() {
      return report;
    },
    close() {
      closing.abort();
    },
  };
}

/** What deserves a warning; each sentence names the setting, what it costs, and the remedy. */
export function warningsOf(server: ServerInfo, roundTripMs: number, timing: Timing): string[] {
  const { version, maxPayload, headers } = server;
  const { probe, nobody, lease } = timing;
  const warnings: string[] = [];
  const slow = `a process that is killed is noticed after ${lease / 1_000} s instead of ${(nobody + timing.beat) / 1_000} s`;
  if (!headers) {
    warnings.push(
      `nats-server has no_header_support, so it does not say when nobody listens: ${slow}; remove that line from its configuration`,
    );
  }
  if (isOlder(version)) {
    warnings.push(
      `nats-server ${version} is older than ${OLDEST.join(".")}, the oldest that Bonfire is tested with: use a newer one`,
    );
  }
  if (maxPayload < LEAST_PAYLOAD_BYTES) {
    warnings.push(
      `nats-server has max_payload ${maxPayload}, and values are sent in pieces of up to ${LEAST_PAYLOAD_BYTES} bytes: larger calls and results fail; set max_payload: 1MB`,
    );
  }
  if (roundTripMs > probe) {
    const enough = Math.ceil((2 * roundTripMs) / 50) * 50;
    const remedy = `connect({ presence: { probe: "${enough}ms", nobody: "${Math.max(nobody, 3 * enough)}ms" } })`;
    warnings.push(
      `A round trip to nats-server takes ${Math.round(roundTripMs)} ms, longer than presence.probe (${probe} ms), so no probe is answered in time: ${slow}; use ${remedy}, or a nats-server that is nearer`,
    );
  }
  return warnings;
}

async function look(bus: Bus, timing: Timing, signal: AbortSignal): Promise<NatsReport> {
  const tellsOfDisconnects = await noticed(bus, signal);
  let roundTripMs = Number.POSITIVE_INFINITY;
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const start = performance.now();
    await bus.drain(NOTICE_MS);
    roundTripMs = Math.min(roundTripMs, performance.now() - start);
  }
  signal.throwIfAborted();
  const { server } = bus;
  return { ...server, tellsOfDisconnects, roundTripMs, warnings: warningsOf(server, roundTripMs, timing) };
}

/** Whether the server tells of a connection that is opened and closed for that. */
async function noticed(bus: Bus, signal: AbortSignal): Promise<boolean> {
  const name = `${bus.node}-survey`;
  const notice = Promise.withResolvers<boolean>();
  const notices = bus.subscribe(subject.disconnects, (message) => {
    if (message.string().includes(`"${name}"`)) notice.resolve(true);
  });
  try {
    await bus.drain(NOTICE_MS);
    await (await Bus.connect(bus.address, name)).close();
    return await Promise.race([notice.promise, pause(NOTICE_MS, false, { ref: false, signal })]);
  } finally {
    notices.unsubscribe();
  }
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

function warnOnce(warning: string): void {
  if (told.has(warning) || process.env.BONFIRE_HINTS === "0") return;
  told.add(warning);
  process.emitWarning(`${warning} (BONFIRE_HINTS=0 silences this)`, { code: "BONFIRE_NATS_SETTINGS" });
}

/** An actor that only one process may have, and that writes down each of its turns. */
import { appendFileSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Actor, BonfireError, type Fire } from "@bonfire/runtime";

const EVERY_MS = 50;
const TURN_MS = 5;
const TTL = "2s";
/** A turn that took longer was stopped midway, with its process: what began before goes on afterwards. */
const FROZEN_MS = 500;
const AGAIN_MS = 200;

const now = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;

export class Holder extends Actor {
  readonly #name: string;
  readonly #file: string;

  constructor(name: string, file: string) {
    super();
    this.#name = name;
    this.#file = file;
  }

  /** Takes turns from now on; only of one that has a name. */
  begin(): void {
    this.every(EVERY_MS, async () => {
      const [token, begin] = [this.token, now()];
      await pause(TURN_MS);
      appendFileSync(this.#file, `${this.#name} ${token} ${begin} ${now()}\n`);
    });
  }
}

/** Has the name whenever nobody else has it, for as long as the process lives. */
export async function competeFor(name: string, file: string, fire: Fire): Promise<never> {
  for (;;) {
    try {
      const holder = await fire.spawn(Holder, [name, file], { register: name, ttl: TTL, wait: "1s" });
      const ended = new Promise((resolve) => fire.monitor(holder, resolve));
      await holder.begin();
      await ended;
    } catch (error) {
      // Somebody has it, or what befalls the world befalls the store too.
      if (!(error instanceof BonfireError)) throw error;
    }
    await pause(AGAIN_MS);
  }
}

/** What the turns of all processes say that must not be. */
export function checkTurns(file: string): { violations: string[]; turns: number; holders: number } {
  const violations: string[] = [];
  const last = new Map<string, { token: bigint; end: number; tookMs: number }>();
  const lines = readFileSync(file, "utf8").trim().split("\n").filter(Boolean);
  const turns = lines.map((line) => {
    const [name, token, begin, end] = line.split(" ") as [string, string, string, string];
    return { name, token: BigInt(token), begin: Number(begin), end: Number(end) };
  });
  const tokens = new Set<string>();
  for (const { name, token, begin, end } of turns.sort((a, b) => a.begin - b.begin)) {
    tokens.add(`${name} ${token}`);
    const before = last.get(name);
    if (before && token < before.token)
      violations.push(
        `name ${name}: token ${token} began a turn at ${begin} after token ${before.token} had`,
      );
    if (before && token > before.token && begin < before.end && before.tookMs < FROZEN_MS)
      violations.push(`name ${name}: turns of tokens ${before.token} and ${token} overlap at ${begin}`);
    if (!before || token >= before.token) last.set(name, { token, end, tookMs: end - begin });
  }
  return { violations, turns: turns.length, holders: tokens.size };
}

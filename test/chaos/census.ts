/** Every process that was ever seen on a machine, so that one that outlives its machine is found, whoever adopts it. */
import { readFile } from "node:fs/promises";
import { commandsOf, descendants } from "../harness/gone.ts";
import type { Platform } from "../harness/platform.ts";

const LOOK_MS = 1_000;
/** What a machine's agent started may outlive it for so long. */
const AFTER_MACHINE_MS = 5_000;

interface Entry {
  readonly machine: string;
  /** When it started, in ticks: a pid that is used again is another process. */
  readonly start: string;
}

export class Census {
  readonly violations: string[] = [];
  readonly #platform: Platform;
  readonly #seen = new Map<number, Entry>();
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;

  constructor(platform: Platform) {
    this.#platform = platform;
    this.#timer = setInterval(() => {
      if (this.#isLooking) return;
      this.#isLooking = true;
      void this.#look().finally(() => {
        this.#isLooking = false;
      });
    }, LOOK_MS);
  }

  async #look(): Promise<void> {
    for (const { launchId, pid } of this.#platform.running) {
      for (const below of await descendants(pid)) {
        const start = await startOf(below);
        if (start) this.#seen.set(below, { machine: launchId, start });
      }
    }
    for (const [pid, { machine, start }] of this.#seen) {
      if ((await startOf(pid)) !== start) {
        this.#seen.delete(pid);
        continue;
      }
      const { endedAt } = this.#platform.ledger.get(machine) as { endedAt?: number };
      if (endedAt === undefined || performance.now() - endedAt < AFTER_MACHINE_MS) continue;
      this.#seen.delete(pid); // told once
      this.violations.push(`process ${pid} outlives its machine ${machine}: ${await commandsOf([pid])}`);
    }
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

/** When the process started; undefined if there is none, or only what its parent has not read yet. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""); // it has ended
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "" || fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

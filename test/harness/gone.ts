import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

const LOOK_MS = 20;

/** How many ms it took until none of the processes is there any more; throws if one still is after `within` ms. */
export async function untilGone(pids: readonly number[], within: number): Promise<number> {
  const start = performance.now();
  for (;;) {
    const alive = [];
    for (const pid of pids) if (await isAlive(pid)) alive.push(pid);
    const took = performance.now() - start;
    if (alive.length === 0) return took;
    if (took > within) {
      const left = await Promise.all(
        alive.map(async (pid) => `${pid} ${await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")}`),
      );
      throw new Error(`still there after ${within} ms: ${left.join(", ").replaceAll("\0", " ")}`);
    }
    await pause(LOOK_MS);
  }
}

/** The command lines of the processes, as one text. */
export async function commandsOf(pids: readonly number[]): Promise<string> {
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")), // it has just ended
  );
  return lines.join("\n").replaceAll("\0", " ");
}

/** A zombie counts as gone: it runs nothing, and only waits for its parent to look. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""); // gone
  return stat !== "" && !/\) [ZX] /.test(stat);
}

/**
 * The pids of all processes below `pid`, and of those that they started. Every process is asked for its parent, as the
 * kernel's list of children skips some while others of them end.
 */
export async function descendants(pid: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(pids.map(parentOf));
  const below = new Set([pid]);
  for (let size = 0; size < below.size; ) {
    size = below.size;
    pids.forEach((one, index) => {
      if (below.has(parents[index] as number)) below.add(one);
    });
  }
  below.delete(pid);
  return [...below];
}

/** Those of the processes below `pid` that run this program of an executor: `agent.js` or `cell.js`. */
export async function programsBelow(pid: number, program: string): Promise<number[]> {
  const pids = await descendants(pid);
  const commands = await Promise.all(
    pids.map((one) => readFile(`/proc/${one}/cmdline`, "utf8").catch(() => "")), // it has just ended
  );
  return pids.filter((_, index) => {
    const command = commands[index] as string;
    return command.includes(`program/${program}`) && !command.startsWith("sh");
  });
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""); // it has just ended
  return Number(/\) \S (\d+)/.exec(stat)?.[1] ?? 0);
}

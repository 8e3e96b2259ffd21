import { readdir, readFile } from "node:fs/promises";

/** Processes that Bonfire starts, told by their command lines. */
const OURS = /(bonfire-nats-|executor-image\/dist\/program\/|@bonfire\/executor\/dist\/|BONFIRE_TEST_CHILD)/;

export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** Executors, cells and private servers that run on this machine now. Linux only: elsewhere it finds none. */
export async function leftovers(): Promise<Leftover[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = await Promise.all(pids.map(async (pid) => ({ pid, command: await commandOf(pid) })));
  return all.filter(({ pid, command }) => pid !== process.pid && OURS.test(command));
}

async function commandOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""); // it has just ended
  return line.replaceAll("\0", " ").trim();
}

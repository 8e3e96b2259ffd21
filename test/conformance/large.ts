/**
 * 500 MB captured and returned, in both realms: the time that it takes and the memory of driver and executor.
 *
 *     pnpm test:large
 */
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "@bonfire/runtime";

const SIZE = 500 * 1024 * 1024;
const LOOK_MS = 100;

/** The most that this process and those below it have had resident. */
class PeakMemory {
  #driver = 0;
  #others = 0;
  readonly #timer = setInterval(() => this.#look(), LOOK_MS);

  stop(): { driver: number; others: number } {
    clearInterval(this.#timer);
    return { driver: this.#driver, others: this.#others };
  }

  #look(): void {
    const all = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => statusOf(pid));
    const below = new Set([process.pid]);
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid);
    const sum = all
      .filter(({ pid }) => below.has(pid) && pid !== process.pid)
      .reduce((mb, one) => mb + one.mb, 0);
    this.#driver = Math.max(this.#driver, Math.round(process.memoryUsage.rss() / 2 ** 20));
    this.#others = Math.max(this.#others, Math.round(sum));
  }
}

const bytes = new Uint8Array(SIZE);
for (let at = 0; at < SIZE; at += 4093) bytes[at] = (at * 7) % 251;

await using fire = await connect();
for (const realm of ["isolate", "process"] as const) {
  await using pool = await fire.pool(`large-${realm}`, {
    realm,
    min: 1,
    max: 1,
    memory: 2048,
    maxCaptureBytes: 2 * SIZE,
  });
  await pool.call({}, () => 1);
  const memory = new PeakMemory();
  const sent = performance.now();
  const size = await pool.call({ bytes }, ({ bytes }) => bytes.length);
  const received = performance.now();
  const back = await pool.call({ bytes }, ({ bytes }) => bytes);
  const done = performance.now();
  const { driver, others } = memory.stop();
  if (size !== SIZE || Buffer.compare(back, bytes) !== 0)
    throw new Error(`500 MB did not survive the ${realm} realm`);
  console.log(
    `${realm} realm: out ${seconds(received - sent)} s, out and back ${seconds(done - received)} s, most memory ${driver} MB in the driver and ${others} MB in all processes of the executor`,
  );
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** Nothing when the process has ended meanwhile. */
function statusOf(pid: string): { pid: number; parent: number; mb: number }[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const number = (label: string) => Number(new RegExp(`^${label}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
    return [{ pid: Number(pid), parent: number("PPid"), mb: number("VmRSS") / 1024 }];
  } catch {
    return [];
  }
}

// A driver that calls without a pause, writes down what it holds and sees, and does what it is told by lines: "rest",
// "call", "place", "usage", "flood", "beacon", "watch <address>", "close". Its executors are on a platform of their own.
import { subscribe } from "node:diagnostics_channel";
import { connect } from "@bonfire/runtime";
import { PlatformBackend } from "../harness/platform-backend.ts";
import { openStore } from "../harness/stores.ts";
import { competeFor, Holder } from "./holder.ts";

const { PLATFORM = "", EXECUTORS, POOL = "", RUNS = "", TURNS = "", NAME, REDIS, ELECTED } = process.env;
const LANES = 3;
const DEADLINE_MS = 20_000;
/** A call that has not ended so long after its deadline never will. */
const GRACE_MS = 5_000;
/** One call in so many runs for so long, so that some run whenever something befalls a driver. */
const LONG_MS = 3_000;
const LONG_EVERY = 8;

const now = () => Math.round(Number(process.hrtime.bigint() / 1_000_000n));
subscribe("bonfire:node-gone", (message) => {
  const { node, detail } = message as { node: string; detail: string };
  console.log(`gone ${node} ${now()} ${detail}`);
});
const store = REDIS ? await openStore("redis", REDIS) : undefined;
const fire = await connect(store ? { store } : {});
const pool = await fire.pool(POOL, {
  min: Number(EXECUTORS),
  max: Number(EXECUTORS),
  concurrency: 2,
  shutdownTimeout: "300ms",
  grants: { fetch: [new URL(RUNS).hostname] },
  logs: "ignore",
  backend: new PlatformBackend(PLATFORM),
  ...(ELECTED && { store: store ?? (await fire.store()) }),
});
if (NAME) void competeFor(NAME, TURNS, fire);
// One call on each executor at least, so that each has a cell that serves.
await Promise.all(Array.from({ length: 2 * Number(EXECUTORS) }, (_, i) => pool.call({ i }, ({ i }) => i)));
console.log(`ready ${fire.id}`);

const calls = { started: 0, ended: 0, failed: 0 };
/** One call that tells the ledger of runs that it runs; every fourth may be repeated. */
async function ledgered(): Promise<string | undefined> {
  const n = calls.started++;
  const retries = n % 4 === 0 ? 2 : 0;
  const id = `${fire.id}-${n}-${1 + retries}`;
  const late = setTimeout(() => console.log(`stuck ${id}`), DEADLINE_MS + GRACE_MS);
  try {
    const run = async ({ id, ms, RUNS }: { id: string; ms: number; RUNS: string }): Promise<string> => {
      const response = await fetch(RUNS, { method: "POST", body: id });
      await new Promise((resolve) => setTimeout(resolve, ms));
      return `${id} ${await response.text()}`;
    };
    const ms = n % LONG_EVERY === 0 ? LONG_MS : 0;
    const options = { deadline: DEADLINE_MS, retries, idempotent: retries > 0 };
    const [who, times] = (await pool.call({ id, ms, RUNS }, run, options)).split(" ");
    if (who !== id) console.log(`wrong ${id} was answered with ${who}`);
    if (retries === 0 && times !== "1") console.log(`wrong ${id} was answered by its run number ${times}`);
    return undefined;
  } catch (error) {
    calls.failed++;
    const { code, message } = error as { code?: string; message: string };
    console.log(`failed ${code} ${message.replaceAll("\n", " ")}`);
    return code ?? message;
  } finally {
    clearTimeout(late);
    calls.ended++;
  }
}

let isFlowing = true;
const lanes = Array.from({ length: LANES }, async () => {
  while (isFlowing) {
    const failed = await ledgered();
    await new Promise((resolve) => setTimeout(resolve, failed ? 100 : 30));
  }
});
void Promise.all(lanes).then(() => console.log(`rested ${calls.started} ${calls.ended} ${calls.failed}`));

process.stdin
  .setEncoding("utf8")
  .on("data", (text: string) => {
    for (const line of text.trim().split("\n")) obey(line);
  })
  // The harness itself has ended, in whatever way.
  .on("end", () => process.exit(1));

function obey(line: string): void {
  const [order, address = ""] = line.split(" ");
  if (order === "rest") isFlowing = false;
  // Another each time, as one that others took for lost has ended.
  if (order === "beacon") {
    void fire.spawn(Holder, ["beacon", TURNS]).then((beacon) => console.log(`beacon ${beacon.address}`));
  }
  if (order === "watch") fire.monitor(fire.ref(address), () => undefined);
  if (order === "call") {
    void pool
      .call({}, () => 1, { deadline: DEADLINE_MS })
      .then(
        () => console.log("called"),
        (error: Error) =>
          console.log(`call failed ${error.message} ${pool.explain().text}`.replaceAll("\n", " ")),
      );
  }
  if (order === "place") {
    const supervises = fire.inspect().actors.some(({ type }) => type === "Supervisor");
    const cells = pool.inspect().cells.map(({ executor }) => executor);
    console.log(`place ${supervises} ${cells.join()}`);
  }
  // More than the sockets of the system take, in both directions.
  if (order === "flood") {
    const bytes = new Uint8Array(8 << 20);
    const echo = ({ bytes }: { bytes: Uint8Array }) => bytes;
    void pool.call({ bytes }, echo, { deadline: DEADLINE_MS }).then(
      ({ length }) => console.log(`flooded ${length === bytes.length ? "whole" : "in part"}`),
      (error: { code?: string }) => console.log(`flooded not ${error.code}`),
    );
  }
  if (order === "usage") {
    globalThis.gc?.();
    const mb = Math.round(process.memoryUsage().heapUsed / 2 ** 20);
    console.log(`usage ${mb} ${process.getActiveResourcesInfo().length}`);
  }
  if (order === "close") {
    process.stdin.destroy();
    // The store last, as leases are given back to it.
    fire
      .close()
      .then(() => store?.close())
      .then(() => process.exit())
      .catch((error: Error) => console.log(`close failed ${error.message}`));
  }
}

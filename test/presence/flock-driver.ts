// A driver with executors on a platform of their own. It says when they are ready, and does what it is told by lines:
// "call", "block <ms>", "chatter <ms>", "time", "traffic", "rest", "close", "exit".
import { spawn } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { connect } from "@bonfire/runtime";
import { RedisStore } from "@bonfire/store-redis";
import { PlatformBackend } from "../harness/platform-backend.ts";

const { PLATFORM = "", EXECUTORS = "8", POOL = "flock", FFMPEG, PRINTS, REDIS } = process.env;
subscribe("bonfire:node-gone", (message) => {
  const { node, detail } = message as { node: string; detail: string };
  console.log(`gone ${node} ${Math.round(performance.now())} ${detail}`);
});
const fire = await connect();
const pool = await fire.pool(POOL, {
  min: Number(EXECUTORS),
  max: Number(EXECUTORS),
  concurrency: 2,
  shutdownTimeout: "300ms",
  grants: { programs: ["ffmpeg"], files: true },
  logs: "ignore",
  ...(REDIS && { store: await RedisStore.connect({ url: REDIS }) }),
  backend: new PlatformBackend(PLATFORM),
});
if (FFMPEG) {
  const started = Promise.withResolvers<void>();
  pool.on("log", () => started.resolve());
  // A video of an hour that is thrown away: it would run for minutes.
  const encoding = pool.call(async () => {
    const source = "testsrc2=size=640x360:rate=30:duration=3600";
    const child = spawn("ffmpeg", ["-v", "error", "-re", "-f", "lavfi", "-i", source, "-f", "null", "-"]);
    child.once("spawn", () => console.log("runs"));
    await new Promise((resolve) => child.once("close", resolve));
  });
  encoding.catch((error: { code?: string }) => console.log(`encoding failed ${error.code}`));
  await started.promise;
}
if (PRINTS) await pool.call(() => console.log("into a full disk".repeat(1_000)));
// One call on each executor at least, so that each has a cell that serves.
await Promise.all(Array.from({ length: 2 * Number(EXECUTORS) }, (_, i) => pool.call({ i }, ({ i }) => i)));
console.log(`ready ${fire.id}`);

process.stdin.setEncoding("utf8").on("data", (text: string) => {
  for (const line of text.trim().split("\n")) obey(line);
});

/** Calls one after another until "rest", several at a time. */
let flowing = false;
const calls = { started: 0, ended: 0, failed: 0 };
async function traffic(): Promise<void> {
  while (flowing) {
    calls.started++;
    await pool
      .call({}, () => new Promise((resolve) => setTimeout(resolve, 20)), { deadline: "20s" })
      .then(
        () => calls.ended++,
        () => {
          calls.ended++;
          calls.failed++;
          return new Promise((resolve) => setTimeout(resolve, 50));
        },
      );
  }
}

/** A call that prints 10 MB a second or so. */
function chatter(ms: number): void {
  pool.once("log", () => console.log("chatting"));
  pool.cast({ ms }, async ({ ms }) => {
    for (const end = Date.now() + ms; Date.now() < end; ) {
      console.log("x".repeat(16_000));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
}

function obey(line: string): void {
  const [order, ms] = line.split(" ");
  if (order === "chatter") chatter(Number(ms));
  if (order === "exit") process.exit(0);
  if (order === "block") {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
    console.log("unblocked");
  }
  if (order === "traffic") {
    flowing = true;
    const lanes = Array.from({ length: 3 }, traffic);
    void Promise.all(lanes).then(() => console.log(`rested ${calls.started} ${calls.ended} ${calls.failed}`));
  }
  if (order === "rest") flowing = false;
  if (order === "time") {
    const ahead = Date.now() - performance.timeOrigin - performance.now();
    console.log(`time ${ahead > 60_000 ? "later" : ahead < -60_000 ? "earlier" : "now"}`);
  }
  if (order === "call") {
    pool
      .call({}, () => 1, { deadline: "20s" })
      .then(
        () => console.log("called"),
        (error: Error & { code?: string }) => console.log(`call failed ${error.code} ${error.message}`),
      );
  }
  if (order === "close") {
    process.stdin.destroy();
    fire.close().catch((error: Error) => console.log(`close failed ${error.message}`));
  }
}

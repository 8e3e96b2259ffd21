// A driver with executors, cells, a private nats-server and a running ffmpeg; says so and waits for an order or its end.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { connect } from "@bonfire/runtime";

const fire = await connect();
const pool = await fire.pool("busy", {
  min: 2,
  max: 2,
  concurrency: 2,
  shutdownTimeout: "300ms",
  grants: { programs: ["ffmpeg"], files: true },
  logs: "ignore",
});
const started = Promise.withResolvers<void>();
pool.on("log", () => started.resolve());
// A video of an hour that is thrown away: it would run for minutes.
const running = pool.call(async () => {
  const source = "testsrc2=size=640x360:rate=30:duration=3600";
  console.log("starting");
  await promisify(execFile)("ffmpeg", ["-v", "error", "-re", "-f", "lavfi", "-i", source, "-f", "null", "-"]);
});
running.catch(() => "it ends with this process");
await started.promise;
console.log("ready");

process.stdin.once("data", (order) => {
  if (String(order).trim() === "exit") process.exit(0);
  process.stdin.destroy();
  void fire.close();
});

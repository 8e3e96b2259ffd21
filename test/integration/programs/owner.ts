// A driver of a pool that others share. It obeys lines: "run <ms>", "call", "close".
import { connect } from "@bonfire/runtime";
import { PlatformBackend } from "../../harness/platform-backend.ts";

const { PLATFORM = "", POOL = "shared", OPTIONS = "{}", STORE } = process.env;
const fire = await connect();
const pool = await fire.pool(POOL, {
  ...{ concurrency: 4, realm: "process", shutdownTimeout: "2s", logs: "ignore" },
  ...JSON.parse(OPTIONS),
  ...(STORE && { store: await fire.store() }),
  backend: new PlatformBackend(PLATFORM),
});
pool.on("log", ({ text }) => console.log(text));
console.log(`open ${fire.id}`);

const say = (what: string, call: Promise<unknown>) =>
  call.then(
    (value) => console.log(`${what} gave ${value}`),
    (error: Error & { code?: string }) => console.log(`${what} failed with ${error.code}: ${error.message}`),
  );

const obey: Record<string, (ms: number) => unknown> = {
  call: () =>
    say(
      "call",
      pool.call({}, () => 1),
    ),
  run: (ms) =>
    say(
      "run",
      pool.call({ ms }, ({ ms }) => {
        console.log("run begins");
        return new Promise((resolve) => setTimeout(resolve, ms, "its value"));
      }),
    ),
  close: () => say("close", fire.close()),
};
for await (const chunk of process.stdin.setEncoding("utf8")) {
  for (const line of String(chunk).trim().split("\n")) {
    const [order = "", ms] = line.split(" ");
    obey[order]?.(Number(ms));
  }
}

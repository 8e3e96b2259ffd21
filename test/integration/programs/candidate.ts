/** Leads as soon as it may, says when, and resigns when it is told to: candidate.ts kind url key ttl */
import { createInterface } from "node:readline";
import { Election } from "@bonfire/runtime";
import { openStore } from "../../harness/stores.ts";

const [kind, url, key, ttl] = process.argv.slice(2) as ["nats" | "redis", string, string, string];
const store = await openStore(kind, url);
const { whenFree } = store;
store.whenFree = (...args) => {
  console.log("waits");
  return whenFree.apply(store, args);
};
const election = new Election(store, { key, candidate: String(process.pid), ttl: Number(ttl) });
createInterface({ input: process.stdin })
  .on("line", () => void election.resign())
  // Ends with the test that started it.
  .on("close", () => process.exit());
const lease = await election.campaign();
console.log(`leads at ${process.hrtime.bigint()} with ${lease.token}`);
lease.signal.addEventListener("abort", () => console.log(`no longer: ${lease.signal.reason.message}`));

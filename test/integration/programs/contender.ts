/** Contends for a lease as a process of its own, named by its pid: contender.ts kind url key ttl */
import { contend } from "../../harness/contend.ts";
import { openStore } from "../../harness/stores.ts";

const [kind, url, key, ttl] = process.argv.slice(2) as ["nats" | "redis", string, string, string];
// Ends with the test that started it.
process.stdin.on("end", () => process.exit()).resume();
const store = await openStore(kind, url);
await contend(store, { key, holder: String(process.pid), ttl: Number(ttl) }, (report) =>
  console.log(JSON.stringify(report)),
);

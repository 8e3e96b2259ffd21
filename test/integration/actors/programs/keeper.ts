// A driver that keeps a ledger on an executor, or hosts ledgers there, and is there to be frozen or killed.
import { connect } from "@bonfire/runtime";
import { Ledger } from "../kept.ts";

const [realm, what, name] = process.argv.slice(2) as ["isolate" | "process", "spawn" | "host", string];
const fire = await connect();
const pool = await fire.pool(name, { min: 1, max: 1, concurrency: 10, realm });
const ttl = 1_000;
if (what === "host") await fire.host(Ledger, { pool, ttl, saveEvery: 1 });
else {
  const ledger = await pool.spawn(Ledger, [], { register: name, ttl, saveEvery: 2 });
  console.log(`ledger ${ledger.address}`);
}
console.log("ready");

// node --import @bonfire/loader main.ts
import { hostname } from "node:os";
import { connect } from "@bonfire/runtime";

await using fire = await connect();
const pool = await fire.pool("hello", { max: 1 });

const name = process.argv[2] ?? "world";
const here = { pid: process.pid, host: hostname() };

const there = await pool.call(() => {
  console.log(`hello, ${name}`); // printed here, by a process that is not this one
  return { greeting: `hello back from beyond ${here.host}`, primes: primesBelow(30) };
});

console.log(there);

function primesBelow(limit: number): number[] {
  const primes: number[] = [];
  for (let n = 2; n < limit; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}

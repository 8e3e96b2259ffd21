/** A driver with two calls that never end, one in each realm: it prints the processes in which they run. */
import { connect, remote } from "@bonfire/runtime";

const fire = await connect();
const waits = await fire.pool("waits", { max: 1, realm: "process" });
const spins = await fire.pool("spins", { max: 1, realm: "process" });
const first = Promise.withResolvers<number>();
const second = Promise.withResolvers<number>();
const tellFirst = remote((pid: number) => first.resolve(pid));
const tellSecond = remote((pid: number) => second.resolve(pid));
waits.cast({ tellFirst }, async ({ tellFirst }) => {
  await tellFirst(process.pid);
  await new Promise(() => {});
});
spins.cast({ tellSecond }, async ({ tellSecond }) => {
  await tellSecond(process.pid);
  for (;;);
});
console.log(`cells ${await first.promise} ${await second.promise}`);

// Wants a name whenever it is free, and takes turns under it until it has lost it.
import { connect } from "@bonfire/runtime";
import { RedisStore } from "@bonfire/store-redis";
import { Turns } from "../kept.ts";

const [name = "", ttl = "1s"] = process.argv.slice(2);
const { REDIS_URL: url } = process.env;
const fire = await connect(url ? { store: await RedisStore.connect({ url }) } : {});
console.log("ready");
for (;;) {
  try {
    const turns = await fire.spawn(Turns, [], { register: name, ttl: ttl as "1s", wait: "60s" });
    const ended = new Promise((resolve) => fire.monitor(turns, resolve));
    // Its own messages, so that it has some the moment that it wakes.
    const timer = setInterval(() => turns.tell.turn(), 5);
    await ended;
    clearInterval(timer);
    console.log("lost");
  } catch (error) {
    // The store may be out of reach for a moment, or slower than the lease is long.
    console.log(`failed ${(error as { code?: string }).code}`);
  }
}

// A process that runs rooms and rate limiters, whenever somebody sends to one.
import { connect } from "@bonfire/runtime";
import { RateLimiter, Room } from "./actors.ts";

export const TTL_MS = 1_500;
export const SAVE_EVERY = 10;

if (import.meta.main) {
  const fire = await connect();
  await fire.host(Room, { ttl: TTL_MS, saveEvery: SAVE_EVERY, idleAfter: "10m" });
  await fire.host(RateLimiter, { ttl: TTL_MS, idleAfter: "1m" });
  console.log("ready");
  // In order: rooms are saved, and the next message to each starts it in the other process.
  process.once("SIGTERM", () => void fire.close().then(() => process.exit()));
}

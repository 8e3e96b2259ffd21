// A service process that uses names: says where its clerk is, and lives until it is killed or its input ends.
import { connect } from "@bonfire/runtime";
import { RedisStore } from "@bonfire/store-redis";
import { Clerk } from "../kept.ts";

const { REDIS_URL: url } = process.env;
const fire = await connect(url ? { store: await RedisStore.connect({ url }) } : {});
const clerk = await fire.spawn(Clerk, [fire]);
console.log(`clerk ${clerk.address}`);
process.stdin.once("end", () => void fire.close().then(() => process.exit())).resume();

// A service process: says where its steward is, and lives until it is killed or its standard input ends.
import { connect } from "@bonfire/runtime";
import { Steward } from "../actors.ts";

const fire = await connect();
const steward = await fire.spawn(Steward, [fire]);
console.log(`steward ${steward.address}`);
process.stdin.once("end", () => void fire.close()).resume();

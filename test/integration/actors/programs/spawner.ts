// A driver that has an actor on an executor, and is there to be killed.
import { connect } from "@bonfire/runtime";
import { Counter } from "../actors.ts";

const fire = await connect();
const pool = await fire.pool(`spawner-${process.argv[2]}`, { max: 1, realm: process.argv[2] as "isolate" });
const counter = await pool.spawn(Counter, [0]);
console.log(`actor ${counter.address}`);

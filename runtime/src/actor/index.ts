/** What whoever hosts actors in a cell needs; no connection to NATS comes with it, as isolates have none. */
export type { Carrier, Mail, Receiving } from "../bus/node-bus.ts";
export { NodeBus } from "../bus/node-bus.ts";
export type { ActorClass, SpawnOptions } from "./actor-class.ts";
export type { Address } from "./address.ts";
export { placeOf } from "./ref.ts";
export { ActorSystem, type WatchNode } from "./system.ts";

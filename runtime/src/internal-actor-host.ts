/** As internal.ts, for what hosts actors in a cell; no connection to NATS comes with it, as isolates have none. */

export type { ActorClass, SpawnOptions } from "./actor/actor-class.ts";
export type { Address } from "./actor/address.ts";
export { placeOf } from "./actor/ref.ts";
export { ActorSystem, type WatchNode } from "./actor/system.ts";
export type { Carrier, Mail, Receiving } from "./bus/node-bus.ts";
export { NodeBus } from "./bus/node-bus.ts";
export type { Ticket } from "./naming/lent-claim.ts";

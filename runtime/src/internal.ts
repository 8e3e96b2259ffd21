/** The door for sibling packages of this repository; not for users, and free to change. */
export { Actor } from "./actor/actor.ts";
export type { Address } from "./actor/address.ts";
export type { Reason } from "./actor/reason.ts";
export { type AnyRef, placeOf, type Ref } from "./actor/ref.ts";
export { ActorSystem } from "./actor/system.ts";
export type { Bootstrap, RealmKind } from "./backend/bootstrap.ts";
export { Bus, type Message } from "./bus/bus.ts";
export { type NatsAddress, open } from "./bus/connection.ts";
export { Question } from "./bus/inbox.ts";
export { actorNode } from "./bus/node-kind.ts";
export { subject } from "./bus/subject.ts";

// Shipping closures.
export type { Bundle } from "./closure/bundle.ts";
export {
  type CaptureOptions,
  type Closure,
  capture,
  type EncodedArguments,
  encodeArguments,
} from "./closure/capture.ts";
export { reviveError, reviveValue } from "./closure/revive-error.ts";
export { PrivateServer } from "./nats-server/private-server.ts";
export { refuseUnknown } from "./option.ts";
export type { AgentPort, CellOffer, KeeperPort } from "./pool/agent-port.ts";
export { Presence } from "./presence/presence.ts";
export { PresenceActor } from "./presence/presence-actor.ts";
export { resolveTiming, type Timing } from "./presence/timing.ts";
export { watchHere } from "./presence/watch-here.ts";
export { NatsStore } from "./store/nats-store.ts";
export { untilFree } from "./store/until-free.ts";
export { type Adopted, adoptionMs } from "./supervisor/adoption.ts";
export type { Supervisor } from "./supervisor/supervisor.ts";

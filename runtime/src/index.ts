export { BonfireError, type Grants, hasCode } from "@bonfire/wire";
export { Actor } from "./actor/actor.ts";
export type { ActorClass, MailboxPolicy, SpawnOptions } from "./actor/actor-class.ts";
export type { DeadLetter } from "./actor/dead-letter.ts";
export type { Reason } from "./actor/reason.ts";
export type { AnyRef, Ref } from "./actor/ref.ts";
export type { SendOptions } from "./actor/send-options.ts";
export type { RealmKind } from "./backend/bootstrap.ts";
export {
  type Backend,
  BackendError,
  type BackendErrorCode,
  type LaunchRequest,
  type Machine,
} from "./backend/port.ts";
export { type ConnectOptions, connect, type Fire, type RegisterOptions } from "./connect.ts";
export type { Duration } from "./duration.ts";
export type { Group } from "./naming/groups.ts";
export type { Registration } from "./naming/names.ts";
export type { Hosting, HostOptions } from "./naming/virtual.ts";
export type { CallOptions, MapOptions, MapProgress } from "./pool/call-options.ts";
export type { LogLine, PoolEvents } from "./pool/events.ts";
export type { Explanation, SlotHolder } from "./pool/explain.ts";
export { held } from "./pool/held.ts";
export type { PoolOptions } from "./pool/options.ts";
export type { Pool } from "./pool/pool.ts";
export type { PoolSpawnOptions } from "./pool/spawn-options.ts";
export type { PresenceOptions } from "./presence/timing.ts";
export { remote } from "./remote.ts";
export { Election, type ElectionOptions } from "./store/election.ts";
export { Lease } from "./store/lease.ts";
export { MemoryStore } from "./store/memory-store.ts";
export type { NatsStoreOptions } from "./store/nats-store.ts";
export { type Grant, type Holder, Store } from "./store/port.ts";
export {
  type Child,
  type ChildOptions,
  type ChildRefs,
  type Children,
  child,
  placed,
  type Restart,
  supervision,
} from "./supervision/child.ts";
export type { Strategy, SupervisionOptions } from "./supervision/options.ts";
export type { Supervised } from "./supervision/supervise.ts";
export type { ExecutorInfo, FleetCounts, FleetEvent, PoolExplanation } from "./supervisor/fleet-event.ts";
export type { Scale } from "./supervisor/policy.ts";
export type { Resources } from "./supervisor/resources.ts";
export type { IdleCheck } from "./supervisor/supervisor.ts";

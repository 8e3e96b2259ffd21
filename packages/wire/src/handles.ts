/** Live handles: what does not travel, but can be used from the other end of a call. */
export { type Exported, Exports } from "./handles/exports.ts";
export { ACTOR, HandleKind, handleKind, markRemote, type SendToActor } from "./handles/kind.ts";
export { PACKET_HEADER, PacketKind, packet } from "./handles/packet.ts";
export { type HandleHooks, handleEnded, Session, type SessionHost } from "./handles/session.ts";

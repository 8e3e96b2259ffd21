export { type CodePart, joinCode, SentCode } from "./code-delta.ts";
export {
  type BlobPlace,
  type Callable,
  type DecodeOptions,
  decode,
  type EncodeOptions,
  encode,
  encodeWithBlobs,
  fillBlobs,
  formatPath,
  type HandleReference,
  type PathKey,
  type Reference,
  Refusal,
  type ShipModule,
  SOURCE_LINES_BEFORE,
  SOURCE_SCRIPT,
  SourceForm,
  shippedClasses,
  streamAdvice,
  type TextHost,
  useText,
  ValueRefused,
} from "./codec.ts";
export { BonfireError, hasCode } from "./error.ts";
export type { CallHeader } from "./frame.ts";
export { CallFlag, callFrame, FrameKind, HEADER_BYTES, ReplyKind, readHeader, writeHeader } from "./frame.ts";
export {
  type GrantNeeded,
  type Grants,
  grantFor,
  importRefusal,
  isGranted,
  isHostModule,
  missingGrant,
  packageOf,
} from "./grants.ts";
export {
  ACTOR,
  type Exported,
  Exports,
  type HandleHooks,
  HandleKind,
  handleEnded,
  handleKind,
  markRemote,
  PACKET_HEADER,
  PacketKind,
  packet,
  Session,
  type SessionHost,
} from "./handles.ts";
export { pack, unpack } from "./packed.ts";

export { type CodePart, joinCode, SentCode } from "./code-delta.ts";
export {
  type Callable,
  type DecodeOptions,
  decode,
  type EncodeOptions,
  encode,
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
  type TextHost,
  useText,
  ValueRefused,
} from "./codec.ts";
export { BonfireError, hasCode } from "./error.ts";
export type { CallHeader } from "./frame.ts";
export { callFrame, FrameKind, HEADER_BYTES, ReplyKind, readHeader, writeHeader } from "./frame.ts";
export { type GrantNeeded, type Grants, grantFor, importRefusal, isGranted, missingGrant } from "./grants.ts";
export { pack, unpack } from "./packed.ts";

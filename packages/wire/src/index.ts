export {
  type Callable,
  decode,
  type DecodeOptions,
  encode,
  type EncodeOptions,
  formatPath,
  type PathKey,
  type Reference,
  Refusal,
  type ShipModule,
  SOURCE_LINES_BEFORE,
  SOURCE_SCRIPT,
  SourceForm,
  type TextHost,
  useText,
  ValueRefused,
} from "./codec.ts";
export { BonfireError, hasCode } from "./error.ts";
export { callFrame, FrameKind, HEADER_BYTES, readHeader, ReplyKind, writeHeader } from "./frame.ts";
export type { CallHeader } from "./frame.ts";

/** The value codec: what a call carries, as bytes that are the same in Node and inside an isolate. */
export { type DecodeOptions, decode } from "./codec/decode.ts";
export { SOURCE_LINES_BEFORE, SOURCE_SCRIPT } from "./codec/decode-code.ts";
export { type EncodeOptions, encode } from "./codec/encode.ts";
export {
  type Callable,
  type HandleReference,
  type Reference,
  type ShipModule,
  SourceForm,
  shippedClasses,
} from "./codec/reference.ts";
export { formatPath, type PathKey, Refusal, ValueRefused } from "./codec/refusal.ts";
export { type TextHost, useText } from "./codec/text.ts";

/** Turns whatever was thrown into bytes, without ever failing itself: an error must reach its caller. */
import { BonfireError, type EncodeOptions, encode } from "@bonfire/wire";

export function encodeError(error: unknown, options: EncodeOptions): Uint8Array {
  try {
    const bytes = encode(error, options);
    // `throw undefined` has no bytes, and no bytes are no error.
    return bytes.length > 0 ? bytes : encode(new Error("undefined was thrown"), options);
  } catch (refusal) {
    const reason = refusal instanceof BonfireError ? refusal.message : "its properties could not be read";
    return encode(
      new BonfireError("VALUE_REFUSED", `The call failed with an error that cannot travel: ${reason}`),
      options,
    );
  }
}

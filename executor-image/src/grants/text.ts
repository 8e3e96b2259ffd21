/** Abilities of decoding text by the host's own decoder, as an isolate has none: every encoding that Node knows. */
import type { Ability, Outcome } from "./ability.ts";
import { count, text } from "./ability.ts";
import type { CallScope } from "./call-scope.ts";

const DECODERS = Symbol("decoders");
/** Streams of text that one call may be in the middle of. */
const MOST_DECODERS = 1_000;

function decode(
  scope: CallScope,
  [id, encoding, options, more]: readonly any[],
  bytes: Uint8Array = new Uint8Array(0),
): Outcome {
  const decoders = scope.own(DECODERS, () => new Map<number, InstanceType<typeof TextDecoder>>());
  const number = count(id, "the decoder");
  const { fatal, ignoreBOM } = options as { fatal?: unknown; ignoreBOM?: unknown };
  const decoder =
    decoders.get(number) ??
    new TextDecoder(text(encoding, "the encoding"), { fatal: fatal === true, ignoreBOM: ignoreBOM === true });
  // Only what waits for more is kept.
  decoders.delete(number);
  try {
    const value = decoder.decode(bytes, { stream: more === true });
    if (more === true) {
      if (decoders.size >= MOST_DECODERS) {
        throw new RangeError(
          `Cannot decode more than ${MOST_DECODERS} streams of text at a time in one call`,
        );
      }
      decoders.set(number, decoder);
    }
    return { value };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_ENCODING_INVALID_ENCODED_DATA") return { value: null };
    throw error;
  }
}

function isKnown(encoding: unknown): boolean {
  try {
    return new TextDecoder(text(encoding, "the encoding")) !== undefined;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

export const textAbility: Ability["sync"] = {
  "text.known": (_, [encoding]) => ({ value: isKnown(encoding) }),
  "text.decode": decode,
};

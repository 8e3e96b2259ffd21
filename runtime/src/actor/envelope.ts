/**
 * One message to an actor, and the answer to it. msgpackr packs the envelope; arguments, values and errors are opaque
 * bytes in it, written by the value codec, which keeps what msgpackr would lose.
 */
import { decode, encode, pack, unpack } from "@bonfire/wire";

export interface Envelope {
  readonly actor: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Milliseconds that the asker still waits; 0 for a tell. */
  readonly budget: number;
  /** W3C trace context (`traceparent`) of the sender, or empty. */
  readonly trace: string;
}

export function packEnvelope({ actor, method, args, budget, trace }: Envelope): Uint8Array {
  return pack([actor, method, encode(args, { root: "arguments" }), budget, trace]);
}

export function unpackEnvelope(bytes: Uint8Array): Envelope {
  const [actor, method, args, budget, trace] = unpack(bytes) as [string, string, Uint8Array, number, string];
  return { actor, method, args: decode(args) as unknown[], budget, trace };
}

/** Either the value or the error; the error is never the method's way of answering. */
export type Answer = { readonly value: unknown } | { readonly error: unknown };

export function packAnswer(answer: Answer): Uint8Array {
  return "error" in answer
    ? pack([1, encode(answer.error)])
    : pack([0, encode(answer.value, { root: "answer" })]);
}

export function unpackAnswer(bytes: Uint8Array): Answer {
  const [failed, content] = unpack(bytes) as [number, Uint8Array];
  const value = decode(content);
  return failed ? { error: value } : { value };
}

/** One message to an actor, and the answer to it: arrays that the value codec packs. */
import { decode, encode } from "@bonfire/wire";

export interface Envelope {
  readonly actor: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Milliseconds that the asker still waits; 0 for a tell. */
  readonly budget: number;
  /** W3C trace context (`traceparent`) of the sender, or empty. */
  readonly trace: string;
}

export function packEnvelope(envelope: Envelope): Uint8Array {
  return encode([envelope.actor, envelope.method, envelope.args, envelope.budget, envelope.trace]);
}

export function unpackEnvelope(bytes: Uint8Array): Envelope {
  const [actor, method, args, budget, trace] = decode(bytes) as [string, string, unknown[], number, string];
  return { actor, method, args, budget, trace };
}

/** Either the value or the error; the error is never the method's way of answering. */
export type Answer = { readonly value: unknown } | { readonly error: unknown };

export function packAnswer(answer: Answer): Uint8Array {
  return "error" in answer ? encode([1, answer.error]) : encode([0, answer.value]);
}

export function unpackAnswer(bytes: Uint8Array): Answer {
  const [failed, content] = decode(bytes) as [number, unknown];
  return failed ? { error: content } : { value: content };
}

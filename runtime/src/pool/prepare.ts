/** From what a caller hands over to what can be sent: everything is checked, and copied, at the call. */
import { BonfireError, Exports, HandleKind, handleKind } from "@bonfire/wire";
import { writeRef } from "../actor/ref.ts";
import { type Closure, capture, type EncodedArguments, encodeArguments } from "../closure/capture.ts";
import { CallHandles } from "./call-handles.ts";
import type { CallOptions } from "./call-options.ts";
import type { CallTerms } from "./call-terms.ts";

export interface Given {
  readonly closure: Closure;
  readonly args: readonly unknown[];
  readonly options: CallOptions;
  readonly handles: Pick<Handles, "add" | "exports" | "stream" | "copy">;
}

export interface Prepared {
  readonly closure: Closure;
  readonly encoded: EncodedArguments;
  readonly terms: CallTerms;
  readonly handles: CallHandles | undefined;
  /** Makes what stands for the same handles at a further try. */
  readonly handlesAgain: () => CallHandles | undefined;
}

const STREAMS: Readonly<Record<number, string>> = {
  [HandleKind.readable]: "ReadableStream",
  [HandleKind.writable]: "WritableStream",
  [HandleKind.iterable]: "generator",
};

/** What is alive among a call's captures and arguments; most calls have nothing. */
export class Handles {
  exports: Exports | undefined;

  readonly add = (value: object) => {
    if (!this.exports && handleKind(value) === undefined) return undefined;
    this.exports ??= new Exports(1);
    return this.exports.add(value);
  };

  /** What the first stream among them is; undefined if there is none. */
  get stream(): string | undefined {
    for (const { kind } of this.exports ?? []) if (kind in STREAMS) return STREAMS[kind];
    return undefined;
  }

  copy(): Handles {
    const copy = new Handles();
    copy.exports = this.exports?.copy();
    return copy;
  }
}

/** An actor outlives the call that starts it, so that only refs are of use to it. */
export const REFS_ONLY: Given["handles"] = {
  add: writeRef,
  exports: undefined,
  stream: undefined,
  copy: () => new Handles(),
};

/** Tells the two forms of a call apart, and captures. Throws `INVALID_CALL` or `CAPTURE_REFUSED`. */
export function given([first, second, third]: [unknown, unknown?, unknown?], maxCaptureBytes: number): Given {
  const handles = new Handles();
  if (typeof first === "function") {
    return {
      closure: capture(first, { maxCaptureBytes, handle: handles.add }),
      args: [],
      options: (second ?? {}) as CallOptions,
      handles,
    };
  }
  if (typeof second === "function" && typeof first === "object" && first !== null) {
    const closure = capture(second, { explicit: true, handle: handles.add });
    return { closure, args: [first], options: (third ?? {}) as CallOptions, handles };
  }
  throw new BonfireError(
    "INVALID_CALL",
    "A call takes a function, or an object of captures and a function: pool.call(() => …) or pool.call({ a }, ({ a }) => …)",
  );
}

/** Encodes the arguments. Throws `VALUE_REFUSED` or `CAPTURE_REFUSED`. */
export function prepare(
  { closure, args, handles }: Omit<Given, "options">,
  terms: CallTerms,
  maxCaptureBytes: number,
): Prepared {
  const encoded = encodeArguments(args, handles.add);
  if (encoded.bytes.length > maxCaptureBytes) throw tooLarge(encoded.bytes.length, maxCaptureBytes);
  const { stream } = terms.retry ? handles : {};
  if (stream !== undefined) {
    throw new BonfireError(
      "CAPTURE_REFUSED",
      `Cannot capture a ${stream} at ${closure.at} as a call with "retries" may have to read it again: leave "retries" out, or read it here`,
    );
  }
  // Taken before the first try, whose end may let go of some.
  const kept = terms.retry && handles.copy();
  return {
    closure,
    encoded,
    terms,
    handles: sessionOf(handles),
    handlesAgain: () => kept && sessionOf(kept.copy()),
  };
}

function sessionOf({ exports }: Pick<Handles, "exports">): CallHandles | undefined {
  return exports && new CallHandles(exports);
}

function tooLarge(bytes: number, limit: number): BonfireError {
  return new BonfireError(
    "CAPTURE_REFUSED",
    `Cannot send arguments of ${bytes} bytes as the limit is ${limit}: pass less, or raise the pool's "maxCaptureBytes"`,
  );
}

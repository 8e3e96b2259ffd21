/** The host's part of zlib's streams: a piece goes in, and what comes of it goes back before the next one is taken. */
import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { BonfireError } from "@bonfire/wire";
import { type Ability, count, type Outcome } from "./ability.ts";
import type { CallScope } from "./call-scope.ts";

const STREAMS = Symbol("compression streams");
const MOST_STREAMS = 256;

class CompressionStream {
  readonly #stream: Transform;
  readonly #mostBytes: number;
  #parts: Uint8Array[] = [];
  #size = 0;
  #failure: Error | undefined;

  constructor(stream: Transform, mostBytes: number) {
    this.#stream = stream;
    this.#mostBytes = mostBytes;
    stream.on("data", (part: Uint8Array) => this.#take(part));
    stream.on("error", (error) => {
      this.#failure = error;
    });
  }

  /** What comes of these bytes. */
  write(bytes: Uint8Array): Promise<Outcome> {
    return this.#after((done) => this.#stream.write(Uint8Array.prototype.slice.call(bytes), done));
  }

  flush(kind: unknown): Promise<Outcome> {
    const stream = this.#stream as Transform & zlib.Zlib;
    return this.#after((done) => (typeof kind === "number" ? stream.flush(kind, done) : stream.flush(done)));
  }

  /** What was still held back. */
  end(): Promise<Outcome> {
    return this.#after((done) => this.#stream.once("end", done).end());
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #take(part: Uint8Array): void {
    this.#size += part.length;
    // What is small packed may be huge unpacked, and it is this process that would have to hold it.
    if (this.#size <= this.#mostBytes) this.#parts.push(part);
    else this.#stream.destroy(new RangeError(`Cannot unpack more than ${this.#mostBytes} bytes at a time`));
  }

  async #after(work: (done: (error?: Error | null) => void) => void): Promise<Outcome> {
    if (this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        const settle = () => {
          this.#stream.off("close", settle);
          resolve();
        };
        // A stream that fails only closes.
        this.#stream.on("close", settle);
        work(settle);
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    const parts = this.#parts;
    this.#parts = [];
    this.#size = 0;
    return { bytes: Buffer.concat(parts) };
  }
}

type Streams = Map<number, CompressionStream>;

/** @param mostBytes that one piece may become. */
export function compressionStreams(names: ReadonlySet<string>, mostBytes: number): Ability["async"] {
  const streamsOf = (scope: CallScope): Streams =>
    scope.own(STREAMS, () => {
      const streams: Streams = new Map();
      scope.onEnd(() => {
        for (const stream of streams.values()) stream.destroy();
      });
      return streams;
    });
  const streamOf = (scope: CallScope, id: unknown): CompressionStream => {
    const stream = streamsOf(scope).get(id as number);
    if (stream !== undefined) return stream;
    throw new BonfireError(
      "CALL_ENDED",
      "Cannot use this zlib stream as its call has ended, or it was closed",
    );
  };
  return {
    "zlib.open": async (scope, [id, name, options]) => {
      if (!names.has(name)) throw new TypeError(`Cannot make a zlib stream of ${name} as it does not exist`);
      const streams = streamsOf(scope);
      if (streams.size >= MOST_STREAMS)
        throw new RangeError(`Cannot have more than ${MOST_STREAMS} zlib streams in a call`);
      const create = (zlib as unknown as Record<string, (options: object) => Transform>)[
        `create${name[0].toUpperCase()}${name.slice(1)}`
      ]!;
      streams.set(count(id, "the stream's number"), new CompressionStream(create(options), mostBytes));
      return {};
    },
    "zlib.write": (scope, [id], bytes = new Uint8Array(0)) => streamOf(scope, id).write(bytes),
    "zlib.flush": (scope, [id, kind]) => streamOf(scope, id).flush(kind),
    "zlib.end": async (scope, [id]) => {
      const outcome = await streamOf(scope, id).end();
      streamsOf(scope).delete(id);
      return outcome;
    },
    "zlib.close": async (scope, [id]) => {
      const streams = streamsOf(scope);
      streams.get(id)?.destroy();
      streams.delete(id);
      return {};
    },
  };
}

/** Random values and digests, from the host's crypto: the global `crypto` and the matching part of `node:crypto`. */
import { asBuffer, dataOf } from "./file-operations.ts";
import { ask, askFor, request } from "./host.ts";
import { requireInternal } from "./library.ts";

const MOST_RANDOM = 65_536;

function random(size: number): Uint8Array<ArrayBuffer> {
  return askFor("crypto.random", [size]).bytes ?? new Uint8Array(0);
}

function getRandomValues<T extends ArrayBufferView>(view: T): T {
  if (view.byteLength > MOST_RANDOM) {
    const { DOMException } = requireInternal("internal/util/domexception");
    throw new DOMException(`The requested length exceeds ${MOST_RANDOM} bytes`, "QuotaExceededError");
  }
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(random(view.byteLength));
  return view;
}

const randomUUID = (): string => ask("crypto.uuid") as string;

function viewOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

async function digest(
  algorithm: string | { name: string },
  data: ArrayBuffer | ArrayBufferView,
): Promise<ArrayBuffer> {
  const name = typeof algorithm === "string" ? algorithm : algorithm.name;
  const { bytes } = await request("crypto.digest", [name.toLowerCase().replace("-", ""), null], {
    bytes: viewOf(data).slice(),
  });
  return bytes!.buffer;
}

let web: object | undefined;

/** The global `crypto`. */
export function webCrypto(): object {
  web ??= Object.freeze({ getRandomValues, randomUUID, subtle: Object.freeze({ digest }) });
  return web;
}

/** Gathers what is hashed and has the host do it in one go: crossing per `update` would cost more than copying. */
class Hash {
  readonly #algorithm: string;
  readonly #key: string | null;
  readonly #parts: Uint8Array[] = [];

  constructor(algorithm: string, key: Uint8Array | null) {
    this.#algorithm = algorithm;
    this.#key =
      key === null
        ? null
        : (asBuffer(key.slice()) as unknown as { toString(encoding: string): string }).toString("hex");
  }

  update(data: unknown, encoding?: string): this {
    this.#parts.push(dataOf(data, encoding).slice());
    return this;
  }

  digest(encoding?: string): unknown {
    const { Buffer } = requireInternal("buffer");
    const { bytes } = askFor("crypto.digest", [this.#algorithm, this.#key], Buffer.concat(this.#parts));
    const buffer = asBuffer(bytes);
    return encoding === undefined || encoding === "buffer"
      ? buffer
      : (buffer as unknown as { toString(encoding: string): string }).toString(encoding);
  }
}

function timingSafeEqual(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const left = viewOf(a);
  const right = viewOf(b);
  if (left.length !== right.length) {
    const { ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH } = requireInternal("internal/errors").codes;
    throw new ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH();
  }
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= left[i]! ^ right[i]!;
  return difference === 0;
}

function randomInt(first: number, second?: number | ((error: null, value: number) => void)): number {
  const [low, high] = typeof second === "number" ? [first, second] : [0, first];
  const range = high - low;
  const limit = 2 ** 48 - (2 ** 48 % range);
  for (;;) {
    const bytes = random(6);
    const drawn = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    if (drawn < limit) return low + (drawn % range);
  }
}

/** The part of `node:crypto` that needs no keys: random values, hashes and HMACs. */
export function cryptoModule(): Record<string, unknown> {
  return {
    randomUUID,
    randomInt,
    getRandomValues,
    timingSafeEqual,
    webcrypto: webCrypto(),
    subtle: (webCrypto() as { subtle: object }).subtle,
    randomBytes(size: number, callback?: (error: null, bytes: Uint8Array) => void) {
      const bytes = asBuffer(random(size));
      if (callback === undefined) return bytes;
      requireInternal("timers").setImmediate(callback, null, bytes);
      return undefined;
    },
    randomFillSync: getRandomValues,
    createHash: (algorithm: string) => new Hash(algorithm, null),
    createHmac: (algorithm: string, key: string | Uint8Array) => new Hash(algorithm, dataOf(key, "utf8")),
    hash: (algorithm: string, data: unknown, encoding = "hex") =>
      new Hash(algorithm, null).update(data).digest(encoding),
    getHashes: () => ask("crypto.hashes"),
  };
}

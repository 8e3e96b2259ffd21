/** `node:zlib` in one piece, by the host's zlib: each function in its callback and synchronous form, no streams. */
import { BonfireError } from "@bonfire/wire";
import { asBuffer, dataOf } from "./file-operations.ts";
import { askFor, request } from "./host.ts";
import { facts, requireInternal } from "./library.ts";

const FUNCTIONS = [
  "gzip",
  "gunzip",
  "deflate",
  "inflate",
  "deflateRaw",
  "inflateRaw",
  "unzip",
  "brotliCompress",
  "brotliDecompress",
];
const STREAMS = [
  "Gzip",
  "Gunzip",
  "Deflate",
  "Inflate",
  "DeflateRaw",
  "InflateRaw",
  "Unzip",
  "BrotliCompress",
  "BrotliDecompress",
];

type Callback = (error: unknown, bytes?: Uint8Array) => void;

export function zlibModule(): Record<string, unknown> {
  const module: Record<string, unknown> = { constants: facts.constants.zlib };
  for (const name of FUNCTIONS) {
    module[`${name}Sync`] = (data: unknown, options: object = {}) =>
      asBuffer(askFor("zlib.run", [name, options], bytesOf(data)).bytes);
    module[name] = (data: unknown, ...rest: unknown[]) => {
      const callback = rest.pop() as Callback;
      const defer = (...results: unknown[]) => requireInternal("timers").setImmediate(callback, ...results);
      request("zlib.run", [name, rest[0] ?? {}], { bytes: bytesOf(data) }).then(
        ({ bytes }) => defer(null, asBuffer(bytes)),
        defer,
      );
    };
  }
  for (const name of STREAMS) {
    module[`create${name}`] = () => {
      const whole = name[0]!.toLowerCase() + name.slice(1);
      throw new BonfireError(
        "GRANT_MISSING",
        `Cannot use zlib.create${name} in a sandbox: use zlib.${whole} on the whole buffer, or realm: "process"`,
      );
    };
  }
  return module;
}

function bytesOf(data: unknown): Uint8Array {
  return data instanceof ArrayBuffer ? new Uint8Array(data) : dataOf(data, "utf8");
}

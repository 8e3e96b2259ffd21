/** `node:zlib` by the host's zlib: each function in its callback, synchronous and streaming form. */
import { nothing } from "./bindings/binding.ts";
import { currentCall } from "./bindings/scheduling.ts";
import { asBuffer, dataOf } from "./file-operations.ts";
import { askFor, notifyFor, request } from "./host.ts";
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
/** Longest piece that the host gets at a time: what it becomes must be held there. */
const PIECE = 1 << 16;

let lastStream = 0;

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
  for (const name of FUNCTIONS) {
    const capital = name[0]!.toUpperCase() + name.slice(1);
    module[`create${capital}`] = (options: object = {}) => createStream(name, options);
  }
  return module;
}

/** A stream of Node's whose bytes the host turns into others. It belongs to the call that made it. */
function createStream(name: string, options: object): unknown {
  const { Transform } = requireInternal("stream");
  const call = currentCall();
  const id = ++lastStream;
  let opened: Promise<unknown> | undefined;
  const perform = async (operation: string, args: unknown[], bytes?: Uint8Array): Promise<void> => {
    opened ??= request("zlib.open", [id, name, options], { call });
    await opened;
    const reply = await request(operation, [id, ...args], { call, bytes });
    if (reply.bytes !== undefined && reply.bytes.length > 0) stream.push(asBuffer(reply.bytes));
  };
  const stream = new Transform({
    ...options,
    transform(chunk: Uint8Array, _encoding: string, done: Done) {
      stream.bytesWritten += chunk.length;
      writeAll(chunk).then(() => done(), done);
    },
    flush: (done: Done) => void perform("zlib.end", []).then(() => done(), done),
    destroy(error: unknown, done: Done) {
      if (opened !== undefined) notifyFor(call, "zlib.close", id);
      done(error);
    },
  });
  const writeAll = async (chunk: Uint8Array): Promise<void> => {
    for (let at = 0; at < chunk.length; at += PIECE)
      await perform("zlib.write", [], chunk.subarray(at, at + PIECE));
  };
  return Object.assign(stream, {
    bytesWritten: 0,
    flush(kind: number | Done, done: Done = nothing) {
      const then = typeof kind === "function" ? kind : done;
      perform("zlib.flush", [typeof kind === "number" ? kind : null]).then(() => then(), then);
    },
    close(done: Done = nothing) {
      stream.once("close", () => done());
      stream.destroy();
    },
  });
}

type Done = (error?: unknown) => void;

function bytesOf(data: unknown): Uint8Array {
  return data instanceof ArrayBuffer ? new Uint8Array(data) : dataOf(data, "utf8");
}

/** `createReadStream` and `createWriteStream`: Node's streams over an open file of the host, one chunk per request. */
import { asBuffer, pathOf } from "./file-operations.ts";
import { request } from "./host.ts";
import { requireInternal } from "./library.ts";

interface StreamOptions {
  readonly fd?: number;
  readonly flags?: string;
  readonly mode?: number;
  readonly encoding?: string;
  readonly start?: number;
  readonly end?: number;
  readonly highWaterMark?: number;
  readonly autoClose?: boolean;
  readonly signal?: AbortSignal;
}

type Done = (error?: unknown) => void;

const CHUNK = 64 * 1024;

async function open(path: unknown, options: StreamOptions, flags: string): Promise<number> {
  if (options.fd !== undefined) return options.fd;
  const { value } = await request("files.open", [
    pathOf(path),
    options.flags ?? flags,
    options.mode ?? 0o666,
  ]);
  return value as number;
}

function close(handle: number | undefined, options: StreamOptions, error: unknown, done: Done): void {
  if (handle === undefined || options.autoClose === false) done(error);
  else request("files.close", [handle]).then(() => done(error), done);
}

function given(options: StreamOptions | string | undefined): StreamOptions {
  return typeof options === "string" ? { encoding: options } : (options ?? {});
}

export function createReadStream(path: unknown, options?: StreamOptions | string): unknown {
  const settings = given(options);
  const { Readable } = requireInternal("stream");
  let handle: number | undefined;
  let position = settings.start;
  let left = settings.end === undefined ? Number.POSITIVE_INFINITY : settings.end + 1 - (settings.start ?? 0);
  const stream = new Readable({
    highWaterMark: settings.highWaterMark ?? CHUNK,
    encoding: settings.encoding,
    signal: settings.signal,
    construct(done: Done) {
      open(path, settings, "r").then((opened) => {
        handle = opened;
        done();
        stream.emit("open", opened);
        stream.emit("ready");
      }, done);
    },
    read(size: number) {
      const length = Math.min(size, left);
      if (length <= 0) {
        stream.push(null);
        return;
      }
      request("files.read", [handle, length, position ?? null]).then(
        ({ bytes }) => {
          const count = bytes?.length ?? 0;
          left -= count;
          if (position !== undefined) position += count;
          stream.bytesRead += count;
          stream.push(count === 0 ? null : asBuffer(bytes));
        },
        (error: unknown) => stream.destroy(error),
      );
    },
    destroy: (error: unknown, done: Done) => close(handle, settings, error, done),
  });
  return Object.assign(stream, { path, bytesRead: 0 });
}

export function createWriteStream(path: unknown, options?: StreamOptions | string): unknown {
  const settings = given(options);
  const { Writable } = requireInternal("stream");
  let handle: number | undefined;
  let position = settings.start;
  const stream = new Writable({
    highWaterMark: settings.highWaterMark ?? CHUNK,
    defaultEncoding: settings.encoding,
    signal: settings.signal,
    decodeStrings: true,
    construct(done: Done) {
      open(path, settings, "w").then((opened) => {
        handle = opened;
        done();
        stream.emit("open", opened);
        stream.emit("ready");
      }, done);
    },
    write(chunk: Uint8Array, _encoding: string, done: Done) {
      request("files.write", [handle, position ?? null], { bytes: chunk }).then(() => {
        if (position !== undefined) position += chunk.length;
        stream.bytesWritten += chunk.length;
        done();
      }, done);
    },
    destroy: (error: unknown, done: Done) => close(handle, settings, error, done),
  });
  return Object.assign(stream, { path, bytesWritten: 0 });
}

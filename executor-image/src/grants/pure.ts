/** Abilities that every sandbox has because they reach nothing: URL parsing, random values, digests, compression. */
import { createHash, createHmac, getHashes, randomBytes, randomUUID } from "node:crypto";
import { domainToASCII, domainToUnicode, format, pathToFileURL } from "node:url";
import * as zlib from "node:zlib";
import { URL_FIELDS } from "../guest/bindings/url.ts";
import type { Ability, Outcome } from "./ability.ts";
import { count, text } from "./ability.ts";
import { compressionStreams } from "./compression-streams.ts";
import { textAbility } from "./text.ts";

const OMITTED = 0xffffffff;
/** The numbers of Node's parser for the schemes it treats specially. */
const SCHEMES: Readonly<Record<string, number>> = {
  "http:": 0,
  "https:": 2,
  "ws:": 3,
  "ftp:": 4,
  "wss:": 5,
  "file:": 6,
};
const OTHER_SCHEME = 1;

/** The href and where its parts begin and end, in the order that Node's library keeps them. */
function components(url: URL): unknown[] {
  const { href, protocol, username, password, hostname, port } = url;
  const scheme = protocol.length;
  const hash = href.indexOf("#");
  const query = href.slice(0, hash === -1 ? undefined : hash).indexOf("?");
  const authority = href.startsWith("//", scheme) && (hostname !== "" || protocol === "file:");
  const credentials = username !== "" || password !== "";
  const userStart = authority ? scheme + 2 : scheme;
  const userEnd = userStart + username.length;
  const hostStart = password === "" ? userEnd : userEnd + 1 + password.length;
  const hostEnd = hostStart + (credentials ? 1 : 0) + hostname.length;
  const pathEnd = query !== -1 ? query : hash !== -1 ? hash : href.length;
  const at = (index: number) => (index === -1 ? OMITTED : index);
  return [
    ...[href, scheme, userEnd, hostStart, hostEnd, port === "" ? OMITTED : Number(port)],
    ...[pathEnd - url.pathname.length, at(query), at(hash), SCHEMES[protocol] ?? OTHER_SCHEME],
  ];
}

function parse(input: unknown, base: unknown): Outcome {
  const url = URL.parse(String(input), base === null ? undefined : String(base));
  return { value: url === null ? null : components(url) };
}

const FIELDS = new Set(URL_FIELDS);

function update(href: unknown, field: unknown, value: unknown): Outcome {
  if (field === "href") return parse(value, null);
  const url = new URL(text(href, "the URL"));
  const name = text(field, "the URL's part");
  if (FIELDS.has(name)) (url as unknown as Record<string, string>)[name] = String(value);
  return { value: components(url) };
}

const MOST_RANDOM = 1 << 20;

function digest(algorithm: unknown, key: unknown, bytes: Uint8Array | undefined): Outcome {
  const name = text(algorithm, "the hash algorithm");
  const hash = key === null ? createHash(name) : createHmac(name, Buffer.from(text(key, "the key"), "hex"));
  if (bytes !== undefined) hash.update(bytes);
  return { bytes: hash.digest() };
}

const ZLIB = new Set([
  ...["gzip", "gunzip", "deflate", "inflate", "deflateRaw", "inflateRaw", "unzip"],
  ...["brotliCompress", "brotliDecompress"],
]);

export function pureAbility(memoryBytes: number): Ability {
  /** What is small packed may be huge unpacked, and it is the host that would have to hold it. */
  const zlibOptions = (given: unknown) => {
    const options =
      typeof given === "object" && given !== null ? (given as { maxOutputLength?: number }) : {};
    return { ...options, maxOutputLength: Math.min(options.maxOutputLength ?? memoryBytes, memoryBytes) };
  };
  const zlibName = (name: unknown) => {
    if (typeof name === "string" && ZLIB.has(name)) return name;
    throw new TypeError(`Cannot use zlib.${name} as it does not exist`);
  };
  const sync: Ability["sync"] = {
    ...textAbility,
    "url.parse": (_, [input, base]) => parse(input, base),
    "url.update": (_, [href, field, value]) => update(href, field, value),
    "url.file": (_, [path]) => ({ value: components(pathToFileURL(text(path, "the path"))) }),
    "url.origin": (_, [href]) => ({ value: new URL(text(href, "the URL")).origin }),
    "url.format": (_, [href, options]) => ({ value: format(new URL(text(href, "the URL")), options) }),
    "url.ascii": (_, [domain]) => ({ value: domainToASCII(text(domain, "the domain")) }),
    "url.unicode": (_, [domain]) => ({ value: domainToUnicode(text(domain, "the domain")) }),
    "crypto.random": (_, [size]) => ({ bytes: randomBytes(Math.min(count(size, "the size"), MOST_RANDOM)) }),
    "crypto.uuid": () => ({ value: randomUUID() }),
    "crypto.hashes": () => ({ value: getHashes() }),
    "crypto.digest": (_, [algorithm, key], bytes) => digest(algorithm, key, bytes),
    "zlib.run": (_, [name, options], bytes) => {
      const run = (zlib as unknown as Record<string, (data: Uint8Array, options: object) => Buffer>)[
        `${zlibName(name)}Sync`
      ]!;
      return { bytes: run(bytes ?? new Uint8Array(0), zlibOptions(options)) };
    },
  };
  return {
    sync,
    async: {
      ...compressionStreams(ZLIB, memoryBytes),
      "crypto.digest": async (scope, args, bytes) => sync["crypto.digest"]!(scope, args, bytes),
      "zlib.run": (_, [name, options], bytes) => {
        type Run = (
          data: Uint8Array,
          options: object,
          done: (error: Error | null, bytes: Buffer) => void,
        ) => void;
        const run = (zlib as unknown as Record<string, Run>)[zlibName(name)]!;
        return new Promise((resolve, reject) => {
          run(bytes ?? new Uint8Array(0), zlibOptions(options), (error, packed) =>
            error ? reject(error) : resolve({ bytes: packed }),
          );
        });
      },
    },
  };
}

/** The ability behind `fetch`: requests to the hosts that the pool names, at every redirect, with a streamed body. */
import { BonfireError, type Grants } from "@bonfire/wire";
import type { Ability, Outcome } from "./ability.ts";
import type { CallScope } from "./call-scope.ts";

const BODIES = Symbol("response bodies");
const MOST_REDIRECTS = 20;

type Reader = ReadableStreamDefaultReader<Uint8Array>;

interface Bodies {
  readonly readers: Map<number, Reader>;
  /** Bodies of requests that are still being sent, by the guest's number. */
  readonly uploads: Map<number, Upload>;
  readonly ended: AbortController;
  last: number;
}

function bodiesOf(scope: CallScope): Bodies {
  return scope.own(BODIES, () => {
    const bodies: Bodies = { readers: new Map(), uploads: new Map(), ended: new AbortController(), last: 0 };
    // Aborting also fails every body that is still being read.
    scope.onEnd(() => bodies.ended.abort());
    return bodies;
  });
}

interface Settings {
  readonly method: string;
  readonly headers: [string, string][];
  readonly redirect: "follow" | "error" | "manual";
}

/** Whether a pattern of the grant, `"api.example.com"` or `"*.example.com"`, covers this host. */
export function coversHost(pattern: string, hostname: string): boolean {
  const wanted = pattern.toLowerCase();
  return wanted.startsWith("*.") ? hostname.endsWith(wanted.slice(1)) : hostname === wanted;
}

export function networkAbility(allowed: Grants["fetch"]): Ability {
  const check = (url: URL): void => {
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      throw new BonfireError(
        "GRANT_MISSING",
        `Cannot fetch ${url.protocol} as a sandbox speaks http and https only`,
      );
    }
    if (allowed === true) return;
    const patterns = Array.isArray(allowed) ? (allowed as readonly string[]) : [];
    if (patterns.some((pattern) => coversHost(pattern, url.hostname))) return;
    throw new BonfireError(
      "GRANT_MISSING",
      `Cannot fetch from ${url.host} as this pool does not grant that host: add grants: { fetch: [${JSON.stringify(url.hostname)}] } to the pool`,
    );
  };

  const open = async (
    scope: CallScope,
    [target, settings, number]: readonly any[],
    bytes: Uint8Array | undefined,
  ): Promise<Outcome> => {
    const bodies = bodiesOf(scope);
    const upload = number === null ? undefined : new Upload();
    if (upload !== undefined) bodies.uploads.set(number, upload);
    const { response, url, redirected } = await follow(
      new URL(String(target)),
      settings as Settings,
      upload?.stream ?? bytes,
      bodies.ended.signal,
      check,
    ).catch((error: unknown) => {
      upload?.over();
      throw error;
    });
    let body: number | null = null;
    if (response.body !== null) {
      body = ++bodies.last;
      bodies.readers.set(body, response.body.getReader() as Reader);
    }
    const { status, statusText } = response;
    const headers = [...response.headers].filter(([name]) => !DECODED.has(name));
    return { value: { body, status, statusText, url, redirected, headers } };
  };

  return {
    sync: {},
    async: {
      "network.fetch": open,
      "network.read": async (scope, [id]) => {
        const { readers } = bodiesOf(scope);
        const reader = readers.get(id);
        if (reader === undefined) return {};
        const { done, value } = await reader.read();
        if (!done) return { bytes: value };
        readers.delete(id);
        return {};
      },
      "network.send": async (scope, [id, done], bytes) => ({
        value:
          (await bodiesOf(scope)
            .uploads.get(id)
            ?.send(done === true ? undefined : bytes)) ?? false,
      }),
      "network.abandon": async (scope, [id, reason]) => {
        bodiesOf(scope)
          .uploads.get(id)
          ?.fail(new Error(String(reason)));
        return {};
      },
      "network.cancel": async (scope, [id]) => {
        const { readers } = bodiesOf(scope);
        await readers.get(id)?.cancel();
        readers.delete(id);
        return {};
      },
    },
  };
}

/** A request's body that the guest sends piece by piece, at the pace at which the network takes it. */
class Upload {
  readonly stream: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #taken: (() => void) | undefined;
  #over = false;

  constructor() {
    this.stream = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#taken?.(),
        cancel: () => this.over(),
      },
      { highWaterMark: 1 },
    );
  }

  /** Resolves when more may be sent: false when nobody wants it. */
  async send(bytes: Uint8Array | undefined): Promise<boolean> {
    if (this.#over) return false;
    if (bytes === undefined) {
      this.#controller.close();
      return true;
    }
    // What the guest sent may be in memory that it shares.
    this.#controller.enqueue(Uint8Array.prototype.slice.call(bytes));
    if ((this.#controller.desiredSize ?? 0) > 0) return true;
    await new Promise<void>((resolve) => {
      this.#taken = resolve;
    });
    return !this.#over;
  }

  fail(error: Error): void {
    if (!this.#over) this.#controller.error(error);
    this.over();
  }

  /** The request has failed, or nobody reads the rest. */
  over(): void {
    this.#over = true;
    this.#taken?.();
  }
}

/** The body arrives unpacked, so these would describe something else. */
const DECODED = new Set(["content-encoding", "content-length", "transfer-encoding"]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const BODY_HEADERS = new Set(["content-type", "content-length", "content-encoding", "content-language"]);
const CREDENTIALS = new Set(["authorization", "cookie", "proxy-authorization"]);

/** Redirects are followed here, one by one, because each of them needs to be allowed. */
async function follow(
  target: URL,
  { method, headers, redirect }: Settings,
  body: Uint8Array | ReadableStream<Uint8Array> | undefined,
  signal: AbortSignal,
  check: (url: URL) => void,
): Promise<{ response: Response; url: string; redirected: boolean }> {
  let url = target;
  let send = { method, headers, body };
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    check(url);
    const response = await fetch(url, {
      ...send,
      body: (send.body ?? null) as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
      ...(send.body instanceof ReadableStream ? { duplex: "half" } : {}),
      redirect: "manual",
      signal,
    });
    const location = response.headers.get("location");
    if (!REDIRECTS.has(response.status) || location === null || redirect === "manual") {
      return { response, url: url.href, redirected: hop > 0 };
    }
    await response.body?.cancel();
    if (redirect === "error") throw new TypeError("fetch failed: the response is a redirect");
    const next = new URL(location, url);
    if (send.body instanceof ReadableStream && response.status !== 303) {
      throw new TypeError("fetch failed: a redirect asks for the body again, which was a stream");
    }
    const toGet = response.status === 303 ? method !== "HEAD" : response.status < 303 && method === "POST";
    send = {
      method: toGet ? "GET" : send.method,
      headers: send.headers.filter(
        ([name]) =>
          !(toGet && BODY_HEADERS.has(name)) && !(next.origin !== url.origin && CREDENTIALS.has(name)),
      ),
      body: toGet ? undefined : send.body,
    };
    url = next;
  }
  throw new TypeError(`fetch failed: more than ${MOST_REDIRECTS} redirects`);
}

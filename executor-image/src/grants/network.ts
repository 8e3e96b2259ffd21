/** The ability behind `fetch`: requests to the hosts that the pool names, at every redirect, with a streamed body. */
import { BonfireError, type Grants } from "@bonfire/wire";
import type { Ability, Outcome } from "./ability.ts";
import type { CallScope } from "./call-scope.ts";

const BODIES = Symbol("response bodies");
const MOST_REDIRECTS = 20;

type Reader = ReadableStreamDefaultReader<Uint8Array>;

interface Bodies {
  readonly readers: Map<number, Reader>;
  readonly ended: AbortController;
  last: number;
}

function bodiesOf(scope: CallScope): Bodies {
  return scope.own(BODIES, () => {
    const bodies: Bodies = { readers: new Map(), ended: new AbortController(), last: 0 };
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
    [target, settings]: readonly any[],
    bytes: Uint8Array | undefined,
  ): Promise<Outcome> => {
    const bodies = bodiesOf(scope);
    const { response, url, redirected } = await follow(
      new URL(String(target)),
      settings as Settings,
      bytes,
      bodies.ended.signal,
      check,
    );
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
      "network.cancel": async (scope, [id]) => {
        const { readers } = bodiesOf(scope);
        await readers.get(id)?.cancel();
        readers.delete(id);
        return {};
      },
    },
  };
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
  bytes: Uint8Array | undefined,
  signal: AbortSignal,
  check: (url: URL) => void,
): Promise<{ response: Response; url: string; redirected: boolean }> {
  let url = target;
  let send = { method, headers, body: bytes };
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    check(url);
    const response = await fetch(url, {
      ...send,
      body: (send.body ?? null) as Uint8Array<ArrayBuffer> | null,
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

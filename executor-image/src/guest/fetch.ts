/** `fetch` over the host's, for the hosts that a pool names; Request, Response and the rest are Node's own. */
import { missingGrant } from "@bonfire/wire";
import { request } from "./host.ts";
import { facts, requireInternal } from "./library.ts";

/** Node's classes of the Fetch standard: Headers, Request, Response, FormData. */
export function fetchInterface(name: string): any {
  return requireInternal("internal/deps/undici/undici")[name];
}

interface Head {
  readonly body: number | null;
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly redirected: boolean;
  readonly headers: [string, string][];
}

export async function fetchApi(input: unknown, init?: object): Promise<unknown> {
  if (!facts.grants.fetch) throw missingGrant("use fetch", "fetch");
  const Request = fetchInterface("Request");
  const asked = new Request(input, init);
  const body = asked.body === null ? undefined : new Uint8Array(await asked.arrayBuffer());
  const settings = { method: asked.method, headers: [...asked.headers], redirect: asked.redirect };
  const { value } = await request("network.fetch", [asked.url, settings], {
    bytes: body,
    signal: asked.signal,
  });
  const head = value as Head;
  const Response = fetchInterface("Response");
  const stream = head.body === null ? null : bodyStream(head.body, asked.signal);
  const response = new Response(stream, {
    status: head.status,
    statusText: head.statusText,
    headers: head.headers,
  });
  Object.defineProperty(response, "url", { value: head.url });
  Object.defineProperty(response, "redirected", { value: head.redirected });
  return response;
}

/** The response's bytes, fetched from the host as the reader asks for them. */
function bodyStream(id: number, signal: AbortSignal): unknown {
  const { ReadableStream } = requireInternal("internal/webstreams/readablestream");
  return new ReadableStream({
    type: "bytes",
    async pull(controller: {
      enqueue(bytes: Uint8Array): void;
      close(): void;
      byobRequest?: { respond(count: number): void };
    }) {
      const { bytes } = await request("network.read", [id], { signal });
      if (bytes !== undefined) controller.enqueue(bytes);
      else {
        controller.close();
        controller.byobRequest?.respond(0);
      }
    },
    async cancel() {
      await request("network.cancel", [id]);
    },
  });
}

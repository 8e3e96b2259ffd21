/** `fetch` over the host's, for the hosts that a pool names; Request, Response and the rest are Node's own. */
import { missingGrant } from "@bonfire/wire";
import { currentCall } from "./bindings/scheduling.ts";
import { notifyFor, type Reply, request } from "./host.ts";
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
  const call = currentCall();
  const Request = fetchInterface("Request");
  const asked = new Request(input, init);
  // A stream is sent piece by piece as the host asks for them; anything else is at hand already.
  const isStream = isStreamed(init) && asked.body !== null;
  const bytes = asked.body === null || isStream ? undefined : new Uint8Array(await asked.arrayBuffer());
  const settings = { method: asked.method, headers: [...asked.headers], redirect: asked.redirect };
  const upload = isStream ? ++lastUpload : null;
  const { signal } = asked;
  const answer = request("network.fetch", [asked.url, settings, upload], { bytes, signal, call });
  const { value } = await (upload === null
    ? answer
    : uploading(answer, upload, asked.body, { signal, call }));
  const head = value as Head;
  const Response = fetchInterface("Response");
  const stream = head.body === null ? null : bodyStream(head.body, { signal, call });
  const response = new Response(stream, {
    status: head.status,
    statusText: head.statusText,
    headers: head.headers,
  });
  Object.defineProperty(response, "url", { value: head.url });
  Object.defineProperty(response, "redirected", { value: head.redirected });
  return response;
}

/** What ends a transfer, and the call that it belongs to, whichever code reads or writes on. */
interface Owner {
  readonly signal: AbortSignal;
  readonly call: number;
}

let lastUpload = 0;

function isStreamed(init: object | undefined): boolean {
  const body = (init as { body?: unknown } | undefined)?.body;
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

/** Sends the body until it ends or the request is over, each piece when the one before has been taken. */
async function uploading(
  answer: Promise<Reply>,
  upload: number,
  body: { getReader(): { read(): Promise<{ done: boolean; value?: unknown }>; cancel(): Promise<void> } },
  of: Owner,
): Promise<Reply> {
  const reader = body.getReader();
  const failed = Promise.withResolvers<never>();
  const send = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      const args = [upload, done];
      const taken = await request("network.send", args, done ? of : { ...of, bytes: chunkOf(value) });
      if (done || taken.value === false) return;
    }
  };
  // A body that fails ends the request at once; a request that fails says so itself.
  send().catch((error: unknown) => {
    notifyFor(of.call, "network.abandon", upload, String(error));
    failed.reject(error);
  });
  try {
    return await Promise.race([answer, failed.promise]);
  } catch (error) {
    await reader.cancel();
    throw error;
  }
}

function chunkOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError("Cannot send a piece of a request's body that is no Uint8Array");
}

/** The response's bytes, fetched from the host as the reader asks for them. */
function bodyStream(id: number, of: Owner): unknown {
  const { ReadableStream } = requireInternal("internal/webstreams/readablestream");
  return new ReadableStream({
    type: "bytes",
    async pull(controller: {
      enqueue(bytes: Uint8Array): void;
      close(): void;
      byobRequest?: { respond(count: number): void };
    }) {
      const { bytes } = await request("network.read", [id], of);
      if (bytes !== undefined) controller.enqueue(bytes);
      else {
        controller.close();
        controller.byobRequest?.respond(0);
      }
    },
    async cancel() {
      await request("network.cancel", [id], { call: of.call });
    },
  });
}

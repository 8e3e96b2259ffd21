/**
 * The actor of an isolate that has one. Its runtime is a script of its own (guest/actor-main.ts), which the host loads
 * when the isolate gets its actor; messages come and go through the same shared memory as calls.
 */
import { elapsed, moment } from "@bonfire/runtime/internal/lease-clock";
import { ACTOR, BonfireError, decode, encode, hasCode, unpack } from "@bonfire/wire";
import type { ActorHost } from "./actor-host.ts";
import type { OpenActor } from "./actor-main.ts";
import { enterCall } from "./bindings/scheduling.ts";
import { bridge } from "./bridge.ts";
import { requireBuiltin } from "./builtins.ts";
import type { ActorStarter } from "./call-site.ts";
import { FRAME_BYTES, POST_BYTES, Post, RecordKind, STATE_CLOCK } from "./layout.ts";
import { logLine } from "./log.ts";
import { commit, place } from "./outbox.ts";
import { runTicks } from "./process-object.ts";
import { realmRuntime } from "./realm-runtime.ts";

type Arrived = { subject: string; data: Uint8Array; reply?: string; headers?: { code: number } };

const clock = new Float64Array(bridge.state);
const wire = { ACTOR, BonfireError, decode, encode, hasCode, unpack };
/** Leases are counted by the real time, also in the middle of an entry. */
const leaseClock = { elapsed, moment };

/** The call that started the actor; 0 = there is none. */
let call = 0;
let host: ActorHost | undefined;
const link = { up: true };
/** What listens, by the third token of the subject. */
const receivers = new Map<string, (message: Arrived) => void>();
const reconnected = new Set<() => void>();
const watches = new Map<string, Set<(detail: string) => void>>();

/** What the script of the actor runtime is called with: what it shares with the rest of the guest. */
function share(specifier: string): unknown {
  if (specifier === "@bonfire/wire") return wire;
  if (specifier === "bonfire:lease-clock") return leaseClock;
  return specifier === "bonfire:runtime" ? realmRuntime : requireBuiltin(specifier);
}

/** Takes in the actor runtime; `call` is about to start an actor of `driver` on this node. */
export function openActor(
  id: number,
  node: string,
  driver: string,
  maxPayload: number,
  isUp: boolean,
  script: Script,
): void {
  call = id;
  link.up = isUp;
  const carrier = {
    link,
    maxPayload,
    publish,
    subscribe(to: string, receive: (message: Arrived) => void) {
      const what = to.split(".")[2] as string;
      receivers.set(what, receive);
      // The host decides how long messages come in.
      const unsubscribe = () => void receivers.delete(what);
      return { unsubscribe, drain: async () => unsubscribe() };
    },
    onReconnect(callback: () => void) {
      reconnected.add(callback);
      return () => reconnected.delete(callback);
    },
  };
  // The time of the entry is near enough for deadlines, and costs nothing.
  const open = script(share, { now: () => clock[STATE_CLOCK] as number });
  host = open(carrier, node, driver, watchNode, (text) => logLine(call, "warn", text));
}

type Script = (share: (specifier: string) => unknown, performance: { now(): number }) => OpenActor;

export const actors: ActorStarter = {
  importer: () => (host as ActorHost).handle,
  start: (id, type, args, terms) =>
    (host as ActorHost).start(type as never, args as unknown[], terms as never, () =>
      commit(RecordKind.over, id, 0),
    ),
};

/** Whether it is the call of this isolate's actor, so that it goes on when it has been answered. */
export function isActor(id: number): boolean {
  return id === call && id !== 0;
}

function publish(to: string, payload: Uint8Array, reply = ""): void {
  if (!link.up) {
    const sentence = "Cannot send as the connection to NATS is down: it reconnects by itself, try again";
    throw new BonfireError("LINK_DOWN", sentence);
  }
  post(Post.publish, to, reply, payload);
}

function post(what: number, to: string, reply: string, payload: Uint8Array): void {
  const size = POST_BYTES + to.length + reply.length + payload.length;
  const bytes = place(size);
  bytes[0] = what;
  bytes[1] = to.length;
  bytes[2] = to.length >>> 8;
  bytes[3] = reply.length;
  bytes[4] = reply.length >>> 8;
  putText(bytes, POST_BYTES, to);
  putText(bytes, POST_BYTES + to.length, reply);
  bytes.set(payload, size - payload.length);
  commit(RecordKind.post, call, size);
}

/** Subjects and nodes are ASCII. */
function putText(bytes: Uint8Array, at: number, text: string): void {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
}

const NOTHING = new Uint8Array(0);

function watchNode(node: string, onGone: (detail: string) => void): () => void {
  const known = watches.get(node);
  const callbacks = known ?? new Set();
  callbacks.add(onGone);
  if (!known) {
    watches.set(node, callbacks);
    post(Post.watch, node, "", NOTHING);
  }
  return () => {
    if (!callbacks.delete(onGone) || callbacks.size > 0 || watches.get(node) !== callbacks) return;
    watches.delete(node);
    post(Post.unwatch, node, "", NOTHING);
  };
}

/** Hands over the messages in `buffer`, or in the inbox: `count` of them, one behind the other. */
export function mail(count: number, buffer: SharedArrayBuffer = bridge.inbox): void {
  enterCall(call);
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  for (let n = 0, at = 0; n < count; n++) {
    const subjectEnd = at + FRAME_BYTES + view.getUint16(at + 4, true);
    const replyEnd = subjectEnd + view.getUint16(at + 6, true);
    const end = replyEnd + view.getUint32(at, true);
    const code = view.getUint16(at + 8, true);
    const subject = subjectAt(bytes, at + FRAME_BYTES, subjectEnd);
    const message: Arrived = { subject, data: bytes.slice(replyEnd, end) };
    if (replyEnd > subjectEnd) message.reply = String.fromCharCode(...bytes.slice(subjectEnd, replyEnd));
    if (code > 0) message.headers = { code };
    at = end;
    receive(message);
  }
  runTicks();
}

/** One message that cannot be read must not take those behind it along. */
function receive(message: Arrived): void {
  try {
    receivers.get(message.subject.split(".", 3)[2] as string)?.(message);
  } catch (error) {
    logLine(call, "warn", `A message was dropped: ${(error as Error).message}`);
  }
}

/** Most messages come from where the one before came from, and its subject is told apart faster than made. */
let lastBytes = new Uint8Array(0);
let lastSubject = "";

function subjectAt(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  let same = length === lastBytes.length;
  for (let at = 0; same && at < length; at++) same = bytes[start + at] === lastBytes[at];
  if (!same) {
    lastBytes = bytes.slice(start, end);
    lastSubject = String.fromCharCode(...lastBytes);
  }
  return lastSubject;
}

/** What the host tells of the cluster, and what it wants of the actor. */
export function news(what: "gone" | "link" | "retire", node: string, detail: string): void {
  enterCall(call);
  if (what === "gone") {
    const callbacks = watches.get(node);
    watches.delete(node);
    for (const callback of callbacks ?? []) callback(detail);
  } else if (what === "link") {
    link.up = detail === "up";
    if (link.up) for (const callback of reconnected) callback();
  } else void host?.retire(Number(detail));
  runTicks();
}

/** `MessageChannel` and `MessagePort` over `structuredClone`: both ends are here, as an isolate has but one thread. */
import { requireInternal, structuredClone } from "./library.ts";

/** One end of a channel; the port that holds it changes when the port is transferred. */
interface End {
  readonly waiting: { readonly data: unknown; readonly ports: readonly unknown[] }[];
  other: End | undefined;
  port: any;
  started: boolean;
  scheduled: boolean;
}

interface Classes {
  readonly MessageChannel: new () => object;
  readonly MessagePort: new () => object;
  readonly MessageEvent: new (type: string, init?: Record<string, unknown>) => object;
}

const HYBRID_DISPATCH = Symbol.for("nodejs.internal.kHybridDispatch");
const ends = new WeakMap<object, End>();
let made: Classes | undefined;
let mayConstruct = false;

function newEnd(): End {
  return { waiting: [], other: undefined, port: undefined, started: false, scheduled: false };
}

/** Takes the end out of a port, for another to hold. */
function detach(port: object): End | undefined {
  const end = ends.get(port);
  ends.delete(port);
  return end;
}

function attach(end: End): object {
  const { MessagePort } = messageClasses();
  mayConstruct = true;
  const port = new MessagePort();
  mayConstruct = false;
  ends.set(port, end);
  end.port = port;
  end.started = false;
  return port;
}

/** What becomes of a port that is transferred: a new one with the same other side; `undefined` if it has none. */
export function transferPort(port: object): object | undefined {
  const end = detach(port);
  return end === undefined ? undefined : attach(end);
}

export function isPort(value: object): boolean {
  return ends.has(value);
}

function deliver(end: End): void {
  if (!end.started || end.scheduled || end.waiting.length === 0) return;
  end.scheduled = true;
  requireInternal("timers").setImmediate(() => {
    end.scheduled = false;
    const message = end.waiting.shift();
    if (message === undefined) return;
    deliver(end);
    const event = new (messageClasses().MessageEvent)("message", message);
    end.port[HYBRID_DISPATCH](message.data, "message", event);
  });
}

export function messageClasses(): Classes {
  if (made !== undefined) return made;
  const { Event, NodeEventTarget, defineEventHandler, kNewListener } =
    requireInternal("internal/event_target");

  class MessageEvent extends Event {
    readonly data: unknown;
    readonly ports: readonly unknown[];
    readonly origin: unknown;
    readonly lastEventId: unknown;
    readonly source: unknown;
    constructor(type: string, init: Record<string, unknown> = {}) {
      super(type, init);
      this.data = init.data ?? null;
      this.ports = (init.ports as unknown[] | undefined) ?? [];
      this.origin = init.origin ?? "";
      this.lastEventId = init.lastEventId ?? "";
      this.source = init.source ?? null;
    }
  }

  class MessagePort extends NodeEventTarget {
    constructor() {
      if (!mayConstruct) throw new TypeError("Illegal constructor");
      super();
    }

    [kNewListener](size: number, type: string, ...rest: unknown[]): void {
      super[kNewListener](size, type, ...rest);
      if (type === "message") this.start();
    }

    postMessage(value: unknown, options?: { transfer?: readonly object[] } | readonly object[]): void {
      const transfer = Array.isArray(options)
        ? options
        : ((options as { transfer?: object[] })?.transfer ?? []);
      const ports: unknown[] = [];
      const data = structuredClone(value, { transfer }, (port) => ports.push(port));
      const other = ends.get(this)?.other;
      if (other === undefined) return;
      other.waiting.push({ data, ports });
      deliver(other);
    }

    start(): void {
      const end = ends.get(this);
      if (end === undefined) return;
      end.started = true;
      deliver(end);
    }

    close(): void {
      const end = detach(this);
      if (end === undefined) return;
      const { other } = end;
      end.other = undefined;
      if (other !== undefined) other.other = undefined;
      for (const port of [this, other?.port]) {
        if (port !== undefined)
          requireInternal("timers").setImmediate(() => port.dispatchEvent(new Event("close")));
      }
    }

    ref(): void {}
    unref(): void {}
    hasRef(): boolean {
      return false;
    }
  }
  defineEventHandler(MessagePort.prototype, "message");
  defineEventHandler(MessagePort.prototype, "messageerror");

  class MessageChannel {
    readonly port1: object;
    readonly port2: object;
    constructor() {
      const [first, second] = [newEnd(), newEnd()];
      first.other = second;
      second.other = first;
      this.port1 = attach(first);
      this.port2 = attach(second);
    }
  }
  made = { MessageChannel, MessagePort, MessageEvent } as unknown as Classes;
  return made;
}

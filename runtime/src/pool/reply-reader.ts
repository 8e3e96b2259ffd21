/** Makes values and errors of what cells reply. */
import { BonfireError, decode, hasCode, ReplyKind, unpack } from "@bonfire/wire";
import type { Bus } from "../bus/bus.ts";
import { locateError, reviveError, reviveValue } from "../closure/revive-error.ts";
import { localStack } from "../closure/stack.ts";
import type { Call } from "./call.ts";
import { ranTooLong } from "./call-errors.ts";
import type { CellLink } from "./cell-link.ts";

/** The encoded error of a reply, on its way to where the caller's stack is known. */
class RemoteFailure {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

export class ReplyReader {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** The value of a reply, or a promise of it. Throws a `RemoteFailure` if the code threw. */
  revive(kind: number, body: Uint8Array, call: Call, cell: CellLink): unknown {
    switch (kind) {
      case ReplyKind.value:
        return reviveValue(body, call.importer);
      case ReplyKind.error:
        throw new RemoteFailure(body);
      case ReplyKind.valueByTransfer:
        return this.#receive(body, cell, call.importer);
      case ReplyKind.liveValue:
        return reviveValue(body, call.handles.session.hooks.import);
      case ReplyKind.liveValueByTransfer:
        return this.#receive(body, cell, call.handles.session.hooks.import);
      default:
        throw new BonfireError("PROTOCOL", `Cell ${cell.node} sent a reply of unknown kind ${kind}`);
    }
  }

  /** Whether the reply says that the cell lacks the call's bundles, so that it has to be sent again. */
  mustReload(kind: number, body: Uint8Array): boolean {
    return kind === ReplyKind.error && hasCode(decode(body), "BUNDLE_MISSING");
  }

  /** The error that the caller gets, given the caller's stack. */
  located(call: Call, thrown: unknown, callSite: string | undefined): unknown {
    let error = thrown;
    if (error instanceof RemoteFailure) {
      const remote = reviveError(error.bytes, callSite);
      if (!hasCode(remote, "CALL_TIMEOUT")) return remote;
      // The cell knows only what was left when the call arrived; the caller gave a limit, and is told that one.
      const what = (remote as Error).message.includes("synchronous") ? " synchronous code" : "";
      error = ranTooLong(call, what, remote);
    }
    // Our own errors are made in timers and sockets; the stack that helps is the caller's.
    if (error instanceof BonfireError) error.stack = localStack(`${error.name}: ${error.message}`, callSite);
    return error;
  }

  /** The same for an error that came over a live handle. */
  received(call: Call, error: unknown): unknown {
    const remote = locateError(error, call.callSite ?? call.closure);
    return remote instanceof BonfireError && hasCode(remote, "CALL_TIMEOUT")
      ? ranTooLong(call, "", remote)
      : remote;
  }

  async #receive(body: Uint8Array, cell: CellLink, importer: Call["importer"]): Promise<unknown> {
    const [transfer, total] = unpack(body) as [number, number];
    const transfers = await this.#bus.transfers();
    const bytes = await transfers.accept(cell.node, transfer, total);
    return reviveValue(bytes, importer);
  }
}

/** The driver's end of one call's live handles. */
import { type BonfireError, Exports, type HandleHooks, Session, type SessionHost } from "@bonfire/wire";
import { encodeMessage } from "../closure/capture.ts";
import { reviveValue } from "../closure/revive-error.ts";
import type { Call } from "./call.ts";

export class CallHandles implements SessionHost {
  readonly session: Session;
  #call: Call | undefined;

  /** @param exports what travels with the call; its streams are locked from now on */
  constructor(exports = new Exports(1)) {
    this.session = new Session(exports, 1, this, false);
  }

  /** The call that they belong to, once it has been made. */
  bind(call: Call): void {
    this.#call = call;
  }

  send(packet: Uint8Array): void {
    this.#call?.sendPacket(packet);
  }

  encode(value: unknown, hooks: HandleHooks): Uint8Array | Promise<Uint8Array> {
    const { bytes, bundles } = encodeMessage(value, "value", hooks.export);
    const needed = bundles();
    if (!(needed instanceof Promise) && needed.length === 0) return bytes;
    return Promise.resolve(needed)
      .then((list) => this.#call?.load(list))
      .then(() => bytes);
  }

  decode(bytes: Uint8Array, hooks: HandleHooks): unknown {
    return reviveValue(bytes, hooks.import);
  }

  received(error: unknown): unknown {
    return this.#call ? this.#call.received(error) : error;
  }

  broken(error: BonfireError): void {
    this.#call?.abandon(error);
  }
}

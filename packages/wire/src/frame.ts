/**
 * The frames of the hot path between a driver and a cell. The header is fixed so that the cell's host reads
 * integers at known places and never parses a tenant's values; everything after it is opaque to the host.
 *
 * Call frame (driver to cell), little-endian:
 *
 *     0  u8   kind       see FrameKind
 *     1  u8   flags      see CallFlag
 *     2  u16  site       which closure of the bundle
 *     4  u32  bundle     the number under which this driver loaded the bundle into this cell
 *     8  u32  budget     milliseconds left until the deadline; 0 = none
 *    12  u32  id         the call, unique per driver while it runs
 *    16       body       u32 length of the captures, the captures, then the arguments (each one encoded value, or empty)
 *
 * Handle frame (driver to cell): the header with the call's id, then a packet of the call's live handles (handles/packet.ts).
 * The cell's packets go to the driver's handle subject: u32 id of the call, then the packet. Id 0: the cell was cut off.
 *
 * Reply frame (cell to driver): u8 kind (see ReplyKind), then the body.
 */
export const HEADER_BYTES = 16;

export const FrameKind = {
  /** Run a closure; the body is in the frame. */
  call: 1,
  /** Run a closure; the body is too large for one message: the frame's is the packed `[transfer, bytes]`. */
  callByTransfer: 2,
  /** Load a bundle under the header's number; the body is the packed `[hash, parts]`; see code-delta.ts. */
  load: 3,
  /** The same, but the body is the packed `[transfer, bytes]` of the transfer that carries it. Answered when loaded. */
  loadByTransfer: 4,
  /** End the call with the header's id; the body is the packed reason. Answered when the work has ended. */
  cancel: 5,
  /** A packet for the live handles of the call with the header's id. Not answered. */
  handle: 6,
  /** Which of the calls of the body, packed ids, are not here? The answer is the packed ids of those. */
  check: 7,
} as const;

export const CallFlag = {
  /** The result is to be iterated, and the deadline covers all of that. */
  stream: 1,
  /** The closure is a class: an actor of it is started, and the call goes on until that has ended. */
  actor: 2,
} as const;

export const ReplyKind = {
  /** The body is the encoded value. */
  value: 1,
  /** The body is the encoded error. */
  error: 2,
  /** The value is too large for one message: the body is the packed `[transfer, bytes]` of the one that carries it. */
  valueByTransfer: 3,
  /** As `value`, but something in it is alive: the call goes on until the cell says that it is over. */
  liveValue: 4,
  liveValueByTransfer: 5,
} as const;

export interface CallHeader {
  readonly kind: number;
  readonly flags: number;
  readonly site: number;
  readonly bundle: number;
  /** Milliseconds left until the deadline, 0 = none. */
  readonly budget: number;
  readonly id: number;
}

/** One message: header, then `captures` and `args` as the body. */
export function callFrame(header: CallHeader, captures: Uint8Array, args: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + 4 + captures.length + args.length);
  writeHeader(frame, header);
  const view = new DataView(frame.buffer);
  view.setUint32(HEADER_BYTES, captures.length, true);
  frame.set(captures, HEADER_BYTES + 4);
  frame.set(args, HEADER_BYTES + 4 + captures.length);
  return frame;
}

export function writeHeader(frame: Uint8Array, header: CallHeader): void {
  const view = new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES);
  view.setUint8(0, header.kind);
  view.setUint8(1, header.flags);
  view.setUint16(2, header.site, true);
  view.setUint32(4, header.bundle, true);
  view.setUint32(8, header.budget, true);
  view.setUint32(12, header.id, true);
}

export function readHeader(frame: Uint8Array): CallHeader {
  const view = new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES);
  return {
    kind: view.getUint8(0),
    flags: view.getUint8(1),
    site: view.getUint16(2, true),
    bundle: view.getUint32(4, true),
    budget: view.getUint32(8, true),
    id: view.getUint32(12, true),
  };
}

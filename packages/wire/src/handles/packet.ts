/**
 * What the two ends of a call's live handles say to each other. A packet is u8 kind, u32 channel (little-endian), then
 * its payload. Channel 0 is for what both ends say of all handles; the others are the handles' numbers.
 */
export const PacketKind = {
  /** The last, most often the only, piece of a message. */
  data: 1,
  /** A piece of a message that goes on. */
  part: 2,
  /** The receiver has room for so many bytes more: a u32. */
  credit: 3,
  /** This end has let go of everything; the payload is the encoded error, or empty. */
  over: 4,
} as const;

export const PACKET_HEADER = 5;

export interface Packet {
  readonly kind: number;
  readonly channel: number;
  readonly payload: Uint8Array;
}

export function packet(kind: number, channel: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PACKET_HEADER + payload.length);
  bytes[0] = kind;
  new DataView(bytes.buffer).setUint32(1, channel, true);
  bytes.set(payload, PACKET_HEADER);
  return bytes;
}

export function creditPacket(channel: number, bytes: number): Uint8Array {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, bytes, true);
  return packet(PacketKind.credit, channel, payload);
}

/** Throws a RangeError if the bytes are too few for a packet. The payload is a view of them. */
export function readPacket(bytes: Uint8Array): Packet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { kind: view.getUint8(0), channel: view.getUint32(1, true), payload: bytes.subarray(PACKET_HEADER) };
}

export function readCredit(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getUint32(0, true);
}

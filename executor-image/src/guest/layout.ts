/**
 * The shared memory between a sandbox's host and its guest, spelled once for both sides. Only integers and these
 * buffers cross on a call's path; the host treats everything the guest wrote as untrusted.
 *
 * Inbox of `run(n)`, 32-bit words: `n` × (call, bundle, site and flags, body length), then the bodies, each from the next
 * multiple of four. Outbox: records of three words (kind, id, length) and the bytes, padded to a multiple of four.
 */

/** Bytes of the standing buffer for what enters. A larger body gets a buffer of its own. */
export const INBOX_BYTES = 1 << 20;
/** Bytes of the standing buffer for what leaves. A larger result gets a buffer of its own. */
export const OUTBOX_BYTES = 1 << 20;
/** The largest record that is put into the outbox; beyond it a buffer is lent for that record. */
export const LARGEST_RECORD = OUTBOX_BYTES >> 1;
/** Bytes of the buffer through which the host's native UTF-8 code serves the guest. */
export const TEXT_BYTES = 1 << 18;
/** Strings shorter than this are converted inside, because crossing costs more. */
export const NATIVE_TEXT_FROM = 256;

/** Words of one call's entry in the inbox. */
export const CALL_WORDS = 4;
/** The flags of a call stand above its site, which takes 16 bits. */
export const FLAGS_SHIFT = 16;
/** Words of a record's header in the outbox. */
export const RECORD_WORDS = 3;

/** Most bytes of log text that one entry into the isolate may produce; what exceeds it is counted, not kept. */
export const LOG_BYTES_PER_ENTRY = 1 << 17;
/** Longest single log line in UTF-16 units; the rest is cut. */
export const LONGEST_LOG_LINE = 1 << 14;

/** Indices of the shared Int32 state. */
export const State = {
  /** The call whose code runs now; read by the host when the isolate was stopped. */
  current: 0,
  /** How many calls of the entry's batch have begun. */
  started: 1,
  /** Bytes used in the outbox. */
  outboxUsed: 2,
  /** 1 when the guest has requests for the host (`collect`). */
  mail: 3,
  /** Milliseconds until the guest wants `tick`, plus one; 0 = no change since last read. */
  timer: 4,
  /** Log lines dropped in this entry. */
  logsDropped: 5,
  /** Bytes of log text produced in this entry. */
  logBytes: 6,
  /** Node's immediateInfo, three words: immediates that wait for the next turn of the loop, how many hold it open, whether some are half done. */
  immediates: 8,
} as const;

export const STATE_BYTES = 64;
/** Index in a Float64 view of the state: the loop's time in milliseconds, written by the host before each entry. */
export const STATE_CLOCK = 6;

/** What a record in the outbox is. */
export const RecordKind = {
  /** The call `id` returned: the encoded value. */
  value: 1,
  /** The call `id` failed: the encoded error. */
  error: 2,
  /** A log line of call `id`: one byte of level, then UTF-8. */
  log: 3,
  /** Bytes that a request refers to by the number `id`. */
  blob: 4,
  /** As `value`, but the bytes are in the lent buffer whose number is the record's only word. */
  lentValue: 5,
  /** As `error`, in a lent buffer. */
  lentError: 6,
  /** As `value`, but something in it is alive: the call goes on until `over`. */
  liveValue: 7,
  lentLiveValue: 8,
  /** A packet of the call's live handles. */
  handle: 9,
  /** What was alive in the call's value has ended. No bytes. */
  over: 10,
  /** Something that the actor of the isolate sends or wants: see `Post`. */
  post: 11,
  lentPost: 12,
} as const;

/**
 * What a post is, its first byte. Then u16 length of the subject, u16 length of the reply subject, the two as ASCII, and
 * the payload.
 */
export const Post = {
  publish: 1,
  /** The subject is a node: the actor wants to know when it is gone. */
  watch: 2,
  unwatch: 3,
} as const;
export const POST_BYTES = 5;

/**
 * Bytes before each message for an actor: u32 length of the payload, u16 of the subject, u16 of the reply subject, u16
 * status code of the server or 0. The subjects and the payload follow.
 */
export const FRAME_BYTES = 10;

/** Log levels by their number in a log record. */
export const LOG_LEVELS = ["debug", "log", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where the bytes of a delivery or a request are: none, `[offset, length]` in the inbox, or the number of a lent buffer or blob. */
export type Bytes = null | readonly [offset: number, length: number] | number;

/** A request from the guest: number, call on whose behalf, operation, its arguments, bytes. */
export type Request = readonly [
  id: number,
  call: number,
  operation: string,
  args: unknown[],
  blob: number | null,
];

/** The answer to a request: number, whether it succeeded, value or described error, bytes. */
export type Answer = readonly [id: number, ok: boolean, value: unknown, bytes: Bytes];

/** An error as it travels between host abilities and guest, in plain JSON. */
export interface DescribedError {
  readonly name: string;
  readonly message: string;
  readonly own: Readonly<Record<string, unknown>>;
}

/** The parts of the bridge in the order in which the host passes them to the guest's script. */
export const BRIDGE_PARTS = [
  ...(["inbox", "outbox", "state", "text", "ask", "drain", "lend", "open"] as const),
  ...(["decodeText", "encodeText", "now", "facts"] as const),
] as const;

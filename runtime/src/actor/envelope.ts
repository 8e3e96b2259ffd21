/**
 * The bytes of messages between actors, and of their answers. Arguments, values and errors are opaque in here: only
 * whoever runs the actor reads them.
 *
 * Message, little-endian:
 *
 *     0  u8   kind      see MailKind
 *     1  u8   flags     1: the asker may cancel it; 2: a tell that goes elsewhere if the actor is absent
 *     2  u8   bytes of the actor's name
 *     3  u8   bytes of the method's name
 *     4  u32  budget    milliseconds that the asker still waits; 0 for a tell
 *     8  u32  epoch     of the actor that is meant; 0 = whichever has the name
 *    12  u32  question  the asker's number for it, by which it can be cancelled; 0 = none
 *    16       the names, then the arguments as one encoded value
 *
 * Answer: u8 kind (see AnswerKind), u32 question, then the body. Answers of one node to another all go to one subject,
 * as nats-server finds the way for a subject that it has seen before in a fraction of the time.
 */
import { BonfireError, encode, type HandleReference } from "@bonfire/wire";

const HEADER_BYTES = 16;
export const ANSWER_BYTES = 5;
/** In the flags: the asker may cancel it. */
const CANCELLABLE = 1;
/** In the flags: a tell that is sent elsewhere if the actor is absent. */
const FOLLOWS = 2;

export const MailKind = {
  message: 1,
  /** The asker of `question` does not wait any more. */
  cancel: 2,
  /** About a stream: see streams.ts. */
  stream: 3,
} as const;

export const AnswerKind = {
  value: 0,
  /** What the method threw. */
  error: 1,
  /** The method gives a stream; the body is its number, u32. */
  stream: 2,
  /** The actor is not there, and has seen nothing. The body is the epoch of who has its name now, u32, or 0. */
  absent: 3,
  /** The message was not handled, or its outcome cannot travel; the body is the error. */
  refused: 4,
} as const;

export interface Envelope {
  readonly actor: string;
  readonly method: string;
  readonly epoch: number;
  readonly budget: number;
  readonly question: number;
  readonly isCancellable: boolean;
  /** A tell whose sender looks for the actor elsewhere if it is absent here. */
  readonly follows: boolean;
  readonly args: Uint8Array;
}

export type Header = Pick<Envelope, "actor" | "method" | "epoch" | "budget">;

/** How values are written here: what stands for an actor's ref in them. */
export type HandleHook = (value: object) => HandleReference | undefined;

let reserve = 0;
let whole: Uint8Array;
/** Memory for a value with room for what comes before it. */
function allocate(size: number): Uint8Array {
  whole = new Uint8Array(reserve + size);
  return whole.subarray(reserve);
}

const ARGUMENTS = { root: "arguments", handle: undefined as unknown as HandleHook, allocate };
const ANSWER = { root: "answer", handle: undefined as unknown as HandleHook, allocate };
const ITEM = { root: "item", handle: undefined as unknown as HandleHook, allocate };
const STATE = { root: "snapshot", handle: undefined as unknown as HandleHook };

/** The codec's hook for refs; set once, by ref.ts, which this file must not need. */
export function writeRefsWith(handle: HandleHook): void {
  ARGUMENTS.handle = ANSWER.handle = ITEM.handle = STATE.handle = handle;
}

/** What an actor's `snapshot()` gave. Throws `VALUE_REFUSED`. */
export function encodeState(state: unknown): Uint8Array {
  return encode(state, STATE);
}

/** Throws `VALUE_REFUSED`. */
export function encodeArguments(args: readonly unknown[]): Uint8Array {
  reserve = 0;
  return encode(args, ARGUMENTS);
}

/** A message with its arguments, in one piece of memory. Throws `VALUE_REFUSED`. */
export function packMessage(to: Header, args: readonly unknown[]): Uint8Array {
  const { actor, method } = to;
  reserve = HEADER_BYTES + byteLength(actor) + byteLength(method);
  encode(args, ARGUMENTS);
  writeHeader(whole, to);
  return whole;
}

/** As `packMessage`, of arguments that are encoded already. */
export function packEncoded(to: Header, args: Uint8Array): Uint8Array {
  const start = HEADER_BYTES + byteLength(to.actor) + byteLength(to.method);
  const message = new Uint8Array(start + args.length);
  writeHeader(message, to);
  message.set(args, start);
  return message;
}

function writeHeader(message: Uint8Array, to: Header): void {
  const { actor, method } = to;
  message[0] = MailKind.message;
  message[2] = byteLength(actor);
  message[3] = byteLength(method);
  putNumber(message, 4, to.budget);
  putNumber(message, 8, to.epoch);
  putText(message, HEADER_BYTES, actor);
  putText(message, HEADER_BYTES + (message[2] as number), method);
}

/** Puts in what is known only when the message is sent. */
export function setQuestion(message: Uint8Array, question: number, isCancellable: boolean): void {
  message[1] = isCancellable ? CANCELLABLE : 0;
  putNumber(message, 12, question);
}

/** Marks a tell as one that is sent elsewhere if the actor is absent. */
export function setFollows(message: Uint8Array): void {
  message[1] = FOLLOWS;
}

/** The encoded arguments of a message. */
export function argumentsOf(message: Uint8Array): Uint8Array {
  return message.subarray(HEADER_BYTES + (message[2] as number) + (message[3] as number));
}

/** Throws `MALFORMED_VALUE`. */
export function unpackMessage(message: Uint8Array): Envelope {
  const actorEnd = HEADER_BYTES + (message[2] ?? 0);
  const methodEnd = actorEnd + (message[3] ?? 0);
  if (message.length < methodEnd) throw malformed();
  return {
    actor: text(message, HEADER_BYTES, actorEnd),
    method: text(message, actorEnd, methodEnd),
    budget: getNumber(message, 4),
    epoch: getNumber(message, 8),
    question: getNumber(message, 12),
    isCancellable: ((message[1] as number) & CANCELLABLE) !== 0,
    follows: ((message[1] as number) & FOLLOWS) !== 0,
    args: message.subarray(methodEnd),
  };
}

export function packCancel(question: number): Uint8Array {
  const message = new Uint8Array(5);
  message[0] = MailKind.cancel;
  putNumber(message, 1, question);
  return message;
}

/** Throws `MALFORMED_VALUE`. */
export function unpackCancel(message: Uint8Array): number {
  if (message.length < 5) throw malformed();
  return getNumber(message, 1);
}

/** Throws `VALUE_REFUSED`. */
export function packValue(value: unknown): Uint8Array {
  // The kind is 0.
  if (value === undefined) return new Uint8Array(ANSWER_BYTES);
  reserve = ANSWER_BYTES;
  encode(value, ANSWER);
  return whole;
}

/** An item of a stream, behind `room` free bytes. Throws `VALUE_REFUSED`. */
export function packItem(value: unknown, room: number): Uint8Array {
  if (value === undefined) return new Uint8Array(room);
  reserve = room;
  encode(value, ITEM);
  return whole;
}

/** `thrown` as the method's own failure, or as the refusal of the message. An error that cannot travel says why. */
export function packError(thrown: unknown, kind: 1 | 4 = AnswerKind.error): Uint8Array {
  const error = thrown === undefined ? new Error("undefined was thrown") : thrown;
  reserve = ANSWER_BYTES;
  try {
    encode(error, ANSWER);
  } catch (refused) {
    reserve = ANSWER_BYTES;
    encode(refused, ANSWER);
  }
  whole[0] = kind;
  return whole;
}

export function packRefusal(error: BonfireError): Uint8Array {
  return packError(error, AnswerKind.refused);
}

export function packStream(id: number): Uint8Array {
  return packNumber(AnswerKind.stream, id);
}

/** `epoch`: of who has the name now. */
export function packAbsent(epoch = 0): Uint8Array {
  return packNumber(AnswerKind.absent, epoch);
}

function packNumber(kind: number, number: number): Uint8Array {
  const answer = new Uint8Array(ANSWER_BYTES + 4);
  answer[0] = kind;
  putNumber(answer, ANSWER_BYTES, number);
  return answer;
}

/** The number in the body of an answer of kind `stream` or `absent`; 0 if there is none. */
export function answerNumber(answer: Uint8Array): number {
  return answer.length < ANSWER_BYTES + 4 ? 0 : getNumber(answer, ANSWER_BYTES);
}

/** Which question is answered. */
export function questionOf(answer: Uint8Array): number {
  return answer.length < ANSWER_BYTES ? 0 : getNumber(answer, 1);
}

/** Addresses an answer. */
export function setAnswered(answer: Uint8Array, question: number): void {
  putNumber(answer, 1, question);
}

export function putNumber(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function getNumber(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

export function malformed(): BonfireError {
  return new BonfireError(
    "MALFORMED_VALUE",
    "Cannot read a message as its bytes end too early: the two sides may run different versions",
  );
}

/** Names that are not ASCII are rare enough to be measured each time. */
function byteLength(name: string): number {
  return isAscii(name) ? name.length : Buffer.byteLength(name);
}

function isAscii(name: string): boolean {
  for (let index = 0; index < name.length; index++) if (name.charCodeAt(index) > 0x7f) return false;
  return true;
}

function putText(bytes: Uint8Array, at: number, name: string): void {
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index);
    if (code > 0x7f) {
      bytes.set(Buffer.from(name), at);
      return;
    }
    bytes[at + index] = code;
  }
}

const { utf8Slice } = Buffer.prototype as unknown as {
  utf8Slice(this: Uint8Array, start: number, end: number): string;
};

function text(bytes: Uint8Array, start: number, end: number): string {
  return utf8Slice.call(bytes, start, end);
}

/** Built-in objects whose state is not in their properties: collections, dates, binary, boxed values, URLs. */
import type { Encoder } from "./encode.ts";
import { fixedness, properties } from "./encode-properties.ts";
import { intrinsicPath } from "./intrinsic.ts";
import { Refusal } from "./refusal.ts";
import { Tag } from "./tag.ts";
import { BUFFER_KIND, viewKind } from "./view-kind.ts";

type Global = Record<string, { prototype: object } | undefined>;
const realm = globalThis as unknown as Global;

/** A built-in object whose state is not in its properties: true when it was written. */
export function builtin(encoder: Encoder, value: object, prototype: object): boolean {
  const { writer } = encoder;
  if (ArrayBuffer.isView(value)) return view(encoder, value, prototype);
  switch (prototype) {
    case Map.prototype:
      return whole(encoder, value, () => entries(encoder, value as Map<unknown, unknown>));
    case Set.prototype:
      return whole(encoder, value, () => members(encoder, value as Set<unknown>));
    case Date.prototype:
      return whole(encoder, value, () => {
        writer.byte(Tag.date);
        writer.float(Date.prototype.getTime.call(value));
      });
    case RegExp.prototype:
      return whole(encoder, value, () => regexp(encoder, value as RegExp), ["lastIndex"]);
    case ArrayBuffer.prototype:
      return whole(encoder, value, () => buffer(encoder, value as ArrayBuffer));
    case realm.URL?.prototype:
      return whole(encoder, value, () => {
        writer.byte(Tag.url);
        writer.text((value as URL).href);
      });
    case realm.URLSearchParams?.prototype:
      return whole(encoder, value, () => {
        writer.byte(Tag.searchParams);
        writer.text(String(value));
      });
    case realm.Headers?.prototype:
      return whole(encoder, value, () => {
        writer.byte(Tag.headers);
        const list = [...(value as unknown as Iterable<[string, string]>)];
        writer.count(list.length);
        for (const [name, content] of list) {
          writer.text(name);
          writer.text(content);
        }
      });
    case realm.Blob?.prototype:
    case realm.File?.prototype:
      blob(encoder, value as unknown as Blob);
      return true;
    case Number.prototype:
    case String.prototype:
    case Boolean.prototype:
    case BigInt.prototype:
    case Symbol.prototype:
      if (intrinsicPath(value) !== undefined) return false;
      return whole(
        encoder,
        value,
        () => {
          writer.byte(Tag.boxed);
          encoder.value((value as { valueOf(): unknown }).valueOf());
        },
        typeof (value as { valueOf(): unknown }).valueOf() === "string" ? stringKeys(String(value)) : [],
      );
    default:
      return false;
  }
}

/** A Blob never changes, so its bytes may be put in later. */
function blob(encoder: Encoder, value: Blob): void {
  if (!encoder.options.blobAt) throw new Refusal("is a Blob: pass the bytes of it, await blob.bytes()");
  const { writer } = encoder;
  writer.byte(Tag.blob);
  writer.text(value.type);
  writer.count(value.size);
  encoder.blobs.push({ at: writer.position + writer.attached, blob: value });
  writer.raw(new Uint8Array(value.size));
  const { name, lastModified } = value as Partial<File>;
  encoder.value(name === undefined ? undefined : [name, lastModified]);
}

function stringKeys(boxed: string): string[] {
  return ["length", ...Array.from({ length: boxed.length }, (_, index) => String(index))];
}

export function entries(encoder: Encoder, map: Map<unknown, unknown>): void {
  encoder.writer.byte(Tag.map);
  encoder.writer.count(map.size);
  let index = 0;
  for (const [key, value] of map) {
    encoder.child(key, `(key ${index})`);
    encoder.child(value, typeof key === "string" ? `(${JSON.stringify(key)})` : `(value ${index})`);
    index++;
  }
}

export function members(encoder: Encoder, set: Set<unknown>): void {
  encoder.writer.byte(Tag.set);
  encoder.writer.count(set.size);
  let index = 0;
  for (const member of set) encoder.child(member, `(member ${index++})`);
}

function regexp(encoder: Encoder, value: RegExp): void {
  encoder.writer.byte(Tag.regexp);
  encoder.writer.text(value.source);
  encoder.writer.text(value.flags);
  encoder.writer.count(value.lastIndex);
}

function buffer(encoder: Encoder, value: ArrayBuffer): void {
  if (encoder.partial.has(value)) encoder.secondView(value);
  if (value.detached) throw new Refusal("is a detached ArrayBuffer: its memory was transferred away");
  encoder.writer.byte(Tag.buffer);
  encoder.writer.count(value.resizable ? value.maxByteLength + 1 : 0);
  encoder.writer.binary(new Uint8Array(value));
}

/**
 * A view of all its buffer takes the buffer along, so that a later view of the same buffer shares it. A view of a
 * part takes only its part, until a second view of that buffer shows that the rest is wanted.
 */
function view(encoder: Encoder, value: ArrayBufferView, prototype: object): boolean {
  const kind = viewKind(prototype);
  const memory = value.buffer;
  if (!(memory instanceof ArrayBuffer)) {
    throw new Refusal("shares its memory with other threads of this machine: pass a copy of it");
  }
  if (kind === undefined) return false;
  if (memory.detached)
    throw new Refusal("is a view of a detached ArrayBuffer: its memory was transferred away");
  return whole(
    encoder,
    value,
    () => {
      const { writer } = encoder;
      const isWhole = value.byteLength === memory.byteLength;
      // Node hands out small Buffers from one pool: their neighbours are none of the receiver's business.
      const pooled = kind === BUFFER_KIND && !isWhole;
      if (!pooled && (isWhole || encoder.shared.has(memory) || encoder.has(memory))) {
        writer.byte(Tag.view);
        writer.byte(kind);
        writer.count(value.byteOffset);
        writer.count(value.byteLength);
        if (!encoder.known(memory)) buffer(encoder, memory);
        return;
      }
      if (!pooled) {
        if (encoder.partial.has(memory)) encoder.secondView(memory);
        encoder.partial.add(memory);
      }
      writer.byte(Tag.typedArray);
      writer.byte(kind);
      writer.binary(new Uint8Array(memory, value.byteOffset, value.byteLength));
    },
    "elements",
  );
}

/**
 * A value whose state `writeBase` writes; wrapped when it has own properties beside that (`skip` lists those that the
 * base covers) or cannot be extended. Properties that are put on a typed array beside its "elements" stay behind, as
 * with structured clone: to look for them would cost more than to send it.
 */
function whole(
  encoder: Encoder,
  value: object,
  writeBase: () => void,
  skip: readonly string[] | "elements" = [],
): true {
  const isPlain =
    skip === "elements" ||
    (Object.isExtensible(value) &&
      Object.getOwnPropertyNames(value).length === skip.length &&
      !hasSymbols(value));
  if (isPlain) {
    writeBase();
  } else {
    encoder.writer.byte(Tag.decorated);
    writeBase();
    encoder.writer.byte(fixedness(value));
    properties(encoder, value, (key) => skip.includes(key as string));
  }
  return true;
}

function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0;
}

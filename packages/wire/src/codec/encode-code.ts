/** Functions and classes, by what the reference hook says of them. */
import type { Encoder } from "./encode.ts";
import { fixedness, properties } from "./encode-properties.ts";
import { intrinsicPath } from "./intrinsic.ts";
import { type HandleReference, type Reference, SourceForm } from "./reference.ts";
import { type PathKey, Refusal } from "./refusal.ts";
import { Tag } from "./tag.ts";

/** A function or class. */
export function code(encoder: Encoder, value: object): void {
  const { reference, handle } = encoder.options;
  const live = handle?.(value);
  if (live) return alive(encoder, live);
  if (!reference) throw noFunction(value);
  if (encoder.options.isProxy?.(value)) throw new Refusal("is a Proxy: pass its target");
  const path = intrinsicPath(value);
  if (path !== undefined) {
    encoder.writer.byte(Tag.intrinsic);
    encoder.writer.text(path);
    return;
  }
  const found = reference(value);
  if (!found) throw noFunction(value);
  refer(encoder, value, found);
}

function noFunction(value: object): Refusal {
  const { name } = value as { name?: unknown };
  const called = typeof name === "string" && name !== "" ? ` (${name})` : "";
  return new Refusal(`is a function${called}: functions travel only into a call, so return data`);
}

/** Something that stays where it is. */
export function alive(encoder: Encoder, { kind, id, detail }: HandleReference): void {
  const { writer } = encoder;
  writer.byte(Tag.handle);
  writer.byte(kind);
  writer.count(id);
  encoder.value(detail);
}

export function refer(encoder: Encoder, value: object, reference: Reference): void {
  const { writer } = encoder;
  switch (reference.kind) {
    case "builtin":
      writer.byte(Tag.builtin);
      writer.text(reference.module);
      writer.text(reference.path);
      return;
    case "class":
      writer.byte(Tag.class);
      hash(encoder, reference.hash);
      writer.text(reference.name);
      return;
    case "closure":
      writer.byte(Tag.closure);
      hash(encoder, reference.hash);
      writer.count(reference.site);
      writer.count(reference.captures.length);
      bindings(encoder, reference.names, reference.captures);
      return;
    case "source":
      writer.byte(Tag.decorated);
      writer.byte(Tag.source);
      writer.text(reference.text);
      writer.byte(reference.form);
      writer.text(reference.at);
      writer.count(reference.names.length);
      for (const name of reference.names) writer.text(name);
      bindings(encoder, reference.names, reference.values);
      writer.byte(fixedness(value));
      // Statics of a class are made again by evaluating its text, and instance state is not a function's.
      properties(encoder, value, (key) => reference.form === SourceForm.class || NOT_OWN.has(key));
      return;
  }
}

const NOT_OWN = new Set<PathKey>(["length", "name", "prototype", "arguments", "caller"]);

function bindings(encoder: Encoder, names: readonly string[], values: readonly unknown[]): void {
  names.forEach((name, index) => {
    encoder.child(values[index], name);
  });
}

/** Sixteen hex digits, whose place is remembered. */
function hash(encoder: Encoder, digits: string): void {
  const { writer } = encoder;
  writer.text(digits);
  encoder.hashes.push({ at: writer.position - digits.length + writer.attached, hash: digits });
}

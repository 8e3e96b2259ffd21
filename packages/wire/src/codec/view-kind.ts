/** The typed arrays, by the number that stands for them in a message. */
export interface ViewType {
  new (buffer: ArrayBuffer, offset: number, length: number): ArrayBufferView;
  readonly BYTES_PER_ELEMENT?: number;
}

const NAMES = [
  ..."Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array".split(" "),
  ..."Float16Array Float32Array Float64Array BigInt64Array BigUint64Array DataView".split(" "),
] as const;

/** Node's Buffer: a Uint8Array where the realm has none. Looked up late, as an isolate gets its Buffer after this module. */
export const BUFFER_KIND = NAMES.length;

const types: (ViewType | undefined)[] = NAMES.map(
  (name) => (globalThis as Record<string, unknown>)[name] as ViewType,
);
const kinds = new Map<object, number>();
types.forEach((type, kind) => {
  if (type) kinds.set(type.prototype as object, kind);
});

interface BufferConstructor {
  prototype: object;
  from(buffer: ArrayBuffer, offset: number, length: number): Uint8Array;
}

function realmBuffer(): BufferConstructor | undefined {
  return (globalThis as { Buffer?: BufferConstructor }).Buffer;
}

/** The kind of views with this prototype, or undefined. */
export function viewKind(prototype: object): number | undefined {
  return kinds.get(prototype) ?? (prototype === realmBuffer()?.prototype ? BUFFER_KIND : undefined);
}

export function elementBytes(kind: number): number {
  return types[kind]?.BYTES_PER_ELEMENT ?? 1;
}

/** A view of `kind`; `length` counts bytes. */
export function makeView(kind: number, buffer: ArrayBuffer, offset: number, length: number): ArrayBufferView {
  const node = kind === BUFFER_KIND ? realmBuffer() : undefined;
  if (node) return node.from(buffer, offset, length);
  const type = types[kind === BUFFER_KIND ? 1 : kind];
  if (!type) throw new TypeError(`This realm has no ${NAMES[kind] ?? `view of kind ${kind}`}`);
  return new type(buffer, offset, length / elementBytes(kind));
}

/** What a decorated value has beside its base: property attributes and whether it can be extended. */
import type { Encoder } from "./encode.ts";
import type { PathKey } from "./refusal.ts";
import { Attribute, Decoration } from "./tag.ts";

/** All own properties but those that `skip` names, with their attributes. */
export function properties(encoder: Encoder, value: object, skip: (key: PathKey) => boolean): void {
  const { writer } = encoder;
  const keys = Reflect.ownKeys(value).filter((key) => !skip(key));
  writer.count(keys.length);
  for (const key of keys) {
    const property = Object.getOwnPropertyDescriptor(value, key)!;
    const pathKey = typeof key === "string" && /^\d+$/.test(key) ? Number(key) : key;
    encoder.value(key);
    const common =
      (property.enumerable ? Attribute.enumerable : 0) | (property.configurable ? Attribute.configurable : 0);
    if (property.get || property.set) {
      writer.byte(common | Attribute.accessor);
      encoder.child(property.get, pathKey);
      encoder.child(property.set, pathKey);
    } else {
      writer.byte(common | (property.writable ? Attribute.writable : 0));
      encoder.child(property.value, pathKey);
    }
  }
}

/** How far the object can still be changed. */
export function fixedness(value: object): number {
  if (Object.isExtensible(value)) return 0;
  return Object.isFrozen(value) ? Decoration.frozen : Decoration.inextensible;
}

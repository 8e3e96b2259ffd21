/** The type predicates of `node:util/types`, told apart by the internal slots that only the real thing has. */
import type { Binding } from "./binding.ts";

type Predicate = (value: unknown) => boolean;

/** A predicate that is true when `method` accepts the value as its receiver. */
function slot(method: unknown, ...args: unknown[]): Predicate {
  return (value) => {
    try {
      Reflect.apply(method as (...args: unknown[]) => unknown, value, args);
      return true;
    } catch {
      // The method refuses receivers without the slot; that is the answer, not a failure.
      return false;
    }
  };
}

function getter(prototype: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get;
}

function tagged(...tags: string[]): Predicate {
  return (value) => tags.includes(Object.prototype.toString.call(value));
}

function boxed(method: unknown): Predicate {
  const holds = slot(method);
  return (value) => typeof value === "object" && value !== null && holds(value);
}

const object =
  (test: Predicate): Predicate =>
  (value) =>
    typeof value === "object" && value !== null && test(value);

const kind =
  (test: Predicate): Predicate =>
  (value) =>
    typeof value === "function" && test(value);

export function typesBinding(): Binding {
  const isNumberObject = boxed(Number.prototype.valueOf);
  const isStringObject = boxed(String.prototype.valueOf);
  const isBooleanObject = boxed(Boolean.prototype.valueOf);
  const isBigIntObject = boxed(BigInt.prototype.valueOf);
  const isSymbolObject = boxed(Symbol.prototype.valueOf);
  const boxes = [isNumberObject, isStringObject, isBooleanObject, isBigIntObject, isSymbolObject];
  const isArrayBuffer = object(slot(getter(ArrayBuffer.prototype, "byteLength")));
  const isSharedArrayBuffer = object(slot(getter(SharedArrayBuffer.prototype, "byteLength")));
  const never: Predicate = () => false;
  return {
    isExternal: never,
    isProxy: never,
    isCryptoKey: never,
    isKeyObject: never,
    isEventTarget: never,
    isDate: object(slot(Date.prototype.getTime)),
    isRegExp: (value: unknown) =>
      value !== RegExp.prototype &&
      object(slot(getter(RegExp.prototype, "flags")))(value) &&
      object(slot(getter(RegExp.prototype, "source")))(value),
    isArgumentsObject: object(
      (value) => !(Symbol.toStringTag in (value as object)) && tagged("[object Arguments]")(value),
    ),
    isNumberObject,
    isStringObject,
    isBooleanObject,
    isBigIntObject,
    isSymbolObject,
    isBoxedPrimitive: (value: unknown) => boxes.some((test) => test(value)),
    isNativeError: (value: unknown) => (Error as unknown as { isError: Predicate }).isError(value),
    isAsyncFunction: kind(tagged("[object AsyncFunction]", "[object AsyncGeneratorFunction]")),
    isGeneratorFunction: kind(tagged("[object GeneratorFunction]", "[object AsyncGeneratorFunction]")),
    isGeneratorObject: object(tagged("[object Generator]", "[object AsyncGenerator]")),
    isPromise: object((value) => value instanceof Promise),
    isMap: object(slot(getter(Map.prototype, "size"))),
    isSet: object(slot(getter(Set.prototype, "size"))),
    isMapIterator: object(tagged("[object Map Iterator]")),
    isSetIterator: object(tagged("[object Set Iterator]")),
    isWeakMap: object(slot(WeakMap.prototype.has, {})),
    isWeakSet: object(slot(WeakSet.prototype.has, {})),
    isDataView: object(slot(getter(DataView.prototype, "byteLength"))),
    isArrayBuffer,
    isSharedArrayBuffer,
    isAnyArrayBuffer: (value: unknown) => isArrayBuffer(value) || isSharedArrayBuffer(value),
    isModuleNamespaceObject: object(tagged("[object Module]")),
  };
}

import type { Actor } from "./actor.ts";

/** Where an actor lives. Plain data: it travels in any message. */
export interface Address {
  readonly node: string;
  readonly actor: string;
}

type Method = (...args: never[]) => unknown;
type Callable<T> = Exclude<{ [K in keyof T]: T[K] extends Method ? K : never }[keyof T], keyof Actor>;
type Ask<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
type Tell<F> = F extends (...args: infer A) => unknown ? (...args: A) => void : never;

/** A typed remote reference: `await ref.increment(2)` asks, `ref.tell.increment(2)` tells. */
export type Ref<T> = { readonly [K in Callable<T>]: Ask<T[K]> } & {
  readonly tell: { readonly [K in Callable<T>]: Tell<T[K]> };
  readonly address: Address;
};

export interface Courier {
  ask(to: Address, method: string, args: unknown[]): Promise<unknown>;
  tell(to: Address, method: string, args: unknown[]): void;
}

/** Makes the proxy; cheap, keeps no state beyond the methods it was asked for. */
export function makeRef<T>(courier: Courier, address: Address): Ref<T> {
  const tell = methods(
    (method) =>
      (...args: unknown[]) =>
        courier.tell(address, method, args),
  );
  const own: Record<string, unknown> = { address, tell };
  return methods(
    (method) =>
      (...args: unknown[]) =>
        courier.ask(address, method, args),
    own,
  ) as Ref<T>;
}

function methods(make: (method: string) => unknown, own: Record<string, unknown> = {}): object {
  return new Proxy(own, {
    get(target, key) {
      // A ref is not a promise: awaiting one must not send a "then" message.
      if (typeof key !== "string" || key === "then") return undefined;
      target[key] ??= make(key);
      return target[key];
    },
  });
}

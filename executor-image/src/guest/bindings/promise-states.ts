/**
 * Which promises are settled. The isolate has no native that tells, and Node's web streams ask it of promises that
 * they made themselves; so the library's own ways to make one note what becomes of it. Of all others it is unknown,
 * and they pass for pending.
 */
type Details = readonly [state: number, result: unknown];

const PENDING: Details = [0, undefined];
const FULFILLED = 1;
const REJECTED = 2;

const settled = new WeakMap<object, Details>();

export function promiseDetails(promise: object): Details {
  return settled.get(promise) ?? PENDING;
}

/** The primordials with makers of promises that take notes. */
export function noting(primordials: Record<string, unknown>): Record<string, unknown> {
  const { PromiseResolve, PromiseReject } = primordials as {
    PromiseResolve(value?: unknown): Promise<unknown>;
    PromiseReject(error: unknown): Promise<never>;
  };
  const own = {
    PromiseWithResolvers() {
      const made = Promise.withResolvers<unknown>();
      const { promise, resolve, reject } = made;
      const settle = (state: number, result: unknown) => {
        if (!settled.has(promise)) settled.set(promise, [state, result]);
      };
      made.resolve = (value) => {
        if (!isThenable(value)) settle(FULFILLED, value);
        resolve(value);
      };
      made.reject = (error) => {
        settle(REJECTED, error);
        reject(error);
      };
      return made;
    },
    PromiseResolve(value: unknown) {
      const promise = PromiseResolve(value);
      if (!isThenable(value)) settled.set(promise, [FULFILLED, value]);
      return promise;
    },
    PromiseReject(error: unknown) {
      const promise = PromiseReject(error);
      settled.set(promise, [REJECTED, error]);
      return promise;
    },
  };
  return Object.defineProperties(
    Object.create(primordials) as Record<string, unknown>,
    Object.getOwnPropertyDescriptors(own),
  );
}

/** Whether a promise might follow it. Its `then` is not read, as that could be seen. */
function isThenable(value: unknown): boolean {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

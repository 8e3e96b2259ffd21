/** Promise reactions of the guest's own, which code that replaces `Promise.prototype.then` neither sees nor stops. */
const { then } = Promise.prototype;
const { apply } = Reflect;
const resolved = Promise.resolve();

/** Runs `work` as a promise reaction. */
export function microtask(work: () => void): void {
  apply(then, resolved, [work]);
}

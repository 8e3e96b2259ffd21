import type { Backend } from "@bonfire/runtime";

/** What `realm: "inline"` uses. Loaded when it is wanted, as it brings all of an executor into this process. */
export async function inlineBackend(): Promise<Backend> {
  const { InlineBackend } = await import("@bonfire/executor/inline");
  return new InlineBackend();
}

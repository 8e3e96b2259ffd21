import { setTimeout as pause } from "node:timers/promises";

/** The code, or else the name, of what `promise` rejects with; throws if it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name;
  }
  throw new Error("it did not reject");
}

/** Resolves when `holds` does, looking again and again; throws after `within` ms. */
export async function until(holds: () => boolean | Promise<boolean>, within = 20_000): Promise<void> {
  const start = performance.now();
  while (!(await holds())) {
    if (performance.now() - start > within) throw new Error(`still not so after ${within} ms: ${holds}`);
    await pause(2);
  }
}

/** What `promise` rejects with; throws if it does not. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: Error) => ({ error }),
  );
  if ("error" in outcome) return outcome.error;
  throw new Error(`it resolved with ${String(outcome.value)}`);
}

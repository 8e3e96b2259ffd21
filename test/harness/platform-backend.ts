/** A driver's way to a `Platform` in another process. It watches nothing: the platform tells nobody of an end. */
import type { Backend, LaunchRequest, Machine } from "@bonfire/runtime";
import type { PlatformOrder } from "./platform.ts";

export class PlatformBackend implements Backend {
  readonly name = "test-platform";
  readonly shared = true;
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  launch(request: LaunchRequest, signal: AbortSignal): Promise<Machine> {
    return this.#send({ order: "launch", request }, signal) as Promise<Machine>;
  }

  list({ owner, pool }: { owner: string; pool: string }): Promise<readonly Machine[]> {
    return this.#send({ order: "list", owner, pool }) as Promise<readonly Machine[]>;
  }

  async terminate(launchId: string, { graceMs }: { graceMs: number }): Promise<void> {
    await this.#send({ order: "terminate", launchId, graceMs });
  }

  async #send(order: PlatformOrder, signal?: AbortSignal): Promise<unknown> {
    const response = await fetch(this.#url, {
      method: "POST",
      body: JSON.stringify(order),
      ...(signal && { signal }),
    });
    if (!response.ok) throw new Error(`The platform refused: ${await response.text()}`);
    return response.json();
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

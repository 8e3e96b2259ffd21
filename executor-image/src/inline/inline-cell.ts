/** A cell in this very process: what it runs can be looked into with a debugger, and can be ended by nobody. */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BonfireError } from "@bonfire/wire";
import type { CellHandle, NodeNews } from "../agent/cell-process.ts";
import { Cell } from "../cell/cell.ts";
import type { CellStart } from "../cell/messages.ts";

export class InlineCell implements CellHandle {
  readonly node: string;
  readonly ended: Promise<BonfireError>;
  onNode: (news: NodeNews) => void = () => undefined;
  readonly #end: (reason: BonfireError) => void;
  readonly #workdir = mkdtempSync(join(tmpdir(), "bonfire-cell-"));
  readonly #cell: Promise<Cell>;
  #closing: Promise<void> | undefined;

  constructor(start: Omit<CellStart, "workdir">) {
    this.node = start.node;
    const { promise, resolve } = Promise.withResolvers<BonfireError>();
    this.ended = promise;
    this.#end = resolve;
    this.#cell = Cell.start({ ...start, workdir: this.#workdir }, (message) => {
      if (message.kind === "broken") this.kill(new BonfireError(message.code, message.message));
      else if (message.kind === "entered" || message.kind === "left") this.onNode(message);
    });
    // Whoever wants it to serve hears of it.
    this.#cell.catch(() => undefined);
  }

  async serve(tenant: string): Promise<void> {
    await (await this.#cell).serve(tenant);
  }

  /** Whoever can ask is in the same process. */
  async answers(): Promise<boolean> {
    return true;
  }

  kill(cause: BonfireError): void {
    this.#end(cause);
    void this.#close();
  }

  async stop(): Promise<void> {
    // Its actors are told, and whoever watches them hears so before their nodes are said to be gone.
    await this.#cell.then(
      (cell) => cell.retireFirst(),
      () => undefined,
    );
    await this.#close();
    this.#end(new BonfireError("CELL_STOPPED", "The cell was stopped"));
  }

  #close(): Promise<void> {
    this.#closing ??= this.#cell
      .then((cell) => cell.close())
      .catch((error: Error) => process.emitWarning(error))
      .then(() => rm(this.#workdir, { recursive: true, force: true }));
    return this.#closing;
  }
}

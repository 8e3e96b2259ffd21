/** Consoles for the calls of a process realm: formatted by Node, attributed to the call, bounded per turn of the loop. */
import { Console } from "node:console";
import { Writable } from "node:stream";
import { format } from "node:util";
import { LOG_BYTES_PER_ENTRY, LONGEST_LOG_LINE, type LogLevel } from "../guest/layout.ts";
import type { RealmEvents } from "./realm.ts";

const LEVELS: readonly LogLevel[] = ["debug", "log", "info", "warn", "error"];

export class CallConsole {
  readonly #events: Pick<RealmEvents, "log">;
  #bytes = 0;
  #dropped = 0;

  constructor(events: Pick<RealmEvents, "log">) {
    this.#events = events;
  }

  /** A console whose lines are of this call, made when it is first used: most calls never log. */
  of(call: number): Console {
    let made: Console | undefined;
    return new Proxy({} as Console, {
      get: (own, name) => {
        made ??= this.#make(call);
        return Reflect.get(own, name) ?? Reflect.get(made, name);
      },
    });
  }

  #make(call: number): Console {
    const stream = (level: LogLevel) =>
      new Writable({
        decodeStrings: false,
        write: (text: string, _encoding, done) => {
          this.#line(call, level, text.endsWith("\n") ? text.slice(0, -1) : text);
          done();
        },
      });
    const made = new Console({ stdout: stream("log"), stderr: stream("error") });
    for (const level of LEVELS)
      made[level] = (...values: unknown[]) => this.#line(call, level, format(...values));
    return made;
  }

  #line(call: number, level: LogLevel, text: string): void {
    const line =
      text.length > LONGEST_LOG_LINE
        ? `${text.slice(0, LONGEST_LOG_LINE)}… (${text.length} characters)`
        : text;
    if (this.#bytes === 0) setImmediate(() => this.#nextTurn());
    this.#bytes += line.length + 16;
    if (this.#bytes > LOG_BYTES_PER_ENTRY) this.#dropped++;
    else this.#events.log(call, level, line);
  }

  #nextTurn(): void {
    this.#bytes = 0;
    if (this.#dropped === 0) return;
    this.#events.log(
      0,
      "warn",
      `${this.#dropped} log lines were dropped as they came faster than they can be delivered`,
    );
    this.#dropped = 0;
  }
}

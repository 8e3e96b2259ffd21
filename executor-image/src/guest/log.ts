/**
 * The console of a closure. Lines are formatted inside and written to the outbox at once, so that what a call logged
 * before it hung is still delivered; a flood is cut at a bound per entry and counted.
 */
import { currentCall } from "./bindings/scheduling.ts";
import { bridge } from "./bridge.ts";
import {
  LOG_BYTES_PER_ENTRY,
  LOG_LEVELS,
  LONGEST_LOG_LINE,
  type LogLevel,
  RecordKind,
  State,
} from "./layout.ts";
import { requireInternal } from "./library.ts";
import { commit, place } from "./outbox.ts";
import { encodeInto, utf8Length } from "./text.ts";

const state = new Int32Array(bridge.state);

/** One log line of `call`. */
export function logLine(call: number, level: LogLevel, text: string): void {
  const line =
    text.length > LONGEST_LOG_LINE ? `${text.slice(0, LONGEST_LOG_LINE)}… (${text.length} characters)` : text;
  const length = utf8Length(line);
  const total = state[State.logBytes]! + length + 16;
  if (total > LOG_BYTES_PER_ENTRY) {
    state[State.logsDropped]!++;
    return;
  }
  state[State.logBytes] = total;
  const bytes = place(length + 1);
  bytes[0] = LOG_LEVELS.indexOf(level);
  encodeInto(line, bytes, 1);
  commit(RecordKind.log, call, length + 1);
}

type Method = (...values: unknown[]) => void;

/** Node's console for one call, made when it is first used: most calls never log, and it takes 25 bound methods. */
function makeConsole(call: () => number): Record<PropertyKey, unknown> {
  const { Console } = requireInternal("internal/console/constructor");
  const { formatWithOptions } = requireInternal("internal/util/inspect");
  const stream = (level: LogLevel) => ({
    write: (text: string) => logLine(call(), level, text.endsWith("\n") ? text.slice(0, -1) : text),
    on() {},
    once() {},
    removeListener() {},
    listenerCount: () => 1,
  });
  const made = new Console({ stdout: stream("log"), stderr: stream("error"), ignoreErrors: false });
  let indent = "";
  const line =
    (level: LogLevel): Method =>
    (...values) => {
      const text: string = formatWithOptions({}, ...values);
      logLine(call(), level, indent === "" ? text : indent + text.replaceAll("\n", `\n${indent}`));
    };
  const { group, groupEnd } = {
    group: (...values: unknown[]) => {
      if (values.length > 0) line("log")(...values);
      indent += "  ";
    },
    groupEnd: () => {
      indent = indent.slice(2);
    },
  };
  return Object.assign(made, {
    debug: line("debug"),
    log: line("log"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    group,
    groupCollapsed: group,
    groupEnd,
  });
}

const METHODS = [
  ...["assert", "clear", "count", "countReset", "debug", "dir", "dirxml", "error", "group", "groupCollapsed"],
  ...["groupEnd", "info", "log", "table", "time", "timeEnd", "timeLog", "trace", "warn"],
];

/** A console whose methods come into being when they are read, already bound. */
class LazyConsole {
  readonly #call: number | undefined;
  #made: Record<PropertyKey, unknown> | undefined;

  constructor(call: number | undefined) {
    this.#call = call;
  }

  static {
    for (const name of METHODS) {
      Object.defineProperty(LazyConsole.prototype, name, {
        configurable: true,
        get(this: LazyConsole) {
          const call = this.#call;
          this.#made ??= makeConsole(call === undefined ? currentCall : () => call);
          return this.#made[name];
        },
        set(this: LazyConsole, value: unknown) {
          Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
        },
      });
    }
  }
}

/** The console handed to a closure: its lines are of this call, whenever they are written. */
export function consoleOf(call: number): Console {
  return new LazyConsole(call) as unknown as Console;
}

/** The global console: its lines are of the call whose code runs. */
export const globalConsole = new LazyConsole(undefined) as unknown as Console;

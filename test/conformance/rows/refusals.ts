/** What is refused before anything is sent. */
import { EventEmitter } from "node:events";
import { createServer, Socket } from "node:net";
import { Readable } from "node:stream";
import type { Pool } from "@bonfire/runtime";
import type { Group, Refusal } from "../row.ts";

function refused(message: RegExp, instead: string): Refusal {
  return { code: "CAPTURE_REFUSED", message, instead };
}

const PLAIN = "open it inside the closure";
export let counter = 0;
class Secret {
  #n = 1;
  read(): number {
    return this.#n;
  }
  inline(pool: Pool): unknown {
    return pool.call(() => this.#n);
  }
}
class Base {
  hello(): string {
    return "hello";
  }
}
class Derived extends Base {
  up(pool: Pool): unknown {
    return pool.call(() => super.hello());
  }
}
/** So that no compiler removes what is only there to be captured. */
const keep = <Value>(value: Value): Value => value;

export const refusals: Group = {
  title: "What is refused at the call",
  rows: [
    {
      id: "refused-socket",
      says: "a socket",
      call: (pool: Pool) => {
        const db = { conn: new Socket() };
        return pool.call(() => db.conn.destroyed);
      },
      refused: refused(/"db\.conn".*net\.Socket/, PLAIN),
    },
    {
      id: "refused-server",
      says: "a server",
      call: (pool: Pool) => {
        const server = createServer();
        return pool.call(() => server.listening);
      },
      refused: refused(/"server".*net\.Server/, PLAIN),
    },
    {
      id: "refused-node-stream",
      says: "a stream of node",
      call: (pool: Pool) => {
        const source = { stream: Readable.from(["a"]) };
        return pool.call(() => source.stream.readable);
      },
      refused: refused(/"source\.stream"/, PLAIN),
    },
    {
      id: "refused-emitter",
      says: "an event emitter",
      call: (pool: Pool) => {
        const bus = new EventEmitter();
        return pool.call(() => bus.listenerCount("x"));
      },
      refused: refused(/"bus".*EventEmitter/, PLAIN),
    },
    {
      id: "refused-promise",
      says: "a promise",
      call: (pool: Pool) => {
        const pending = { answer: Promise.resolve(1) };
        return pool.call(async () => pending.answer);
      },
      refused: refused(/"pending\.answer".*Promise: await it first/, "await it first"),
    },
    {
      id: "refused-generator",
      says: "a generator under way",
      call: (pool: Pool) => {
        const running = (function* () {
          yield 1;
        })();
        return pool.call(() => keep(running).next());
      },
      refused: refused(/"running"/, "collect its values into an array"),
    },
    {
      id: "refused-iterator",
      says: "an iterator of a collection",
      call: (pool: Pool) => {
        const entries = new Map([[1, 2]]).entries();
        return pool.call(() => entries.next());
      },
      refused: refused(/"entries".*Iterator/, "collect its values into an array"),
    },
    {
      id: "refused-weak-map",
      says: "a `WeakMap`",
      call: (pool: Pool) => {
        const cache = { weak: new WeakMap() };
        return pool.call(() => cache.weak.has({}));
      },
      refused: refused(/"cache\.weak".*WeakMap/, "pass plain data"),
    },
    {
      id: "refused-weak-ref",
      says: "a `WeakRef`",
      call: (pool: Pool) => {
        const ref = new WeakRef({});
        return pool.call(() => ref.deref());
      },
      refused: refused(/"ref".*WeakRef/, "pass plain data"),
    },
    {
      id: "refused-proxy",
      says: "a `Proxy`",
      call: (pool: Pool) => {
        const proxy = new Proxy({ a: 1 }, {});
        return pool.call(() => proxy.a);
      },
      refused: refused(/"proxy".*Proxy/, "pass its target"),
    },
    {
      id: "refused-proxy-function",
      says: "a `Proxy` of a function",
      call: (pool: Pool) => {
        const fn = new Proxy(() => 1, {});
        return pool.call(() => fn());
      },
      refused: refused(/"fn".*Proxy/, "pass its target"),
    },
    {
      id: "refused-private",
      says: "an instance with `#private` fields",
      call: (pool: Pool) => {
        const held = { secret: new Secret() };
        return pool.call(() => held.secret.read());
      },
      refused: refused(/"held\.secret".*#private/, "capture plain data"),
    },
    {
      id: "refused-private-name",
      says: "`this.#name` of the enclosing class",
      call: (pool: Pool) => new Secret().inline(pool),
      refused: refused(/`#n`|private name/, "copy its value to a constant"),
    },
    {
      id: "refused-super",
      says: "`super` of the enclosing method",
      call: (pool: Pool) => new Derived().up(pool),
      refused: refused(/`super`/, "call it outside and capture the result"),
    },
    {
      id: "refused-new-target",
      says: "`new.target` of the enclosing function",
      call: (pool: Pool) => {
        function Made(this: unknown) {
          return pool.call(() => new.target) as unknown;
        }
        return Made.call(undefined);
      },
      refused: refused(/`new\.target`/, "copy it to a constant"),
    },
    {
      id: "refused-arguments",
      says: "`arguments` of the enclosing function",
      call: (pool: Pool) => {
        function outer(..._given: number[]) {
          // biome-ignore lint/complexity/noArguments: that is what is refused
          return pool.call(() => arguments.length);
        }
        return outer(1, 2);
      },
      refused: refused(/`arguments`/, "use rest parameters"),
    },
    {
      id: "refused-assignment",
      says: "assigning to a captured variable",
      call: (pool: Pool) =>
        pool.call(() => {
          counter = 1;
        }),
      refused: refused(/assigns to captured variable `counter`/, "return the new value"),
    },
    {
      id: "refused-increment",
      says: "incrementing a captured variable",
      call: (pool: Pool) => {
        let local = 0;
        const attempt = () => pool.call(() => ++local);
        return attempt().then(() => local);
      },
      refused: refused(/assigns to captured variable `local`/, "return the new value"),
    },
    {
      id: "refused-assignment-destructured",
      says: "assigning by destructuring or in a loop's head",
      call: (pool: Pool) => {
        let [a, b] = [1, 2];
        const swap = () =>
          pool.call(() => {
            [a, b] = [b, a];
          });
        return swap().then(() => [a, b]);
      },
      refused: refused(/assigns to captured variable `a`/, "return the new value"),
    },
    {
      id: "refused-assignment-in-helper",
      says: "assigning through a captured function",
      call: (pool: Pool) => {
        let hits = 0;
        const hit = () => {
          hits++;
          return hits;
        };
        return pool.call(() => hit());
      },
      refused: refused(/assigns to .*captured variable `hits`/, "return the new value"),
    },
    {
      id: "refused-assignment-in-value",
      says: "assigning in a function among data",
      call: (pool: Pool) => {
        let hits = 0;
        const table = { hit: () => ++hits };
        return pool.call(() => table.hit());
      },
      refused: refused(/"table\.hit".*assigns to its captured variable `hits`/, "return the new value"),
    },
    {
      id: "refused-assignment-this",
      says: "assigning to `this.field`",
      call: (pool: Pool) => {
        class Holder {
          n = 1;
          run() {
            return pool.call(() => {
              this.n = 2;
            });
          }
        }
        return new Holder().run();
      },
      refused: refused(/`this/, "return the new value"),
    },
    {
      id: "refused-global-assignment",
      says: "assigning to a global",
      call: (pool: Pool) =>
        pool.call(() => {
          // @ts-expect-error: that is what is refused
          conformanceGlobal = 1;
        }),
      refused: refused(/assigns to the global `conformanceGlobal`/, "return the value"),
    },
    {
      id: "refused-native",
      says: "a native function as the closure",
      call: (pool: Pool) => {
        const native = Math.random;
        return pool.call(native);
      },
      refused: refused(/native or bound/, "wrap it in an arrow function"),
    },
    {
      id: "refused-bound",
      says: "a bound function",
      call: (pool: Pool) => {
        const table = {
          run: function (this: { n: number }) {
            return this.n;
          }.bind({ n: 1 }),
        };
        return pool.call(() => table.run());
      },
      refused: refused(/"table\.run".*native or bound/, "wrap it in an arrow function"),
    },
    {
      id: "refused-captured-this",
      says: "`this` through a captured function",
      call: (pool: Pool) => {
        class Holder {
          n = 1;
          read = () => this.n;
          run() {
            const table = { read: this.read };
            return pool.call(() => table.read());
          }
        }
        return new Holder().run();
      },
      refused: refused(/"table\.read".*`this`/, "copy what it needs to a constant"),
    },
    {
      id: "refused-super-in-value",
      says: "an object whose method uses `super`",
      call: (pool: Pool) => {
        const derived = {
          __proto__: { hello: () => "up" },
          hello(): string {
            return (super.hello as () => string)();
          },
        };
        return pool.call(() => derived.hello());
      },
      refused: refused(/"derived\.hello".*`super`/, "use a class"),
    },
    {
      id: "refused-shared-memory",
      says: "shared memory",
      call: (pool: Pool) => {
        const memory = new Int32Array(new SharedArrayBuffer(8));
        return pool.call(() => memory[0]);
      },
      refused: refused(/"memory".*memory/, "pass a copy"),
    },
    {
      id: "refused-detached",
      says: "a buffer that was transferred away",
      call: (pool: Pool) => {
        const buffer = new ArrayBuffer(8);
        buffer.transfer();
        return pool.call(() => buffer.byteLength);
      },
      refused: refused(/"buffer".*detached/, "pass one that is not"),
    },
    {
      id: "refused-module-instance",
      says: "an instance of a WebAssembly module",
      call: (pool: Pool) => {
        const wasm = { module: new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])) };
        return pool.call(() => String(wasm.module));
      },
      refused: refused(
        /"wasm\.module".*WebAssembly\.Module|"wasm\.module".*Module/,
        "compile it inside the closure",
      ),
    },
    {
      id: "refused-intl",
      says: "a formatter of `Intl`",
      call: (pool: Pool) => {
        const format = new Intl.NumberFormat("en");
        return pool.call(() => format.format(1));
      },
      refused: refused(/"format".*NumberFormat/, "make it inside the closure"),
    },
    {
      id: "refused-text-decoder",
      says: "a `TextDecoder`",
      call: (pool: Pool) => {
        const decoder = new TextDecoder();
        return pool.call(() => decoder.decode(new Uint8Array([65])));
      },
      refused: refused(/"decoder".*TextDecoder/, "make it inside the closure"),
    },
    {
      id: "refused-response",
      says: "a `Request` or a `Response`",
      call: (pool: Pool) => {
        const answer = { response: new Response("x") };
        return pool.call(() => answer.response.status);
      },
      refused: refused(/"answer\.response".*Response/, "capture its data"),
    },
    {
      id: "refused-timer",
      says: "a timer",
      call: (pool: Pool) => {
        const timer = { handle: setTimeout(() => undefined, 0) };
        return pool.call(() => timer.handle.hasRef());
      },
      refused: refused(/"timer\.handle".*Timeout/, "start it inside the closure"),
    },
    {
      id: "refused-disposable-stack",
      says: "a `DisposableStack`",
      call: (pool: Pool) => {
        const stack = new DisposableStack();
        return pool.call(() => stack.disposed);
      },
      refused: refused(/"stack".*DisposableStack/, "make it inside the closure"),
    },
    {
      id: "refused-deep-path",
      says: "a value deep inside, by its path",
      call: (pool: Pool) => {
        const config = { list: [{ by: new Map([["key", { socket: new Socket() }]]) }] };
        return pool.call(() => config.list.length);
      },
      refused: refused(/"config\.list\[0\]\.by\("key"\)\.socket"/, PLAIN),
    },
    {
      id: "refused-through-function",
      says: "a value that a captured function holds",
      call: (pool: Pool) => {
        const pending = Promise.resolve(1);
        const table = { read: () => pending };
        return pool.call(() => table.read());
      },
      refused: refused(/"table\.read\.pending".*Promise/, "await it first"),
    },
    {
      id: "refused-no-function",
      says: "something that is not a function",
      call: (pool: Pool) => pool.call("text" as never),
      refused: {
        code: "INVALID_CALL",
        message: /takes a function, or an object of captures and a function/,
        instead: "hand over a function",
      },
    },
    {
      id: "refused-too-large",
      says: "more than 64 MB of captures",
      call: (pool: Pool) => {
        const small = "s";
        const large = new Uint8Array(65 * 1024 * 1024);
        return pool.call(() => [small, large.length]);
      },
      refused: refused(/limit is 64\.0 MB \(large 65\.0 MB\)/, "pass less, or raise `maxCaptureBytes`"),
    },
  ],
};

import { createRequire } from "node:module";
import { runInThisContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TestRealm } from "./harness.ts";
import { probes } from "./node-probes.ts";

type Probe = (require: NodeJS.Require) => Promise<string>;

/** What V8 tells only to embedders: the store across `await`, and what is inside a promise or a proxy. */
const NOT_POSSIBLE_INSIDE = ["als", "util2"];

// The runner may force colours on, which Node's assertion messages then have and a sandbox's never.
delete process.env.FORCE_COLOR;

test("Node's own modules behave inside an isolate as they do in Node", async () => {
  await using realm = new TestRealm();
  const require = createRequire(import.meta.url);
  const different: string[] = [];
  for (const [name, source] of Object.entries(probes)) {
    const body = `async (require) => { try { return JSON.stringify(await (async () => { ${source} })()); } catch (error) { return "THROW " + (error && error.message); } }`;
    const real = await (runInThisContext(body) as Probe)(require);
    const inside = await realm.call(`() => (${body})(require)`, { budget: 5000 });
    if (inside !== real) {
      different.push(name);
      if (process.env.NODE_DEBUG) console.log(name, "\n inside", inside, "\n node  ", real);
    }
  }
  assert.equal(
    different.filter((name) => !NOT_POSSIBLE_INSIDE.includes(name)),
    [],
  );
});

test.run();

/** What a driver says of the nats-server that it is given: what slows presence down is a warning, the rest a report. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NatsServer } from "../harness/nats.ts";
import { until } from "../harness/outcome.ts";
import { Relay } from "../harness/relay.ts";

delete process.env.BONFIRE_HINTS;
const directory = await mkdtemp(join(tmpdir(), "bonfire-nats-settings-"));
test.after(() => rm(directory, { recursive: true }));

async function serverWith(settings: string): Promise<NatsServer> {
  const config = join(directory, "nats.conf");
  await writeFile(config, settings);
  return NatsServer.start({ args: ["-c", config] });
}

/** What a driver reports of the server at `url`, and what it warns of. */
async function survey(url: string | undefined) {
  const heard: string[] = [];
  const hear = (warning: Error & { code?: string }) => {
    if (warning.code === "BONFIRE_NATS_SETTINGS") heard.push(warning.message);
  };
  process.on("warning", hear);
  await using fire = await connect(url === undefined ? {} : { servers: url });
  assert.is(fire.inspect().nats.server, undefined, "nobody waits for it");
  await until(() => fire.inspect().nats.server !== undefined);
  // Warnings are told in the next tick.
  await new Promise(setImmediate);
  process.off("warning", hear);
  const { server } = fire.inspect().nats;
  if (!server) throw new Error("there was a report, and there is none");
  return { server, heard };
}

test("the private server is as it should be", async () => {
  const { server, heard } = await survey(undefined);
  assert.is(server.tellsOfDisconnects, true);
  assert.is(server.jetstream, true);
  assert.equal([heard, server.warnings], [[], []]);
});

test("a server with the accounts of infra/nats tells of disconnects, and is as it should be", async () => {
  await using server = await NatsServer.start({ hints: true });
  const report = await survey(server.url);
  assert.is(report.server.tellsOfDisconnects, true);
  assert.equal(report.heard, []);
});

test("that a server tells nothing of disconnects is reported, and no warning, as it costs one beat", async () => {
  await using server = await NatsServer.start();
  const report = await survey(server.url);
  assert.is(report.server.tellsOfDisconnects, false);
  assert.is(report.server.jetstream, false);
  assert.equal(report.heard, []);
});

test("a server that cannot say that nobody listens is warned of once, with the remedy", async () => {
  await using server = await serverWith("no_header_support: true");
  const [first, second] = [await survey(server.url), await survey(server.url)];
  assert.is(first.heard.length, 1);
  assert.match(first.heard[0] as string, /no_header_support.*noticed after 6 s.*remove that line/);
  assert.equal(second.heard, []);
  assert.equal(second.server.warnings.length, 1, "the report has it all the same");
});

test("a server whose max_payload is below a piece of a large value is warned of, with the remedy", async () => {
  await using server = await serverWith("max_payload: 32768");
  const { heard } = await survey(server.url);
  assert.is(heard.length, 1);
  assert.match(heard[0] as string, /max_payload 32768.*set max_payload: 1MB/);
});

test("a server that is further away than a probe lasts is warned of, with options that fit", async () => {
  await using server = await NatsServer.start();
  await using relay = await Relay.before(server.port, { delayMs: 80 });
  const { heard, server: report } = await survey(`nats://127.0.0.1:${relay.port}`);
  assert.ok(report.roundTripMs > 150, `${report.roundTripMs}`);
  assert.is(heard.length, 1);
  assert.match(
    heard[0] as string,
    /round trip.*longer than presence\.probe.*connect\(\{ presence: \{ probe:/,
  );
});

test.run();

/** Each way to be let in by a nats-server, from the driver to the cells. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ConnectOptions, connect } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flock, served } from "../harness/flock.ts";
import { freePort } from "../harness/free-port.ts";
import { untilGone } from "../harness/gone.ts";
import { NatsServer } from "../harness/nats.ts";
import { Operator } from "../harness/operator.ts";
import { errorOf } from "../harness/outcome.ts";
import { Platform } from "../harness/platform.ts";

/** What stores.md says that a user needs, and no more. */
const NEEDED = ["bf.>", "$KV.bonfire.>", "$JS.API.>", "_INBOX.>"];
const directory = await mkdtemp(join(tmpdir(), "bonfire-nats-access-"));
test.after(() => rm(directory, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

async function serverWith(settings: string): Promise<NatsServer> {
  return NatsServer.start({ args: ["-c", await file("nats.conf", settings)] });
}

const at = ({ port }: NatsServer, access = "") => `nats://${access}127.0.0.1:${port}`;

/** A call through driver, agent and cell. */
async function works(options: ConnectOptions): Promise<void> {
  await using fire = await connect(options);
  await using pool = await fire.pool("access", { max: 1 });
  assert.is(await pool.call(() => 1), 1);
}

async function refused(options: ConnectOptions): Promise<void> {
  const error = await errorOf(connect(options));
  assert.is(error.code, "NATS_REFUSED");
  assert.not.match(error.message, /s3cret/);
}

test("a user and a password let in, by options or in the URL", async () => {
  await using server = await serverWith('authorization { user: "us er", password: "s3cret@/:" }');
  await works({ servers: at(server), user: "us er", password: "s3cret@/:" });
  await works({ servers: at(server, `${encodeURIComponent("us er")}:${encodeURIComponent("s3cret@/:")}@`) });
  await refused({ servers: at(server), user: "us er", password: "s3cret" });
});

test("a token lets in, by option or in the URL", async () => {
  await using server = await serverWith('authorization { token: "s3cret" }');
  await works({ servers: at(server), token: "s3cret" });
  await works({ servers: at(server, "s3cret@") });
  await refused({ servers: at(server), token: "s3cret-not" });
});

test("a credentials file lets in where an operator signs who may, and one of another operator does not", async () => {
  const operator = new Operator();
  await using server = await serverWith(operator.configuration);
  await works({
    servers: at(server),
    credentialsFile: await file("user.creds", operator.credentials()),
  });
  const stranger = await file("stranger.creds", new Operator().credentials());
  await refused({ servers: at(server), credentialsFile: stranger });
});

test("a driver finds the server that is up among several", async () => {
  await using server = await NatsServer.start();
  await works({ servers: [`nats://127.0.0.1:${await freePort()}`, server.url] });
});

test("a user who may use nothing of $SYS loses no driver, and a kill -9 of one is noticed", async () => {
  const operator = new Operator();
  const allowed = { publish: NEEDED, subscribe: NEEDED };
  const credentials = await file("narrow.creds", operator.credentials(allowed));
  await using server = await serverWith(operator.configuration);
  await using platform = await Platform.start();
  await using driver = await flock({ url: server.url, platform, env: { NATS_CREDS: credentials } });
  await served(driver);
  const pids = platform.running.map(({ pid }) => pid);
  driver.child.kill("SIGKILL");
  const took = await untilGone(pids, 4_000);
  console.log(`without $SYS, ended after ${Math.round(took)} ms`);
});

test("a server that refuses everybody for 3 s after its restart harms nobody", async () => {
  const good = "authorization { user: bonfire, password: s3cret }";
  await using server = await serverWith(good);
  await using platform = await Platform.start();
  await using driver = await flock({ url: at(server, "bonfire:s3cret@"), platform });
  const machines = platform.ledger.size;
  await server.kill();
  await file("nats.conf", "authorization { user: bonfire, password: other }");
  await server.restart();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await server.kill();
  await file("nats.conf", good);
  await server.restart();
  await served(driver);
  assert.is(platform.ledger.size, machines);
});

test("TLS is spoken where the URL says so, and a certificate that nobody vouches for is refused", async () => {
  const [key, certificate] = await certificateOf("localhost");
  await using server = await serverWith(`tls { cert_file: "${certificate}", key_file: "${key}" }`);
  const url = `tls://localhost:${server.port}`;
  assert.is((await errorOf(connect({ servers: url }))).code, "NATS_UNREACHABLE");
  await using platform = await Platform.start({ env: { NODE_EXTRA_CA_CERTS: certificate } });
  const env = { NODE_EXTRA_CA_CERTS: certificate };
  await using driver = await flock({ url, platform, executors: 1, env });
  await served(driver);
});

test("a server without TLS is not talked to in the clear if the URL says tls", async () => {
  await using server = await NatsServer.start();
  const error = await errorOf(connect({ servers: `tls://127.0.0.1:${server.port}` }));
  assert.is(error.code, "NATS_UNREACHABLE");
  assert.match(error.message, /TLS/);
});

async function certificateOf(host: string): Promise<[key: string, certificate: string]> {
  const paths = [join(directory, "key.pem"), join(directory, "certificate.pem")] as [string, string];
  const name = ["-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`];
  const out = ["-keyout", paths[0], "-out", paths[1], "-days", "1"];
  await promisify(execFile)("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...name, ...out]);
  return paths;
}

test.run();

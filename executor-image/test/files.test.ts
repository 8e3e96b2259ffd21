import { readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { failure, TestRealm } from "./harness.ts";

const grants = { files: true };

test("each call has a fresh private directory, which is gone when it has ended", async () => {
  await using realm = new TestRealm({ grants });
  const source =
    "async () => { const fs = require('node:fs/promises'); const before = await fs.readdir('.'); await fs.writeFile('a.txt', 'x'); return [process.cwd(), before]; }";
  const [first, second] = (await Promise.all([realm.call(source), realm.call(source)])) as [
    string,
    string[],
  ][];
  assert.not.equal(first![0], second![0]);
  assert.equal([first![1], second![1]], [[], []]);
  await realm.realm.close();
  assert.equal(readdirSync(realm.workdir), []);
});

test("node:fs works in its promise, callback and synchronous forms", async () => {
  await using realm = new TestRealm({ grants });
  const result = await realm.call(`async () => {
    const fs = require("node:fs");
    const { readFile, writeFile, appendFile, readdir, mkdir, mkdtemp, stat, rename, copyFile, access, rm, unlink } = require("node:fs/promises");
    await mkdir("a/b/c", { recursive: true });
    await writeFile("a/one.txt", "hello");
    await appendFile("a/one.txt", " world");
    await copyFile("a/one.txt", "a/two.txt");
    await rename("a/two.txt", "a/b/three.txt");
    await access("a/b/three.txt");
    const text = await readFile("a/b/three.txt", "utf8");
    const bytes = await readFile(new URL("file://" + process.cwd() + "/a/one.txt"));
    const listed = (await readdir("a", { recursive: true })).sort();
    const typed = (await readdir("a", { withFileTypes: true })).map((e) => [e.name, e.isDirectory(), e.isFile()]).sort();
    const stats = await stat("a/one.txt");
    const temporary = await mkdtemp("tmp-");
    fs.writeFileSync("sync.bin", new Uint8Array([1, 2, 3]));
    const viaCallback = await new Promise((done) => fs.readFile("sync.bin", (error, data) => done([error, data.length])));
    await unlink("sync.bin");
    await rm("a", { recursive: true });
    return [text, Buffer.isBuffer(bytes), listed, typed, stats.size, stats.isFile(), stats.mtime instanceof Date,
      require("path").basename(temporary).length, viaCallback, fs.existsSync("a"), fs.existsSync("sync.bin"), fs.promises === require("fs/promises")];
  }`);
  assert.equal(result, [
    "hello world",
    true,
    ["b", "b/c", "b/three.txt", "one.txt"],
    [
      ["b", true, false],
      ["one.txt", false, true],
    ],
    11,
    true,
    true,
    10,
    [null, 3],
    false,
    false,
    true,
  ]);
});

test("streams and file handles read and write", async () => {
  await using realm = new TestRealm({ grants });
  const result = await realm.call(`async () => {
    const { createReadStream, createWriteStream } = require("node:fs");
    const { open, stat } = require("node:fs/promises");
    const { pipeline } = require("node:stream/promises");
    const { Readable, Transform } = require("node:stream");
    await pipeline(Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(10_000, 97))), createWriteStream("big"));
    let seen = 0;
    await pipeline(createReadStream("big"), new Transform({ transform(c, e, d) { seen += c.length; d(null, c); } }), createWriteStream("copy"));
    let part = "";
    for await (const chunk of createReadStream("copy", { start: 5, end: 9, encoding: "utf8" })) part += chunk;
    await using handle = await open("copy", "r+");
    await handle.write("zz", 0);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return [seen, (await stat("copy")).size, part, bytesRead, buffer.toString()];
  }`);
  assert.equal(result, [500_000, 500_000, "aaaaa", 4, "zzaa"]);
});

test("errors of the file system are Node's", async () => {
  await using realm = new TestRealm({ grants });
  const error = (await failure(
    realm.call("() => require('fs/promises').readFile('absent')"),
  )) as NodeJS.ErrnoException;
  assert.is(error.code, "ENOENT");
  assert.is(error.syscall, "open");
  assert.match(error.message, /^ENOENT: no such file or directory, open '.*absent'$/);
});

test("no path leads out of the call's directory", async () => {
  await using realm = new TestRealm({ grants });
  const paths = [
    "/etc/passwd",
    "../other",
    "a/../../x",
    "..",
    "/",
    `${realm.workdir}/elsewhere`,
    "/absent/file",
  ];
  for (const path of paths) {
    for (const use of ["readFileSync", "statSync", "readdirSync", "unlinkSync", "mkdirSync"]) {
      const error = await failure(realm.call(`(path) => require("fs").${use}(path)`, { args: [path] }));
      assert.is(error.code, "GRANT_MISSING", `${use} ${path}`);
    }
  }
  assert.is(
    (await failure(realm.call("() => require('fs').copyFileSync('/etc/passwd', 'x')"))).code,
    "GRANT_MISSING",
  );
  assert.is(
    (
      await failure(
        realm.call(
          "() => { const fs = require('fs'); fs.writeFileSync('x', ''); fs.renameSync('x', '../x'); }",
        ),
      )
    ).code,
    "GRANT_MISSING",
  );
});

test("no form of a path leads out: file URLs, buffers, /proc, prefixes of temporary folders", async () => {
  await using realm = new TestRealm({ grants });
  const uses = [
    "fs.readFileSync(new URL('file:///etc/passwd'))",
    "fs.readFileSync(Buffer.from('/etc/passwd'))",
    "fs.readFileSync(Buffer.from('../../../../etc/passwd'))",
    "fs.readFileSync('/proc/self/environ')",
    "fs.readFileSync('/proc/self/cwd/../x')",
    "fs.readdirSync('/proc/self/fd')",
    "fs.openSync('/dev/null')",
    "fs.mkdtempSync('.')",
    "fs.mkdtempSync('../x')",
    "fs.cpSync('/etc', 'etc', { recursive: true })",
    "fs.cpSync('.', '../copy', { recursive: true })",
    "fs.rmSync('..', { recursive: true, force: true })",
    "fs.opendirSync('..')",
    "fs.realpathSync('..')",
    "fs.readlinkSync('/proc/self/exe')",
    "fs.truncateSync('/tmp/x', 0)",
    "fs.utimesSync('..', 0, 0)",
    "await fs.promises.open('/etc/passwd')",
    "await once(fs.createReadStream('/etc/passwd'), 'data')",
    "await once(fs.createWriteStream('../x'), 'finish')",
    "await fs.promises.writeFile(new URL('file://' + process.cwd() + '/../x'), 'x')",
  ];
  for (const use of uses) {
    const source = `async () => { const fs = require("fs"); const { once } = require("events"); return ${use}; }`;
    assert.is((await failure(realm.call(source))).code, "GRANT_MISSING", use);
  }
  await realm.realm.close();
  assert.equal(readdirSync(realm.workdir), []);
});

test("what is not given says so, and what to do: links, watching, owners", async () => {
  await using realm = new TestRealm({ grants });
  for (const use of [
    "symlinkSync('a', 'b')",
    "linkSync('a', 'b')",
    "watch('.')",
    "promises.symlink('a', 'b')",
  ]) {
    const error = await failure(realm.call(`async () => require("fs").${use}`));
    assert.is(error.code, "GRANT_MISSING", use);
    assert.match(error.message, /^Cannot use fs\.[\w.]+ in a sandbox: .*, or use realm: "process"$/);
  }
});

test("a directory can be read entry by entry", async () => {
  await using realm = new TestRealm({ grants });
  const result = await realm.call(`async () => {
    const fs = require("fs");
    for (const name of ["a", "b", "c"]) fs.writeFileSync(name, "");
    const names = [];
    for await (const entry of await fs.promises.opendir(".")) names.push(entry.name + entry.isFile());
    const dir = fs.opendirSync(".");
    const first = dir.readSync().isFile();
    dir.closeSync();
    let code;
    try { dir.readSync(); } catch (error) { code = error.code; }
    const viaCallback = await new Promise((done) => fs.opendir(".", (error, opened) => opened.read((_, entry) => done(entry.isFile()))));
    return [names.sort(), first, code, viaCallback];
  }`);
  assert.equal(result, [["atrue", "btrue", "ctrue"], true, "ERR_DIR_CLOSED", true]);
});

test("a link that leads out is refused, whichever operation meets it", async () => {
  await using realm = new TestRealm({ grants });
  const result = realm.call(`async () => {
    const fs = require("node:fs");
    fs.mkdirSync("d");
    console.log("ready", process.cwd());
    for (let i = 0; i < 300 && !fs.existsSync("go"); i++) await require("timers/promises").setTimeout(5);
    const codes = [];
    for (const path of ["file", "dir/passwd", "dangling"]) {
      for (const use of ["readFileSync", "writeFileSync", "statSync"]) {
        try { fs[use](path, "x"); codes.push("worked"); } catch (error) { codes.push(error.code); }
      }
    }
    codes.push(fs.lstatSync("file").isSymbolicLink());
    return codes;
  }`);
  const directory = await lineOf(realm, "ready");
  symlinkSync("/etc/passwd", join(directory, "file"));
  symlinkSync("/etc", join(directory, "dir"));
  symlinkSync("/tmp/bonfire-no-such-file", join(directory, "dangling"));
  symlinkSync("d", join(directory, "go"));
  assert.equal(await result, [...Array(9).fill("GRANT_MISSING"), true]);
});

/** The rest of the first log line that begins with `word`. */
async function lineOf(realm: TestRealm, word: string): Promise<string> {
  for (;;) {
    const line = realm.lines.find(({ text }) => text.startsWith(word));
    if (line !== undefined) return line.text.slice(word.length + 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("what a call leaves open or running cannot touch the next call's files", async () => {
  await using realm = new TestRealm({ grants });
  await realm.call(
    "() => { globalThis.handle = require('fs').openSync('mine', 'w'); setTimeout(() => { try { require('fs').writeFileSync('late', ''); console.log('wrote'); } catch (error) { console.log('late', error.code); } }, 5); }",
  );
  // The isolate is given back at the end of the turn.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const listed = await realm.call(
    "async () => { await require('timers/promises').setTimeout(20); try { require('fs').writeSync(handle, 'x'); } catch (error) { console.log('handle', error.code); } return require('fs').readdirSync('.'); }",
  );
  assert.equal(listed, []);
  assert.equal(realm.lines.map(({ text }) => text).sort(), ["handle EBADF"]);
});

test.run();

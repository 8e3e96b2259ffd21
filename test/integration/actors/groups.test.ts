import { connect, type DeadLetter, type Fire } from "@bonfire/runtime";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { clerkProcess } from "../../harness/clerk-process.ts";
import { guarantee } from "../../harness/guarantee.ts";
import { NatsServer } from "../../harness/nats.ts";
import { codeOf, until } from "../../harness/outcome.ts";
import type { Program } from "../../harness/program.ts";
import { Ledger, Plain } from "./kept.ts";

const server = await NatsServer.start({ jetstream: true });
const here: Fire = await connect({ servers: server.url });
const there: Fire = await connect({ servers: server.url });
const programs: Program[] = [];
let groups = 0;
const newGroup = () => `group-${++groups}`;

test.after(async () => {
  for (const program of programs) await program[Symbol.asyncDispose]();
  await Promise.all([here.close(), there.close()]);
  await server[Symbol.asyncDispose]();
});

async function addresses(group: string, fire = there): Promise<string[]> {
  return (await fire.members(group)).map(({ address }) => address).sort();
}

guarantee("`fire.join` makes an actor a member of a group, which every process sees.", async () => {
  const group = newGroup();
  const one = await here.spawn(Plain, []);
  const two = await there.spawn(Plain, []);
  await here.join(group, one);
  await there.join(group, two);
  assert.equal(await addresses(group), [one.address, two.address].sort());
  assert.equal(await addresses(group, here), [one.address, two.address].sort());
  const [member] = await here.members<Plain>(group);
  assert.is(await member?.add(), 1);
});

guarantee("A reader may be a second behind; whoever joined or left is seen after that.", async () => {
  const group = newGroup();
  const one = await here.spawn(Plain, []);
  const two = await here.spawn(Plain, []);
  await here.join(group, one);
  assert.equal(await addresses(group), [one.address]);
  await here.join(group, two);
  await here.leave(group, one);
  await until(async () => String(await addresses(group)) === two.address, 5_000);
});

guarantee("A group's `tell` reaches every member, in the order in which it was told.", async () => {
  const group = newGroup();
  const members = await Promise.all([here.spawn(Ledger, []), there.spawn(Ledger, [])]);
  await here.join(group, members[0]);
  await there.join(group, members[1]);
  const all = here.group<Ledger>(group);
  const entry = { changed: false };
  for (let n = 0; n < 5; n++) all.tell.add(n);
  all.tell.add(entry);
  entry.changed = true;
  for (const member of members) {
    await until(async () => (await member.peek()) === 6);
    assert.equal(await member.entries(), [0, 1, 2, 3, 4, { changed: false }]);
  }
});

guarantee("A group's `next` gives one member after the other.", async () => {
  const group = newGroup();
  const members = [await here.spawn(Plain, []), await here.spawn(Plain, []), await there.spawn(Plain, [])];
  for (const member of members) await here.join(group, member);
  const some = there.group<Plain>(group);
  for (let n = 0; n < 6; n++) await (await some.next()).add();
  assert.equal(await Promise.all(members.map((member) => member.add())), [3, 3, 3]);
});

guarantee(
  "`next` of a group without members rejects with GROUP_EMPTY; a tell to it reaches nobody.",
  async () => {
    const empty = here.group<Plain>(newGroup());
    assert.is(await codeOf(empty.next()), "GROUP_EMPTY");
    assert.equal(await empty.members(), []);
    empty.tell.add();
  },
);

guarantee("A member leaves when its actor ends, and at once for those who use the group.", async () => {
  const group = newGroup();
  const one = await here.spawn(Plain, []);
  const two = await here.spawn(Plain, []);
  await here.join(group, one);
  await here.join(group, two);
  assert.is((await addresses(group, here)).length, 2);
  await here.stop(one);
  assert.equal(await addresses(group, here), [two.address]);
});

guarantee(
  "A member whose process was killed with -9 is not given any more once that is noticed, and is out for all after 5 s.",
  async () => {
    const group = newGroup();
    const { program, clerk } = await clerkProcess(here, server.url);
    programs.push(program);
    const gone = await clerk.join(group);
    const stays = await here.spawn(Plain, []);
    await here.join(group, stays);
    const down = new Promise((resolve) => there.monitor(gone, resolve));
    assert.is((await addresses(group)).length, 2);
    program.child.kill("SIGKILL");
    await down;
    assert.equal(await addresses(group), [stays.address]);
    await until(async () => (await (await here.store()).members(`group:${group}`)).length === 1, 8_000);
  },
);

guarantee("A member of a process that could not be reached for a while comes again.", async () => {
  const group = newGroup();
  const { program, clerk } = await clerkProcess(here, server.url);
  programs.push(program);
  const member = await clerk.join(group);
  // As whoever took it for gone does.
  await (await here.store()).leave(`group:${group}`, member.address);
  assert.equal(await addresses(group), []);
  await until(async () => String(await addresses(group)) === member.address, 8_000);
});

guarantee("Closing a connection takes out the members that joined by it.", async () => {
  const group = newGroup();
  const fire = await connect({ servers: server.url });
  await fire.join(group, await here.spawn(Plain, []));
  await fire.close();
  assert.equal(await addresses(group), []);
});

guarantee("`join`, `leave` and `group` refuse what cannot be a group or a member.", async () => {
  const plain = await here.spawn(Plain, []);
  assert.is(await codeOf(here.join("no spaces", plain)), "INVALID_OPTION");
  assert.is(await codeOf(here.join("x", {} as never)), "INVALID_OPTION");
  assert.is(await codeOf(here.join("x", here.named("y"))), "INVALID_OPTION");
  assert.is(await codeOf(here.leave("", plain)), "INVALID_OPTION");
  assert.throws(() => here.group("no spaces"), /1 to 120/);
  const refused: DeadLetter[] = [];
  here.on("deadLetter", (letter) => refused.push(letter));
  assert.throws(() => here.group<Ledger>("x").tell.add(() => 1), /cannot travel|function/);
  assert.equal(refused, []);
});

test.run();

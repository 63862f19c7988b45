import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import type { MyelinError } from "@myelin/core/errors";
import { seededRandom } from "@myelin/core/random";
import { createMemoryStore, type MemoryDisk } from "../adapters/memory-store/index.ts";
import { Access, TokenBook, type TokenWish } from "./index.ts";

const dayUs = 86_400e6;

function bookOf(
  disk?: MemoryDisk,
  startUs = 1_790_000_000e6,
): {
  readonly clock: VirtualClock;
  readonly book: TokenBook;
  readonly disk: MemoryDisk;
  readonly ends: [string, MyelinError][];
} {
  const clock = new VirtualClock(startUs);
  const store = createMemoryStore(disk === undefined ? {} : { disk });
  const book = new TokenBook({
    clock,
    store,
    random: seededRandom(7),
    onStoreError: (error) => assert.fail(error),
  });
  const ends: [string, MyelinError][] = [];
  book.onEnd(({ name }, error) => ends.push([name, error]));
  return { clock, book, disk: store.disk, ends };
}

async function made(book: TokenBook, wish: TokenWish): Promise<string> {
  return (await book.create(wish, "local")).text;
}

const hosts = ["127.0.0.1"];

test("without a token everybody who reaches the node is admitted as its operator", () => {
  const access = new Access({ tokens: bookOf().book, hosts });
  assert.equal(access.requiresToken, false);
  assert.equal(access.admit(undefined).actor, "local");
  assert.deepEqual(access.admit("whatever").role, "operator");
  access.assertGuarded();
});

test("with a token only its bearer is admitted", () => {
  const access = new Access({ token: "s3cret", tokens: bookOf().book, hosts });
  assert.equal(access.requiresToken, true);
  const { actor, role } = access.admit("s3cret");
  assert.deepEqual([actor, role], ["token", "operator"]);
  for (const wrong of [undefined, "", "s3cre", "s3crets", "S3CRET"])
    assert.throws(() => access.admit(wrong), { code: "UNAUTHENTICATED" });
});

test("an empty token is refused: it would guard nothing", () => {
  assert.throws(() => new Access({ token: "", tokens: undefined, hosts }), {
    code: "INVALID_ARGUMENT",
    message: "the token is empty",
  });
});

test("the token is read from an Authorization header of the bearer scheme only", () => {
  assert.equal(Access.tokenOf("Bearer abc.DEF-1_2~3+4/5=="), "abc.DEF-1_2~3+4/5==");
  assert.equal(Access.tokenOf("bearer  abc"), "abc");
  for (const header of [undefined, "", "abc", "Basic abc", "Bearer", "Bearer a b"])
    assert.equal(Access.tokenOf(header), undefined);
});

test("a node that listens beyond loopback needs a token, given or kept", async () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.7", "example.org", "localhost.example.org", ""]) {
    const { book } = bookOf();
    const options = { tokens: book, hosts: ["127.0.0.1", host] };
    assert.throws(() => new Access(options).assertGuarded(), { code: "AUTHENTICATION_REQUIRED" });
    assert.throws(() => new Access(options).admit(undefined), { code: "UNAUTHENTICATED" });
    new Access({ ...options, token: "s3cret" }).assertGuarded();
    await made(book, { role: "operator" });
    new Access(options).assertGuarded();
  }
  for (const host of ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
    new Access({ tokens: undefined, hosts: [host] }).assertGuarded();
});

test("once a token is kept everybody needs one, and its expiry opens nothing", async () => {
  const { book, clock } = bookOf();
  const access = new Access({ tokens: book, hosts });
  const text = await made(book, { role: "operator", name: "ops", expiresInUs: dayUs });
  assert.throws(() => access.admit(undefined), { code: "UNAUTHENTICATED" });
  assert.throws(() => access.admit("whatever"), { code: "UNAUTHENTICATED" });
  assert.equal(access.admit(text).actor, "token:ops");
  await clock.run(dayUs);
  assert.throws(() => access.admit(text), { message: "the token ops has expired" });
  assert.throws(() => access.admit(undefined), { code: "UNAUTHENTICATED" });
  await book.revoke("ops", "local");
  assert.equal(access.admit(undefined).actor, "local");
});

test("a token is found again after a restart, by its hash alone", async () => {
  const { book, disk } = bookOf();
  const text = await made(book, { role: "reader", name: "board" });
  assert.match(text, /^myl_[0-9a-z]{8}_[\w-]{43}$/);
  const kept = JSON.stringify([...disk.tokens.values()]);
  assert.ok(!kept.includes(text) && !kept.includes(text.slice(13)));
  const { book: next } = bookOf(disk);
  next.restore([...disk.tokens.values()]);
  const access = new Access({ tokens: next, hosts });
  assert.deepEqual([access.admit(text).actor, access.admit(text).role], ["token:board", "reader"]);
  const wrong = `${text.slice(0, -1)}${text.endsWith("A") ? "B" : "A"}`;
  assert.throws(() => access.admit(wrong), { message: "the token is not valid here" });
});

test("an agent's token is for agents of its pattern, and for nothing else", async () => {
  const { book } = bookOf();
  const access = new Access({ tokens: book, hosts });
  const operator = await made(book, { role: "operator" });
  const reader = await made(book, { role: "reader", name: "board" });
  const text = await made(book, { role: "agent", agents: "w-*,robot-*-arm,x", name: "w" });
  for (const id of ["w-", "w-1", "w-1-2", "robot-7-arm", "robot--arm", "x"])
    assert.equal(access.admitAgent(text, id).actor, "token:w");
  for (const id of ["w", "aw-1", "robot-arm", "robot-7-armour", "xx", ""])
    assert.throws(() => access.admitAgent(text, id), { code: "PERMISSION_DENIED", hint: /w-\*/ });
  assert.throws(() => access.admitAgent(reader, "w-1"), { code: "PERMISSION_DENIED" });
  assert.equal(access.admitAgent(operator, "anything").role, "operator");
  for (const role of ["reader", "operator"] as const)
    assert.throws(() => Access.requireRole(access.admit(text), role), {
      code: "PERMISSION_DENIED",
    });
  Access.requireRole(access.admit(reader), "reader");
  assert.throws(() => Access.requireRole(access.admit(reader), "operator"), {
    code: "PERMISSION_DENIED",
  });
});

test("a token ends once: when it is revoked, or at its expiry, and says which", async () => {
  const { book, clock, ends } = bookOf();
  await made(book, { role: "operator", name: "first", expiresInUs: 40 * dayUs });
  await made(book, { role: "operator", name: "second" });
  await book.revoke("second", "token:first");
  await book.revoke("second", "token:first");
  assert.deepEqual(
    ends.map(([name, { message }]) => [name, message]),
    [["second", "the token second was revoked"]],
  );
  await clock.run(40 * dayUs - 1);
  assert.equal(ends.length, 1);
  await clock.run(1);
  await clock.run(50 * dayUs);
  assert.deepEqual(
    ends.map(([name]) => name),
    ["second", "first"],
  );
});

test("an expiry is told once, whether a node was there or not, and however often one starts again", async () => {
  const { book, clock, disk, ends } = bookOf();
  const namesToldAt = async (startUs: number): Promise<string[]> => {
    const next = bookOf(disk, startUs);
    next.book.restore([...disk.tokens.values()]);
    await next.clock.run(1e6);
    await next.book.stop();
    return next.ends.map(([name]) => name);
  };
  await made(book, { role: "operator", name: "seen", expiresInUs: dayUs });
  await made(book, { role: "operator", name: "missed", expiresInUs: 2 * dayUs });
  await clock.run(dayUs);
  assert.equal(ends.length, 1);
  await book.stop();
  assert.deepEqual(await namesToldAt(clock.nowUs() + 1e6), []);
  assert.deepEqual(await namesToldAt(clock.nowUs() + 2 * dayUs), ["missed"]);
  assert.deepEqual(await namesToldAt(clock.nowUs() + 3 * dayUs), []);
});

test("a full disk only delays that an expiry is kept as told", async () => {
  const { book, clock, disk } = bookOf();
  const { record } = await book.create({ role: "operator", expiresInUs: dayUs }, "local");
  const errors: string[] = [];
  disk.isFull = true;
  const store = createMemoryStore({ disk });
  const next = new TokenBook({
    clock,
    store,
    random: seededRandom(8),
    onStoreError: ({ code }) => errors.push(code),
  });
  next.restore([...disk.tokens.values()]);
  await book.stop();
  await clock.run(dayUs);
  assert.deepEqual(errors, ["STORAGE_FULL"]);
  disk.isFull = false;
  await clock.run(60e6);
  assert.equal(disk.tokens.get(record.id)?.expiryToldAtUs, record.expiresAtUs);
});

test("a token names its bearer also after its end, and a wrong one names nobody", async () => {
  const { book } = bookOf();
  const access = new Access({ token: "s3cret", tokens: book, hosts });
  const text = await made(book, { role: "agent", agents: "w-*", name: "w" });
  assert.equal(access.nameOf(text), "token:w");
  await book.revoke("w", "local");
  assert.equal(access.nameOf(text), "token:w");
  assert.equal(access.nameOf("s3cret"), "token");
  for (const wrong of [undefined, "", "wrong", `${text.slice(0, -2)}xx`])
    assert.equal(access.nameOf(wrong), "anyone");
});

test("no token is made or revoked that would leave no operator", async () => {
  const { book } = bookOf();
  const access = new Access({ tokens: book, hosts });
  const revoke = (name: string): Promise<unknown> =>
    book.revoke(name, "local", (token) => access.assertMayRevoke(token));
  assert.throws(() => access.assertMayCreate("agent"), { code: "CONFLICT" });
  access.assertMayCreate("operator");
  await made(book, { role: "operator", name: "ops" });
  access.assertMayCreate("agent");
  await made(book, { role: "reader", name: "board" });
  await assert.rejects(revoke("ops"), { code: "CONFLICT" });
  await revoke("board");
  const beyond = new Access({ tokens: book, hosts: ["0.0.0.0"] });
  await assert.rejects(
    book.revoke("ops", "local", (token) => beyond.assertMayRevoke(token)),
    { code: "CONFLICT" },
  );
  await revoke("ops");
  assert.equal(access.requiresToken, false);
});

test("names of tokens are unique, and a token is revoked by name or id", async () => {
  const { book } = bookOf();
  const { record } = await book.create({ role: "operator", name: "ops" }, "local");
  await assert.rejects(made(book, { role: "reader", name: "ops" }), { code: "ALREADY_EXISTS" });
  await assert.rejects(made(book, { role: "reader", name: record.id }), { code: "ALREADY_EXISTS" });
  await assert.rejects(book.revoke("nobody", "local"), { code: "NOT_FOUND" });
  const revoked = await book.revoke(record.id, "token:x");
  assert.equal(revoked.revokedBy, "token:x");
});

test("a token that the disk did not take is none", async () => {
  const { book, disk } = bookOf();
  disk.isFull = true;
  await assert.rejects(made(book, { role: "operator" }), { code: "STORAGE_FULL" });
  assert.deepEqual(book.list(), []);
  disk.isFull = false;
  const { record, text } = await book.create({ role: "operator" }, "local");
  disk.isFull = true;
  await assert.rejects(book.revoke(record.id, "local"), { code: "STORAGE_FULL" });
  assert.equal(book.admit(text).id, record.id);
});

test("the last use is known at once and written within a minute", async () => {
  const { book, clock, disk } = bookOf();
  const { record, text } = await book.create({ role: "operator" }, "local");
  assert.equal(disk.tokens.get(record.id)?.lastUsedAtUs, undefined);
  await clock.run(5e6);
  book.admit(text);
  const usedUs = clock.nowUs();
  assert.equal(book.list()[0]?.lastUsedAtUs, usedUs);
  await clock.run(60e6);
  assert.equal(disk.tokens.get(record.id)?.lastUsedAtUs, usedUs);
});
